"""The frames that stand between a caller and the observed function, and nothing else.

The odd name is for Python's warnings: ``warnings.warn(..., stacklevel=2)`` in an
observed function must point at the user's line as it did before, and Python leaves out
frames of files whose name contains both "importlib" and "_bootstrap" when it counts.

Here, and only here, the original is called: exactly once, whatever observers do.  The
code is so small because an error in these very lines is the one that nothing catches.
"""

from __future__ import annotations

import functools
import operator
import sys
from typing import TYPE_CHECKING, Any

from .. import errors
from . import admission

if TYPE_CHECKING:
    from types import FunctionType

    from .call import Call, Watched

FILE = __file__

unreported = 0
"""Errors of the engine that could not even be reported."""


class Detour:
    """What a redirected function calls: ``detour(original, *args, **kwargs)``.

    For a coroutine function the result is awaited.
    """

    def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        """Call ``original``, once."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        # cloudpickle sends functions of a notebook by value, code and constants included.
        # Where they arrive nobody watches, and epochal may not be installed: there the
        # detour is ``operator.call``.
        return functools.partial, (operator.call,)


class Gate(Detour):
    """The detour through a point's observer."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched

    def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        """Call ``original`` once, between the two halves of the observer."""
        if not self.watched.active or (call := _admit(self.watched, original, args, kwargs)) is None:
            return original(*args, **kwargs)
        try:
            if not _begin(call):
                return original(*args, **kwargs)
            try:
                result = original(*call.args, **call.kwargs)
            except BaseException as error:
                _fail(call, error)
                raise
            _succeed(call, result)
            return result
        finally:
            if call.open:  # an interrupt between two of these lines
                call.close(sys.exc_info()[1])


class AsyncGate(Gate):
    """The same for a coroutine function."""

    async def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        """Call ``original`` once, between the two halves of the observer."""
        if not self.watched.active or (call := _admit(self.watched, original, args, kwargs)) is None:
            return await original(*args, **kwargs)
        try:
            if not _begin(call):
                return await original(*args, **kwargs)
            try:
                result = await original(*call.args, **call.kwargs)
            except BaseException as error:
                _fail(call, error)
                raise
            _succeed(call, result)
            return result
        finally:
            if call.open:
                call.close(sys.exc_info()[1])


def _admit(
    watched: Watched, original: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    try:
        return admission.admit(watched, original, args, kwargs)
    except Exception as error:
        _abandon(None, error)
        return None


def _begin(call: Call) -> bool:
    try:
        return call.begin()
    except BaseException as error:
        _abandon(call, error)
        if not isinstance(error, Exception):  # an interrupt is the user's
            raise
        return False


def _succeed(call: Call, result: Any) -> None:
    try:
        call.succeed(result)
    except BaseException as error:
        _abandon(call, error)
        if not isinstance(error, Exception):
            raise


def _fail(call: Call, error: BaseException) -> None:
    try:
        call.fail(error)
    except BaseException as ours:
        _abandon(call, ours)
        if not isinstance(ours, Exception):
            raise


def _abandon(call: Call | None, error: BaseException) -> None:
    """Clear up after an error of the engine itself; there is nobody left to tell if this fails too."""
    global unreported  # noqa: PLW0603 - a count
    try:
        if isinstance(error, Exception):
            errors.report("epochal.observe", "engine", error)
    except Exception:
        unreported += 1
    try:
        if call is not None:
            call.close(error)
    except Exception:
        unreported += 1
