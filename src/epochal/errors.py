"""What epochal raises, and how it keeps its own mistakes from its users.

Two worlds meet here.  What a *user* got wrong is raised as one of the errors below,
with a message that says what, where and what to do next.  What *epochal* got wrong
while somebody trains is never raised: `guard` swallows it and `report` says it once.
Tests turn `strict` on; whatever was swallowed then fails the test that swallowed it.
"""

from __future__ import annotations

import functools
import logging
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

log = logging.getLogger("epochal")
strict = False
swallowed: list[BaseException] = []
"""What `report` was told while `strict` was on."""

_said: set[object] = set()

C = TypeVar("C", bound=type)


class EpochalError(Exception):
    """Base of everything that epochal raises."""


class SettingsError(EpochalError):
    """A setting has a value that makes no sense."""


class NotFound(EpochalError):
    """Nothing has this name: no such run, model, artifact, framework."""


class StoreError(EpochalError):
    """The store cannot be read or written."""


class FormatError(EpochalError):
    """A file is damaged, or was written in a format this version does not know."""


class Untrusted(EpochalError):
    """A model holds types that nobody vouched for; ``names`` lists them."""

    def __init__(self, message: str, names: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.names = tuple(names)


class SignatureMismatch(EpochalError):
    """Data do not fit the signature of the model."""


class QueryError(EpochalError):
    """A filter cannot be understood."""


class PluginError(EpochalError):
    """A plugin does not keep to the rules."""


class PluginConflict(PluginError):
    """Two plugins add something of the same kind and name."""


class ObserverError(PluginError):
    """An observer broke its contract."""


class ValueRefused(EpochalError, ValueError):
    """A value cannot be kept exactly; the message gives the reason."""


def report(where: str, phase: str, error: BaseException) -> None:
    """Note an internal error: never raise it, and warn of each kind once."""
    if strict:
        swallowed.append(error)
    kind = (where, phase, type(error))
    level = logging.DEBUG if kind in _said else logging.WARNING
    _said.add(kind)
    log.log(
        level,
        "%s failed in %s (%s: %s); your code is not affected",
        where,
        phase,
        type(error).__name__,
        error,
        exc_info=error if log.isEnabledFor(logging.DEBUG) else None,
    )


def warn_once(key: object, message: str, *args: object) -> None:
    """Log a warning the first time ``key`` is seen in this process."""
    if key not in _said:
        _said.add(key)
        log.warning(message, *args)


def forget() -> None:
    """Forget which warnings were given; for tests."""
    _said.clear()
    swallowed.clear()


class guard:  # noqa: N801 - reads as a statement: `with guard(...)`
    """Swallow and report what goes wrong inside; let only exits and interrupts out."""

    __slots__ = ("expected", "phase", "where")

    def __init__(self, where: str, phase: str, expected: BaseException | None = None) -> None:
        self.where, self.phase, self.expected = where, phase, expected

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or error is self.expected:
            return True
        if not isinstance(error, Exception):
            return False
        report(self.where, self.phase, error)
        return True


def guarded(cls: C) -> C:
    """Decorate a class of callbacks handed to a framework: their errors stay here.

    A method that fails falls back to the framework's own method of that name.
    """
    for name, method in list(vars(cls).items()):
        if isinstance(method, FunctionType) and not name.startswith("__"):
            setattr(cls, name, _safe(cls, method))
    return cls


def _safe(cls: type, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def safe(self: object, *args: Any, **kwargs: Any) -> Any:
        with guard(cls.__qualname__, method.__name__):
            return method(self, *args, **kwargs)
        inherited = getattr(super(cls, self), method.__name__, None)
        return inherited(*args, **kwargs) if inherited else None

    return safe
