"""Which distributions a model needs, found by looking at its objects: no subprocess, no import.

The types and functions reachable from the model name their modules, a module names its
distribution by the folder it was imported from, and that distribution's own metadata give
the version.  `importlib.metadata.packages_distributions` reads every installed package
for the same answer (160 ms for a hundred); this reads the few that matter.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .graph import MAIN, modules

if TYPE_CHECKING:
    from collections.abc import Iterable

_STANDARD = sys.stdlib_module_names


class Requirements(msgspec.Struct, frozen=True):
    """What was found; the fields are those of the manifest."""

    frameworks: dict[str, str]
    requirements: list[str]
    local: list[str]
    modules: list[str]


def infer(model: Any, also: Iterable[str] = ()) -> Requirements:
    """What the model's objects come from, and the distributions ``also``, pinned."""
    frameworks: dict[str, str] = {}
    local: set[str] = set()
    own: set[str] = set()
    also = tuple(also)
    for name in also:
        try:
            _note(metadata.distribution(name), frameworks, local)
        except metadata.PackageNotFoundError:
            own.add(name)  # what the flavor needs and metadata do not know: say so rather than leave it out
    for top in sorted({name.partition(".")[0] for name in modules(model)} - _STANDARD):
        found = None if top in MAIN else distribution_of(top, also)
        if found is None:
            own.add("__main__" if top in MAIN else top)
        else:
            _note(found, frameworks, local)
    lines = [f"{name}=={public(frameworks[name])}" for name in sorted(frameworks)]
    return Requirements(dict(sorted(frameworks.items())), lines, sorted(local), sorted(own))


def public(version: str) -> str:
    """The version without its local part (``2.13.0+cpu``), which no index has; ``==`` accepts any."""
    return version.partition("+")[0]


def distribution_of(top: str, likely: tuple[str, ...] = ()) -> metadata.Distribution | None:
    """The distribution that brought the top-level module ``top``; ``likely`` ones are asked first."""
    return _distribution_of(top, _place(top), likely)


def _place(top: str) -> str:
    """The folder that the module was imported from, as on ``sys.path``; empty if it cannot be told."""
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return ""
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).parent)
    return str(Path(spec.origin).parent) if spec.has_location and spec.origin else ""


@functools.lru_cache(maxsize=1024)
def _distribution_of(top: str, place: str, likely: tuple[str, ...]) -> metadata.Distribution | None:
    """Ask the one of the same name, the likely ones, all that lie beside the module, then all."""
    for name in (top, *likely):
        with contextlib.suppress(metadata.PackageNotFoundError):
            if _owns(named := metadata.distribution(name), top, place):
                return named
    beside = metadata.distributions(path=[place]) if place else ()
    return next((found for found in (*beside, *metadata.distributions()) if _owns(found, top, place)), None)


def _owns(found: metadata.Distribution, top: str, place: str) -> bool:
    """Whether the module lies beside the metadata that list it, or where an editable install points."""
    record = found.read_text("RECORD") or ""
    if place and os.path.realpath(str(found.locate_file(""))) != os.path.realpath(place):
        return any(
            _points_to(found, name, place) for name in re.findall(r"^([^/,]+\.pth),", record, re.MULTILINE)
        )
    if top in (found.read_text("top_level.txt") or "").split():
        return True
    return re.search(rf"^{re.escape(top)}(/|\.py,|\.[^/,]*(so|pyd),)", record, re.MULTILINE) is not None


def _points_to(found: metadata.Distribution, name: str, place: str) -> bool:
    try:
        lines = Path(str(found.locate_file(name))).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return place in lines


def _note(found: metadata.Distribution, frameworks: dict[str, str], local: set[str]) -> None:
    described = found.metadata  # parsed anew at each access
    name = described["Name"]
    frameworks[name] = described["Version"]
    if '"file://' in (found.read_text("direct_url.json") or ""):
        local.add(name)
