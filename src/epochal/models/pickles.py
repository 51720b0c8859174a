"""The last resort: pickle.  It keeps any object, and loading it can run any code.

So it is never chosen by type, only by ``flavor="pickle"``, and never loads without
``trust=["pickle"]``.  Objects with classes or functions of ``__main__`` (a notebook, a
script) are written by cloudpickle, which takes their code along; plain pickle would save
them and be unable to load them anywhere else.
"""

from __future__ import annotations

import importlib.util
import pickle
from typing import TYPE_CHECKING, Any

from epochal import errors
from epochal.hooks import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "model.pkl"


class PickleFlavor:
    """Any object, as a pickle of protocol 5."""

    name = "pickle"
    version = 1
    types: tuple[str, ...] = ()
    executes_code = True

    def save(self, model: Any, folder: Path) -> dict[str, Any]:
        """Write with pickle, or with cloudpickle where code has to come along."""
        if _holds_own_code(model):
            import cloudpickle

            (folder / _FILE).write_bytes(cloudpickle.dumps(model, protocol=5))
            return {"requirements": ["cloudpickle"]}
        with (folder / _FILE).open("wb") as file:
            pickle.dump(model, file, protocol=5)
        return {}

    def load(self, folder: Path, meta: dict[str, Any], trust: frozenset[str]) -> Any:
        """Unpickle, if the caller has named pickle."""
        del meta
        if self.name not in trust:
            raise errors.Untrusted("a pickle can run any code", [self.name])
        with (folder / _FILE).open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the caller has asked for it by name

    def untrusted(self, folder: Path, meta: dict[str, Any]) -> list[str]:
        """The format as a whole: what a pickle will do cannot be told by looking at it."""
        del folder, meta
        return [self.name]


def _holds_own_code(model: Any) -> bool:
    from .graph import modules

    if not {"__main__", "__mp_main__"} & modules(model):
        return False
    if importlib.util.find_spec("cloudpickle") is None:
        raise errors.ValueRefused(
            "it uses classes or functions of this script or notebook: pip install cloudpickle, "
            "or move them to a module"
        )
    return True


@hookimpl
def flavors() -> list[PickleFlavor]:
    """Add the pickle flavor."""
    return [PickleFlavor()]
