"""Put a function's calls through a detour, without replacing the function.

``setattr(module, "train", wrapper)`` leaves two functions where there was one: names
imported earlier still mean the old one, and pickle, which compares identities, refuses
whichever it did not find.  Here the function keeps its identity, and only its code is
swapped, for code that calls ``detour(original, *args, **kwargs)``; every name,
decorator and bound method that leads to it keeps leading to it.

Only documented parts of Python are used (assigning ``__code__``, ``code.replace``), but
that a constant of a code object may be any object is not promised anywhere.
`self_check` therefore tries it out once a process, and where it does not work nothing
is patched.
"""

from __future__ import annotations

import functools
import inspect
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .importlib_bootstrap import FILE, Detour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType


def install(function: FunctionType, detour: Detour) -> Callable[[], bool]:
    """Redirect the calls of ``function``; returns what takes the redirection out again.

    The remover does nothing and returns False while a later redirection of the same
    function is on top.  Raises `TypeError` for generator functions, whose body does not
    run when they are called.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function.__qualname__} is a generator function; those cannot be observed")
    self_check()
    return _install(function, detour)


def detours(function: FunctionType) -> Iterator[Detour]:
    """The detours of a function, from the outermost to the innermost."""
    while (found := _ours(function.__code__)) is not None:
        detour, function = found
        yield detour


def own_code(function: FunctionType) -> CodeType:
    """The code that was a function's before any redirection."""
    while (found := _ours(function.__code__)) is not None:
        function = found[1]
    return function.__code__


def undetoured(function: FunctionType) -> FunctionType:
    """The function as it is below all detours: its own code, its own parameters."""
    while (found := _ours(function.__code__)) is not None:
        function = found[1]
    return function


def innermost(owner: Any, name: str) -> FunctionType:
    """The plain function behind an attribute: past descriptors and decorators.

    Patching the definition is invisible to whoever wrapped it or will wrap it.
    Raises `AttributeError` if there is no such attribute, `TypeError` if it leads to no
    Python function.
    """
    found = inspect.getattr_static(owner, name)
    if isinstance(found, (classmethod, staticmethod)):
        found = found.__func__
    found = inspect.unwrap(
        found, stop=lambda f: isinstance(f, FunctionType) and _ours(f.__code__) is not None
    )
    if not isinstance(found, FunctionType):
        raise TypeError(f"{name} is no Python function but a {type(found).__name__}")
    return found


@functools.cache
def self_check() -> None:
    """Try a redirection out; raises `TypeError` where this Python does not do as it should."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise TypeError("code cannot be swapped safely on a free-threaded Python; run with PYTHON_GIL=1")
    seen: list[int] = []

    class Probe(Detour):
        def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
            seen.append(1)
            return original(*args, **kwargs)

    def sample(a: int, *, b: int = 2) -> tuple[int, ...]:
        return a, b, len(seen)

    before = sample.__code__
    remove = _install(sample, Probe())  # type: ignore[arg-type]
    if sample(1, b=3) != (1, 3, 1) or not remove() or sample.__code__ is not before or sample(1) != (1, 2, 1):
        raise TypeError(f"code cannot be swapped on this Python ({sys.version.split()[0]})")


def _install(function: FunctionType, detour: Detour) -> Callable[[], bool]:
    code, had = function.__code__, vars(function).get("__wrapped__")
    original = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(original, function)
    original.__dict__.pop("__wrapped__", None)
    original.__dict__.update(vars(function))

    blank = _blank(code.co_freevars, inspect.iscoroutinefunction(function))
    parts = {"detour": detour, "original": original}
    ours = blank.replace(
        co_consts=tuple(parts.get(c, c) if isinstance(c, str) else c for c in blank.co_consts),
        co_name=code.co_name,  # what tracebacks and profilers show
        co_qualname=code.co_qualname,
    )
    function.__code__ = ours
    vars(function)["__wrapped__"] = original  # what inspect.signature and getsource follow

    def remove() -> bool:
        if function.__code__ is not ours:
            return False
        function.__code__ = code
        if vars(function).get("__wrapped__") is original:
            del vars(function)["__wrapped__"]
            if had is not None:
                vars(function)["__wrapped__"] = had
        return True

    return remove


def _ours(code: CodeType) -> tuple[Detour, FunctionType] | None:
    if code.co_filename != FILE:
        return None
    detour = next((c for c in code.co_consts if isinstance(c, Detour)), None)
    original = next((c for c in code.co_consts if isinstance(c, FunctionType)), None)
    return (detour, original) if detour is not None and original is not None else None


@functools.cache
def _blank(free: tuple[str, ...], coroutine: bool) -> CodeType:
    """Compile a template; CPython demands as many free variables as the function had."""
    source = "\n".join(
        [
            "def outer():",
            *(f"    {name} = None" for name in free),
            f"    {'async ' if coroutine else ''}def blank(*args, **kwargs):",
            *(f"        nonlocal {name}" for name in free),
            # "or 0" is folded away; a plain constant in front of a call is a SyntaxWarning
            f"        return {'await ' if coroutine else ''}('detour' or 0)('original', *args, **kwargs)",
            "    return blank",
        ]
    )
    scope: dict[str, Any] = {}
    exec(compile(source, FILE, "exec"), scope)  # noqa: S102 - the lines above
    code: CodeType = scope["outer"]().__code__
    return code
