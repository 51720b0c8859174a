"""Which distributions a model needs, found by looking at its objects: no subprocess, no import.

The types and functions reachable from the model name their modules, a module names its
distribution by the folder it was imported from, and that distribution's own metadata give
the version.  `importlib.metadata.packages_distributions` reads every installed package
for the same answer (160 ms for a hundred); this reads the few that matter.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import os
import re
import sys
from collections import deque
from importlib import metadata
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_BUDGET = 50_000  # objects looked at; a forest of 1,000 trees has 20,000
_ATOMS = (str, bytes, bytearray, int, float, complex, bool, type(None), range, memoryview)
_CLOSED = {ModuleType, CodeType, FrameType, BuiltinFunctionType}
_SAMPLE = 1000  # elements of a long container
_MAIN = {"__main__", "__mp_main__"}
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
        found = None if top in _MAIN else distribution_of(top, also)
        if found is None:
            own.add("__main__" if top in _MAIN else top)
        else:
            _note(found, frameworks, local)
    lines = [f"{name}=={public(frameworks[name])}" for name in sorted(frameworks)]
    return Requirements(dict(sorted(frameworks.items())), lines, sorted(local), sorted(own))


def public(version: str) -> str:
    """The version without its local part (``2.13.0+cpu``), which no index has; ``==`` accepts any."""
    return version.partition("+")[0]


def modules(model: Any) -> set[str]:
    """Modules of the types and functions reachable from the model; at most 50,000 objects are looked at."""
    found: set[str] = set()
    types: set[type] = set()
    seen: set[int] = set()
    stack = [model]
    while stack and len(seen) < _BUDGET:
        item = stack.pop()
        cls = type(item)  # never item.__class__: a proxy may run anything to answer
        if cls in _ATOMS or id(item) in seen:
            continue
        seen.add(id(item))
        kind = item if issubclass(cls, type) else cls
        if kind not in types:
            types.add(kind)
            stack.extend(_methods(kind))
        if kind is item:
            continue
        if cls in {FunctionType, BuiltinFunctionType, ModuleType}:
            found.add(item.__name__ if cls is ModuleType else item.__module__ or "builtins")
        stack.extend(_held(item, cls))
    origins: set[Any] = {ancestor.__module__ for cls in types for ancestor in cls.__mro__}
    return found | {module for module in origins if isinstance(module, str)}


def distribution_of(top: str, likely: tuple[str, ...] = ()) -> metadata.Distribution | None:
    """The distribution that brought the top-level module ``top``; ``likely`` ones are asked first."""
    return _distribution_of(top, _place(top), likely)


def _held(item: Any, cls: type) -> Iterable[Any]:
    """What to look at next: data that an object holds, never what its class or module holds."""
    if cls is FunctionType:
        return _held_by_function(item)
    if cls in _CLOSED:
        return ()
    if cls.__module__ == "numpy":  # arrays do not show their elements to the garbage collector
        return list(item.flat[:_SAMPLE]) if str(getattr(item, "dtype", "")) == "object" else ()
    if cls in {list, tuple, set, frozenset, deque} and len(item) > _SAMPLE:
        return itertools.islice(item, _SAMPLE)
    if cls is dict and len(item) > _SAMPLE:
        return itertools.chain.from_iterable(itertools.islice(item.items(), _SAMPLE))
    return gc.get_referents(item)


def _methods(cls: type) -> list[Any]:
    """The methods of a class that is pickled by value, for what they name has to be there too."""
    if cls.__module__ not in _MAIN:
        return []
    return [
        value
        for value in vars(cls).values()
        if isinstance(value, FunctionType | staticmethod | classmethod | property)
    ]


def _held_by_function(function: FunctionType) -> list[Any]:
    """Defaults and closure; of a function pickled by value also the types and functions it names."""
    held: list[Any] = [function.__defaults__, function.__kwdefaults__, function.__closure__]
    if function.__module__ in _MAIN:
        named = (function.__globals__.get(name) for name in function.__code__.co_names)
        held.extend(value for value in named if isinstance(value, type | FunctionType | ModuleType))
    return held


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
