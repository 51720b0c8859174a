"""A flavor: how the models of one framework become files, and files become models again.

A flavor is any object with the attributes of `Flavor`; a plugin returns it from the hook
``flavors``.  It writes and reads its own files and nothing else: the core makes the
folder, takes the digests, infers signature and requirements, writes `model.json` last
and, before a flavor sees a folder again, has verified every file in it.

Changing what a flavor writes: raise ``version``, let ``load`` read the older folders too
(``meta`` tells them apart), keep a folder of each version under ``tests/formats/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from epochal import errors, plugins

if TYPE_CHECKING:
    from pathlib import Path

# Whose plugin to suggest; a name that is not ours is never suggested for installation.
_PLUGINS = {
    "sklearn": "epochal-sklearn",
    "xgboost": "epochal-xgboost",
    "lightning": "epochal-lightning",
    "transformers": "epochal-transformers",
    "keras": "epochal-keras",
    "torch": "epochal-torch",
}


class Flavor(Protocol):
    """What every flavor has.

    Three more methods are used where a flavor has them:

    - ``predict(model, data)``: what a `Predictor` calls instead of ``model.predict``.
    - ``requirements() -> list[str]``: distributions needed to load, besides those that
      the model's own objects come from.  ``meta["requirements"]`` may name more.
    - ``untrusted(folder, meta) -> list[str]``: names of the types in the folder that are
      not on the flavor's own reviewed list; found without importing or building any.
    """

    name: str
    """What the manifest and ``flavor="..."`` call it."""

    version: int
    """Of the format that ``save`` writes; a folder with a higher one is refused."""

    types: tuple[str, ...]
    """``"module:Class"``, public names welcome: these and their subclasses are kept by it."""

    executes_code: bool
    """Whether the format itself can run code; such a flavor loads only by ``trust=[name]``."""

    def save(self, model: Any, folder: Path) -> dict[str, Any]:
        """Write the model into the empty ``folder``; return what ``load`` needs to know, as JSON.

        Raise any exception that says why if the model cannot be kept in this format;
        never write a less safe one instead.
        """
        ...

    def load(self, folder: Path, meta: dict[str, Any], trust: frozenset[str]) -> Any:
        """Build the model from the folder and what ``save`` returned.

        ``folder`` may be gone when this has returned.  ``meta`` comes from the folder, so
        it is the file's word, not ours.  What is neither on the flavor's reviewed list
        (in its code, never in the folder) nor in ``trust`` is refused by raising
        ``errors.Untrusted("...", names)`` *before* anything is imported or built.
        """
        ...


def choose(model: Any, flavor: str | Flavor | None = None) -> Flavor:
    """The flavor asked for, or the one for the nearest class in the model's ancestry."""
    if isinstance(flavor, str):
        return named(flavor)
    if flavor is not None:
        return flavor
    cls = type(model)
    found: Flavor | None = plugins.registry("flavors").for_type(cls)
    if found is None:
        known = ", ".join(plugins.registry("flavors").names)
        raise errors.NotFound(
            f"no flavor keeps a {cls.__module__}.{cls.__qualname__}; there are: {known}"
            f"{_suggest(_tops(cls))}. "
            "flavor='pickle' keeps any object, in a form that runs code when it is loaded"
        )
    return found


def named(name: str) -> Flavor:
    """The flavor of this name, or an error that says which there are."""
    known = plugins.registry("flavors")
    if name not in known:
        raise errors.NotFound(f"no flavor named {name!r}; {known.known(name)}{_suggest([name])}")
    found: Flavor = known[name]
    return found


def _suggest(names: list[str]) -> str:
    wanted = next((_PLUGINS[name] for name in names if name in _PLUGINS), None)
    return f"; pip install {wanted}" if wanted else ""


def _tops(cls: type) -> list[str]:
    return [c.__module__.partition(".")[0] for c in cls.__mro__]
