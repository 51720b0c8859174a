"""Estimators in skops' format: data and names of types, no code.

Loading reads the names first. Those that scikit-learn's own models are made of are on our reviewed list
(`trusted`); any other is refused by name before anything is imported or built, unless the caller trusts
it. The list is in this package and never in the folder. After loading, `audit` checks what compiled code
would follow blindly.
"""

from __future__ import annotations

import json
import sys
import threading
import zipfile
from typing import TYPE_CHECKING, Any

from epochal import errors
from epochal.models.graph import nameless

if TYPE_CHECKING:
    from pathlib import Path

FILE = "model.skops"
_importing = threading.Lock()

# Loaded only by skops' search for estimators, each of them importing a whole framework that nobody asked for.
_UNWANTED = {f"sklearn.externals.array_api_compat.{name}": name for name in ("torch", "cupy", "dask")}


class SklearnFlavor:
    """Everything with scikit-learn's `BaseEstimator` among its bases."""

    name = "sklearn"
    version = 1
    types = ("sklearn.base:BaseEstimator",)
    executes_code = False

    def save(self, model: Any, folder: Path) -> dict[str, Any]:
        """Write `model.skops`; raises `errors.EpochalError` naming what the format cannot hold."""
        import sklearn

        if local := nameless(model):  # skops would write the name, and find nothing under it when loading
            raise errors.EpochalError(
                f"a {type(model).__name__} cannot be kept in skops' format: it holds {', '.join(local)}, "
                "which no other process could find by that name; define it in a module, or pass "
                "flavor='pickle', which keeps it in a form that runs code when it is loaded"
            )
        skops = skops_io()
        try:
            skops.dump(model, folder / FILE)
        except Exception as error:
            (folder / FILE).unlink(missing_ok=True)
            raise errors.EpochalError(
                f"a {type(model).__name__} cannot be kept in skops' format "
                f"({type(error).__name__}: {error}); "
                "flavor='pickle' keeps it in a form that runs code when it is loaded"
            ) from error
        return {
            "class": f"{type(model).__module__}.{type(model).__qualname__}",
            "sklearn": sklearn.__version__,
        }

    def load(self, folder: Path, meta: dict[str, Any], trust: frozenset[str]) -> Any:
        """Build the estimator; `errors.Untrusted` names the types that neither we nor ``trust`` vouch for."""
        names, vouched = _review(folder)
        missing = sorted(names - trust - vouched)
        if missing:
            raise errors.Untrusted(
                f"the model in {folder} contains types that are not known to be safe: {', '.join(missing)}; "
                f"if you trust where it comes from, pass trust={sorted(trust.union(missing))!r}",
                missing,
            )
        model = skops_io().load(folder / FILE, trusted=sorted(names))
        from . import audit

        audit.check(model)
        return model

    def untrusted(self, folder: Path, meta: dict[str, Any]) -> list[str]:
        """Return the names of types in the folder that are not on the reviewed list; builds nothing."""
        names, vouched = _review(folder)
        return sorted(names - vouched)

    def predict(self, model: Any, data: Any) -> Any:
        """Predict, transform or score the samples: whatever the estimator is for."""
        for name in ("predict", "transform", "score_samples"):
            if hasattr(model, name):
                return getattr(model, name)(data)
        raise errors.EpochalError(
            f"a {type(model).__name__} says nothing about new data: it has no predict and no transform"
        )

    def requirements(self) -> list[str]:
        """Return what reading the format needs besides the model's own packages."""
        return ["scikit-learn", "skops"]


def _review(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that skops does not vouch for, and those that we do; builds nothing."""
    try:
        schema = _schema(folder / FILE)
        names = frozenset(skops_io().get_untrusted_types(file=folder / FILE))
    except (OSError, zipfile.BadZipFile, RecursionError, KeyError, TypeError, ValueError) as error:
        raise errors.FormatError(
            f"{folder / FILE} is no skops file that can be read ({type(error).__name__}: {error})"
        ) from error
    from .trusted import FAMILIES, TYPES

    functions = FAMILIES["score functions"].names | FAMILIES["array functions"].names
    return names, TYPES - (_called(schema) & functions)  # a function may be named, not called by loading


def _schema(path: Path) -> Any:
    """Read what the file says it holds, if it is no bigger inside than outside: `save` never compresses."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            message = "it unpacks to more than its own size"
            raise ValueError(message)
        return json.loads(archive.read("schema.json"))


def _called(schema: Any) -> set[str]:
    """Return the names of all that is not merely named, but built: called with the file's arguments."""
    found, pending = set(), [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("__loader__") not in ("FunctionNode", "TypeNode", None):
                found.add(f"{node.get('__module__')}.{node.get('__class__')}")
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return found


def skops_io() -> Any:
    """Import `skops.io` without the frameworks it would take along.

    To list scikit-learn's estimators skops walks every package of it, and one of those imports torch: 1.4 s,
    200 MB and torch's threads in a process that trains a forest.  Where torch is not there already, that
    package is hidden for the length of the import; nobody misses it: who uses it has imported torch.
    """
    found = sys.modules.get("skops.io")
    if found is not None and not getattr(found.__spec__, "_initializing", False):
        return found
    with _importing:
        hidden = [
            name for name, needs in _UNWANTED.items() if needs not in sys.modules and name not in sys.modules
        ]
        for name in hidden:
            sys.modules[name] = None  # type: ignore[assignment] # what the import system reads as "not there"
        try:
            import skops.io
        finally:
            for name in hidden:
                sys.modules.pop(name, None)
    return skops.io
