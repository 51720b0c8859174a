"""Loading: read, audit, construct, in this order and never mixed.

*Read* parses the manifest and imports nothing.  *Audit* verifies every byte against its
digest, finds the flavor among the installed ones (a name in a file never imports
anything), and refuses what is neither reviewed nor trusted by the caller.  Only then the
flavor *constructs*.  There is no way back from a safe format to an unsafe one.  What was
verified is what is read as long as nobody else writes to the folder meanwhile; models of
runs are read from a private copy.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from epochal import errors, plugins

from . import flavors, manifest
from . import trust as trusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .flavors import Flavor
    from .manifest import Manifest

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/")  # two letters and more: C:/ is a folder


class Place(msgspec.Struct, frozen=True):
    """A model's folder, and what the user called it."""

    folder: Path
    ref: str


def load_model(ref: str | os.PathLike[str], trust: Iterable[str] = ()) -> Any:
    """Load the model that ``ref`` names: a folder, or ``runs:/ID/NAME``, the id as far as it is unique.

    Types that the flavor does not know to be safe are refused by `errors.Untrusted`, whose
    message holds the exact ``trust=[...]`` to pass once you have looked at them.
    """
    names = trusted.names(trust)
    with locate(ref) as place:
        read = manifest.read(place.folder, place.ref)
        flavor = audit(place, read, names, "load_model")
        return construct(place, read, flavor, names, "load_model")


@contextlib.contextmanager
def locate(ref: str | os.PathLike[str]) -> Iterator[Place]:
    """The folder of a model while the block runs; that of a run's model is a verified copy."""
    text = os.fspath(ref)
    scheme = _SCHEME.match(text)
    if scheme is None:
        folder = Path(text)
        yield Place(folder.parent if folder.name == manifest.NAME else folder, text)
    elif scheme[1] == "runs":
        with tempfile.TemporaryDirectory(prefix="epochal-") as folder_name:
            _materialize(text, Path(folder_name))
            yield Place(Path(folder_name), text)
    elif scheme[1] in {"models", "artifact"}:
        raise errors.NotFound(
            f"{text}: {scheme[1]}:/ is not available in this version; use runs:/ID/NAME or a folder"
        )
    else:
        raise errors.NotFound(f"{text}: nothing is known about {scheme[1]}:/; use runs:/ID/NAME or a folder")


def audit(place: Place, read: Manifest, names: frozenset[str], call: str) -> Flavor:
    """The flavor that may construct the model, or the reason why none may."""
    manifest.verify(place.folder, read, place.ref)
    flavor = flavors.named(read.flavor)
    supported(place, read, flavor)
    if flavor.executes_code and flavor.name not in names:
        raise trusted.code_refusal(place.ref, flavor.name, names, call)
    if missing := unknown_types(place, read, flavor) - names:
        raise trusted.refusal(place.ref, missing, names, call)
    return flavor


def supported(place: Place, read: Manifest, flavor: Flavor) -> None:
    """Refuse a folder that a later version of the flavor wrote."""
    if not 1 <= read.flavor_version <= flavor.version:
        raise errors.FormatError(
            f"the model in {place.ref} was written by a newer {flavor.name!r} flavor "
            f"(format {read.flavor_version}); this one reads up to {flavor.version}: "
            "upgrade the package that brings it"
        )


def unknown_types(place: Place, read: Manifest, flavor: Flavor) -> frozenset[str]:
    """Types in the folder that the flavor has not reviewed, as far as it can tell without building."""
    found = {flavor.name} if flavor.executes_code else set()
    look = getattr(flavor, "untrusted", None)
    if look is None:
        return frozenset(found)
    try:
        return frozenset(found.union(look(place.folder, read.meta)))
    except (errors.EpochalError, MemoryError):
        raise
    except Exception as error:
        raise _unreadable(place, read, error) from error


def construct(place: Place, read: Manifest, flavor: Flavor, names: frozenset[str], call: str) -> Any:
    """Let the flavor build the model; whatever it raises becomes one line that says what to do."""
    try:
        model = flavor.load(place.folder, read.meta, names)
        _mention_versions(place, read, flavor)
        return model
    except errors.Untrusted as error:
        raise trusted.refusal(place.ref, error.names, names, call) from error
    except (errors.EpochalError, MemoryError):
        raise
    except ImportError as error:
        install = f"pip install {' '.join(read.requirements)}"
        raise errors.NotFound(f"the model in {place.ref} needs {error.name or error}: {install}") from error
    except Exception as error:
        raise _unreadable(place, read, error) from error


def changed_versions(read: Manifest) -> list[tuple[str, str, str | None]]:
    """Distributions whose version here is not the saved one: name, then, now (None: not installed)."""
    from importlib import metadata

    found = []
    for name, then in read.frameworks.items():
        try:
            now = metadata.version(name)
        except metadata.PackageNotFoundError:
            now = None
        if now != then:
            found.append((name, then, now))
    return found


def _mention_versions(place: Place, read: Manifest, flavor: Flavor) -> None:
    """Say once that a framework is not of the release (major.minor) that the model was made with."""
    noted = getattr(flavor, "requirements", None)
    own = noted() if noted else ()
    for name, then, now in changed_versions(read):
        if name in own and now is not None and then.split(".")[:2] != now.split(".")[:2]:
            errors.warn_once(
                ("model versions", name, then),
                "the model in %s was saved with %s %s and is used with %s; it may answer otherwise",
                place.ref, name, then, now,
            )  # fmt: skip


def _unreadable(place: Place, read: Manifest, error: Exception) -> errors.FormatError:
    changed = [f"{name} {then}, here {now or 'none'}" for name, then, now in changed_versions(read)]
    hint = f". It was saved with {'; '.join(changed)}" if changed else ""
    return errors.FormatError(
        f"the flavor {read.flavor!r} cannot read the model in {place.ref}: "
        f"{type(error).__name__}: {error}{hint}"
    )


def _materialize(ref: str, folder: Path) -> None:
    name, _, model = ref.removeprefix("runs:/").strip("/").partition("/")
    if not name or not model:
        raise errors.NotFound(f"{ref!r} names no model; write runs:/ID/NAME, as in runs:/0192ab/model")
    from epochal.artifacts.objects import Objects
    from epochal.store import Store

    store = Store.open()
    run = store.run(name)
    artifact = store.artifact(run.id, model)
    if artifact is None or artifact["type"] != "model":
        known = [entry["name"] for entry in run.models]
        raise errors.NotFound(f"the run {run.id} has no model {model!r}; {plugins.instead(model, known)}")
    Objects(store.root).materialize(artifact["files"], folder)
