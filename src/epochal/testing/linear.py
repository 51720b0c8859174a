"""A whole flavor in sixty lines: what the core's own tests use, and what a plugin may start from.

It keeps linear models as JSON.  One class is on its reviewed list; any other must be
trusted by name, and only then its module is imported.
"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

from epochal import errors
from epochal.hooks import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

REVIEWED = frozenset({"epochal.testing.linear.Linear"})


class Linear:
    """``X @ weights + bias``."""

    def __init__(self, weights: np.ndarray[Any, Any], bias: float) -> None:
        self.weights, self.bias = weights, bias

    def predict(self, X: Any) -> Any:  # noqa: N803 - as the field writes it
        """One number a row."""
        import numpy as np

        return np.asarray(X) @ self.weights + self.bias


class Doubled(Linear):
    """A subclass that nobody has reviewed."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - as the field writes it
        """Twice what a `Linear` says."""
        return 2 * super().predict(X)


class LinearFlavor:
    """Linear models, as JSON."""

    name = "linear"
    version = 1
    types = ("epochal.testing.linear:Linear",)
    executes_code = False

    def save(self, model: Linear, folder: Path) -> dict[str, Any]:
        """Write the numbers; JSON keeps every float exactly, but no NaN."""
        data = {"weights": model.weights.tolist(), "bias": model.bias}
        (folder / "linear.json").write_text(json.dumps(data, allow_nan=False))
        return {"class": f"{type(model).__module__}.{type(model).__qualname__}"}

    def untrusted(self, folder: Path, meta: dict[str, Any]) -> list[str]:
        """The class, unless reviewed."""
        del folder
        return sorted({str(meta.get("class"))} - REVIEWED)

    def load(self, folder: Path, meta: dict[str, Any], trust: frozenset[str]) -> Linear:
        """Look up the class if it may be, then fill it."""
        import numpy as np

        if missing := [name for name in self.untrusted(folder, meta) if name not in trust]:
            raise errors.Untrusted("not reviewed", missing)
        module, _, name = meta["class"].rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        data = json.loads((folder / "linear.json").read_text())
        model: Linear = cls(np.array(data["weights"], dtype=np.float64), float(data["bias"]))
        return model

    def requirements(self) -> list[str]:
        """What `load` imports."""
        return ["numpy"]


@hookimpl
def flavors() -> list[LinearFlavor]:
    """Add the flavor; a plugin's module does the same."""
    return [LinearFlavor()]
