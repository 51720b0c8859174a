"""Adapters and their points: what is watched, since when, and why it may not be.

A point names the module that *defines* a callable, and is patched when that module has
been imported, so that enabling every adapter imports no framework.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from .. import errors
from . import versions
from .watching import State, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import FunctionType

    from .call import Call

    Observer = Callable[[Call], Generator[None, Any, None]]

MOST_POINTS = 3
"""How many points an adapter may have: a plugin that needs more is at the wrong seam."""


class Adapter:
    """The points of one framework, switched on and off together."""

    def __init__(
        self,
        name: str,
        *,
        requires: Mapping[str, str] | None = None,
        options: type | None = None,
        distribution: str | None = None,
    ) -> None:
        """Name the framework as users do in ``epochal.autolog("name")``.

        ``options`` is a frozen dataclass whose fields, all with defaults, are what
        ``autolog`` takes for this framework.  The supported versions are read from the
        extra "framework" of ``distribution``, by default "epochal-NAME"; ``requires``
        gives them here, where there is no such distribution.
        """
        self.name = name
        self.enabled = False
        self.points: list[Point] = []
        self.options_type = options
        self.options: Any = options() if options is not None else None
        self._requires = requires
        self._distribution = distribution or f"epochal-{name}"

    def __repr__(self) -> str:
        return (
            f"<Adapter {self.name}, {'enabled' if self.enabled else 'disabled'}, {len(self.points)} points>"
        )

    def around(self, *targets: str, nested: str = "skip", why: str = "") -> Callable[[Observer], Observer]:
        """Declare a point: what to observe, and the generator function that does.

        A target is ``"module:function"``, ``"module:Class.method"``, or
        ``"module:Class.method*"`` for the method as defined by the class and by every
        subclass, later ones too; ``"module:*_score"`` stands for the public functions of
        a module that match.  Several targets with one observer are one point.
        """
        if nested not in {"skip", "join"}:
            raise errors.ObserverError(f"nested is {nested!r}; it can be 'skip' or 'join'")
        if len(self.points) >= MOST_POINTS:
            raise errors.ObserverError(
                f"adapter {self.name!r} has {MOST_POINTS} points already, which is the most"
            )

        def declare(observer: Observer) -> Observer:
            if not inspect.isgeneratorfunction(observer):
                name = getattr(observer, "__qualname__", repr(observer))
                raise errors.ObserverError(f"{name} must be a generator function: it yields once")
            self.points.append(Point(self, targets, observer, nested, why))
            return observer

        return declare

    def enable(self) -> None:
        """Observe from now on; imports nothing."""
        self.enabled = True
        for point in self.points:
            point.watch()

    def disable(self, *, unpatch: bool = False) -> None:
        """Observe no more: patched functions pass straight through, or are restored."""
        self.enabled = False
        for point in self.points:
            point.refresh()
            if unpatch:
                point.unpatch()

    @functools.cached_property
    def complaint(self) -> str | None:
        """Why the installed framework cannot be observed; None if it can."""
        requires = self._requires
        if requires is None:
            requires = versions.supported_range(self._distribution)
        return versions.complaint(requires)

    def patched(self) -> list[FunctionType]:
        """The functions that go through this adapter now."""
        return [function for point in self.points for watch in point.watches for function in watch.functions]

    def states(self) -> list[State]:
        """Every target with its state."""
        return [watch.report() for point in self.points for watch in point.watches]


class Point:
    """One seam: an observer, and the targets it observes."""

    def __init__(
        self, adapter: Adapter, targets: tuple[str, ...], observer: Observer, nested: str, why: str
    ) -> None:
        self.adapter, self.observer, self.nested, self.why = adapter, observer, nested, why
        self.watches = [Watch(self, target) for target in targets]

    def watch(self) -> None:
        """Patch each target once its module is imported."""
        for watch in self.watches:
            watch.start()

    def refresh(self) -> None:
        """Take over the adapter's switch."""
        for watch in self.watches:
            watch.refresh()

    def unpatch(self) -> None:
        """Restore what was patched."""
        for watch in self.watches:
            watch.unpatch()
