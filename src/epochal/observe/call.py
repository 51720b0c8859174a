"""One observed call: what an observer may do to it, and how it begins and ends.

The calls that are open form a stack in a context variable.  The outermost owns the run.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from contextvars import ContextVar
from time import thread_time
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors
from ..context import current_run, managed_run
from . import callers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FunctionType

    from ..tracking import Run

SLOW = 0.1
"""Seconds of processor time of its thread that an observer may take before and after a call, `Call.working`
not counted. Time on the clock would blame it for a machine that is busy or stood still."""
PATIENCE = 3
"""How often it may take longer before it is turned off."""

stack: ContextVar[tuple[Call, ...]] = ContextVar("epochal-calls", default=())
"""The calls that are open around here, the outermost first."""
opened: set[Call] = set()
"""The calls that are open in all threads."""
_orphans: list[Any] = []


class Watched(Protocol):
    """What a call knows of the point it came through."""

    key: str
    target: str
    nested: str
    active: bool
    slow: int

    @property
    def source(self) -> str:
        """The name of the adapter."""

    @property
    def options(self) -> Any:
        """The adapter's options in force."""

    @property
    def observer(self) -> Callable[[Call], Generator[None, Any, None]]:
        """The generator function that observes."""

    def signature(self, original: FunctionType) -> inspect.Signature:
        """The signature of the original."""

    def switch_off(self, why: str) -> None:
        """Observe no more, and say why."""


class Call:
    """One observed call: what it is, and the few things an observer may do to it."""

    def __init__(
        self,
        watched: Watched,
        original: FunctionType,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outer: tuple[Call, ...] = (),
    ) -> None:
        """Bind the arguments; raises `TypeError` where they do not fit the signature."""
        self._watched = watched
        self._bound = watched.signature(original).bind(*args, **kwargs)
        self._given = set(self._bound.arguments)
        self._bound.apply_defaults()
        self.args, self.kwargs = args, kwargs
        self.outer = outer[-1] if outer else None
        self.name: str = getattr(original, "__name__", "")
        self.options: Any = watched.options
        self.sealed = False
        self.open = False
        self.nth = 1
        self.thread = threading.get_ident()
        self.joined = 0
        self._worked = 0.0
        self._observer: Generator[None, Any, None] | None = None
        self._managed: contextlib.AbstractContextManager[Run] | None = None
        self.own_run: Run | None = None

    def __getitem__(self, name: str) -> Any:
        """An argument by name, with its default if it was not given."""
        try:
            return self._bound.arguments[name]
        except KeyError:
            known = ", ".join(self._bound.arguments) or "none"
            raise errors.ObserverError(
                f"{self._watched.target} has no argument {name!r}; it has: {known}"
            ) from None

    @property
    def instance(self) -> Any:
        """The object whose method this is: the first argument, however it was passed."""
        return next(iter(self._bound.arguments.values()), None)  # a decorator may pass self by name

    @property
    def arguments(self) -> dict[str, Any]:
        """Every argument by name, defaults included; a copy."""
        return dict(self._bound.arguments)

    @property
    def outermost(self) -> bool:
        """Whether no other observed call is around this one: then the run is this call's to describe."""
        return self.outer is None

    @property
    def run(self) -> Run:
        """The run in progress; if there is none, one is started, which this call then ends."""
        run = current_run() or self._outer_run()
        if run is None:
            with self.working():  # asking git and the machine takes a moment, and is not the observer's fault
                managed = managed_run(self._watched.source)
                self.own_run = run = managed.__enter__()
                self._managed = managed
        return run

    @property
    def started_run(self) -> bool:
        """Whether this call started the run, rather than finding one in progress."""
        return self._managed is not None

    def replace(self, **arguments: Any) -> None:
        """Pass these arguments to the original instead; never mutate the caller's own."""
        for name in arguments:
            self[name]  # says so if there is no such argument
        self._bound.arguments.update(arguments)
        kept = {k: v for k, v in self._bound.arguments.items() if k in self._given or k in arguments}
        given = inspect.BoundArguments(self._bound.signature, kept)
        self.args, self.kwargs = given.args, given.kwargs

    def seal(self) -> None:
        """Observe nothing inside this call, in worker threads either: a search fits many models."""
        self.sealed = True

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Declare work that may take long, such as saving a model: it does not count as slowness."""
        started = thread_time()
        try:
            yield
        finally:
            self._worked += thread_time() - started

    def variable_name(self, value: Any) -> str | None:
        """The name by which the calling code knows this very object; None if it has none.

        Looks at the innermost frame around the call that belongs neither to epochal nor to
        the observed framework; private names are passed over.
        """
        return callers.variable_name(
            value, framework=self._watched.target.partition(":")[0].partition(".")[0]
        )

    def _outer_run(self) -> Run | None:
        outer = self.outer
        while outer is not None:
            if outer.own_run is not None:
                return outer.own_run
            outer = outer.outer
        return None

    # -- the life of a call, driven by the gate; only exits and interrupts come out of these --

    def begin(self) -> bool:
        """Run the observer up to its yield; False if it declines the call by returning before."""
        users = self.args, self.kwargs
        if self.outer is not None:
            self.outer.joined += 1
            self.nth = self.outer.joined
        self.open = True
        stack.set((*stack.get(), self))
        opened.add(self)
        self._observer = observer = self._watched.observer(self)
        outcome = self._advance("before", lambda: next(observer))
        if outcome == "ended" and self._managed is None:
            self.close(None)
            return False
        if outcome != "yielded":  # go on without it, with what the user passed
            self._observer = None
            self.args, self.kwargs = users
        return True

    def succeed(self, result: Any) -> None:
        """The original has returned this."""
        if (observer := self._observer) is not None:
            self._finish(self._advance("after", lambda: observer.send(result)))
        self.close(None)

    def fail(self, error: BaseException) -> None:
        """The original has raised this; afterwards it looks as if we had never seen it."""
        state = error.__traceback__, error.__cause__, error.__context__, error.__suppress_context__
        try:
            if (observer := self._observer) is not None:
                self._finish(self._advance("after", lambda: observer.throw(error), error))
        finally:
            self.close(error)
            _restore(error, *state)

    def close(self, error: BaseException | None) -> None:
        """Leave nothing open: may be called at any point, and again."""
        self.open = False
        opened.discard(self)
        stack.set(tuple(call for call in stack.get() if call.open))
        observer, self._observer = self._observer, None
        if observer is not None:
            with errors.guard(self._watched.key, "close", expected=error):
                observer.close()
        managed, self._managed = self._managed, None
        if managed is not None:
            with errors.guard(self._watched.key, "end of the run", expected=error):
                managed.__exit__(
                    type(error) if error else None, error, error.__traceback__ if error else None
                )
        # A context that was copied meanwhile keeps this object, which must keep no model.
        self._bound.arguments.clear()
        self.args, self.kwargs, self.own_run = (), {}, None

    def orphan(self) -> None:
        """In a forked child: this call is the parent's, and so is all that follows from it."""
        self.open = False
        opened.discard(self)
        _orphans.append((self._observer, self._managed))  # kept, for what is collected is also ended
        self._observer = self._managed = None

    def _advance(self, phase: str, step: Callable[[], Any], expected: BaseException | None = None) -> str:
        """Run a part of the observer: "yielded", "ended" or "failed"; counts its processor time."""
        self._worked = 0.0
        started = thread_time()
        try:
            step()
        except StopIteration:
            return "ended"
        except BaseException as error:
            if error is expected or _is_made_of(error, expected):
                return "ended"  # it let the user's error pass
            if not isinstance(error, Exception):
                raise
            errors.report(self._watched.key, phase, error)
            return "failed"
        finally:
            self._judge(thread_time() - started - self._worked)
        return "yielded"

    def _finish(self, outcome: str) -> None:
        if outcome == "yielded":
            errors.report(self._watched.key, "after", errors.ObserverError("an observer yields once"))

    def _judge(self, seconds: float) -> None:
        if seconds > SLOW:
            self._watched.slow += 1
            if self._watched.slow == PATIENCE:
                self._watched.switch_off(
                    f"used over {SLOW * 1000:.0f} ms of processor time {PATIENCE} times, last {seconds:.2f} s"
                )


def _is_made_of(error: BaseException, expected: BaseException | None) -> bool:
    """Whether Python made this of a StopIteration that a generator let pass (PEP 479)."""
    stopped = isinstance(expected, StopIteration) and isinstance(error, RuntimeError)
    return stopped and error.__cause__ is expected


def _restore(
    error: BaseException,
    trace: Any,
    cause: BaseException | None,
    context: BaseException | None,
    suppress: bool,
) -> None:
    # through the descriptors: an exception that is a frozen dataclass refuses setattr
    for name, before in (("__cause__", cause), ("__context__", context), ("__suppress_context__", suppress)):
        if getattr(error, name) is not before:
            vars(BaseException)[name].__set__(error, before)
    error.with_traceback(trace)
