"""What a model is made of: the types, functions and modules that can be reached from it.

The walk follows what the garbage collector sees and never asks an object anything: no
attribute, no comparison, no ``__class__``, so that a proxy or a trap is as good as a list.
It goes through data, never into what a class or a module holds, and ends at 50,000
objects; a forest of 1,000 trees has 20,000.
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections import deque
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAIN = {"__main__", "__mp_main__"}
_BUDGET = 50_000
_ATOMS = (str, bytes, bytearray, int, float, complex, bool, type(None), range, memoryview)
_CLOSED = {ModuleType, CodeType, FrameType, BuiltinFunctionType}
_SAMPLE = 1000  # elements of a long container


class Reach(NamedTuple):
    """What was found."""

    types: set[type]
    functions: list[FunctionType | BuiltinFunctionType]
    modules: list[ModuleType]


def reach(model: Any) -> Reach:
    """Walk the model."""
    found = Reach(set(), [], [])
    seen: set[int] = set()
    stack = [model]
    while stack and len(seen) < _BUDGET:
        item = stack.pop()
        cls = type(item)  # never item.__class__: a proxy may run anything to answer
        if cls in _ATOMS or id(item) in seen:
            continue
        seen.add(id(item))
        kind = item if issubclass(cls, type) else cls
        if kind not in found.types:
            found.types.add(kind)
            stack.extend(_methods(kind))
        if cls is ModuleType:
            found.modules.append(item)
        elif cls in {FunctionType, BuiltinFunctionType}:
            found.functions.append(item)
        if kind is not item:
            stack.extend(_held(item, cls))
    return found


def modules(model: Any) -> set[str]:
    """Names of the modules that the model's types and functions come from."""
    found = reach(model)
    origins: set[Any] = {ancestor.__module__ for cls in found.types for ancestor in cls.__mro__}
    origins.update(function.__module__ for function in found.functions)
    origins.update(module.__name__ for module in found.modules)
    return {name for name in origins if isinstance(name, str)}


def nameless(model: Any) -> list[str]:
    """Lambdas and local functions and classes in the model, which no other process can find by their names.

    A format that keeps names instead of code writes them and cannot read them again.
    """
    found = reach(model)
    local = [thing for thing in (*found.types, *found.functions) if "<" in thing.__qualname__]
    return sorted({f"{thing.__module__}.{thing.__qualname__}" for thing in local if not _is_found(thing)})


def _is_found(thing: Any) -> bool:
    """Whether the module has it under its own name all the same, as where a factory's result is assigned."""
    module = sys.modules.get(thing.__module__ or "")
    return vars(module).get(thing.__name__) is thing if module else False


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
    if cls.__module__ not in MAIN:
        return []
    return [
        value
        for value in vars(cls).values()
        if isinstance(value, FunctionType | staticmethod | classmethod | property)
    ]


def _held_by_function(function: FunctionType) -> list[Any]:
    """Defaults and closure; of a function pickled by value also the types and functions it names."""
    held: list[Any] = [function.__defaults__, function.__kwdefaults__, function.__closure__]
    if function.__module__ in MAIN:
        named = (function.__globals__.get(name) for name in function.__code__.co_names)
        held.extend(value for value in named if isinstance(value, type | FunctionType | ModuleType))
    return held
