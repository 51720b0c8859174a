"""One observed call: who is admitted, what an observer may do to it, how it ends.

Whether a call is observed depends on where it happens.  The calls that are open form a
stack in a context variable; the outermost owns the run, and what happens inside is
silent unless its point says ``nested="join"`` and nothing around it is sealed.

*Worker threads* start with an empty context.  A thread of a `multiprocessing.pool`
(joblib's threads are) knows its parent, and takes over the parent's stack.  Of any other
thread nothing is known; it is taken for a worker while another thread has a sealed call
open and it has no run of its own.

*Worker processes* (forked, or of multiprocessing or joblib) and ranks other than 0 start
no run by themselves; a worker logs if its own code starts a run.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import threading
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors
from ..context import current_run, managed_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType, FunctionType

    from ..tracking import Run

SLOW = 0.1
"""Seconds that an observer may take before and after a call, `Call.working` not counted."""
PATIENCE = 3
"""How often it may take longer before it is turned off."""

_GATE = f"{__package__}.importlib_bootstrap"

unreported = 0
"""Errors of the engine that could not even be reported."""

_frames: ContextVar[tuple[Call, ...]] = ContextVar("epochal-frames", default=())
_quiet: ContextVar[bool] = ContextVar("epochal-quiet", default=False)
_open: set[Call] = set()
_quiet_threads: dict[int, int] = {}  # thread -> open quiet() blocks
_forked_from: list[Run | None] = []  # in a forked child: the run it inherited


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
        self.open = True
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
        started = perf_counter()
        try:
            yield
        finally:
            self._worked += perf_counter() - started

    def variable_name(self, value: Any) -> str | None:
        """The name by which the calling code knows this very object; None if it has none.

        Looks at the innermost frame that belongs neither to epochal, nor to the plugin,
        nor to the observed framework; private names are passed over.
        """
        frame = self._caller()
        try:
            return _name_in(frame, value) if frame is not None else None
        finally:
            del frame

    def _caller(self) -> FrameType | None:
        insiders = {"epochal", _root(self._watched.target.partition(":")[0])}
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe is this
        while frame is not None and frame.f_globals.get("__name__") != _GATE:  # past the observer
            frame = frame.f_back
        while frame is not None and _root(frame.f_globals.get("__name__", "")) in insiders:
            frame = frame.f_back
        return frame

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
        _frames.set((*_frames.get(), self))
        _open.add(self)
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
        _open.discard(self)
        _frames.set(tuple(frame for frame in _frames.get() if frame.open))
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

    def _advance(self, phase: str, step: Callable[[], Any], expected: BaseException | None = None) -> str:
        """Run a part of the observer: "yielded", "ended" or "failed"; takes the time."""
        self._worked = 0.0
        started = perf_counter()
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
            self._judge(perf_counter() - started - self._worked)
        return "yielded"

    def _finish(self, outcome: str) -> None:
        if outcome == "yielded":
            errors.report(self._watched.key, "after", errors.ObserverError("an observer yields once"))

    def _judge(self, seconds: float) -> None:
        if seconds > SLOW:
            self._watched.slow += 1
            if self._watched.slow == PATIENCE:
                self._watched.switch_off(
                    f"took over {SLOW * 1000:.0f} ms {PATIENCE} times, last {seconds:.2f} s"
                )


def admit(
    watched: Watched, original: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """A new call, or None if it is not to be observed."""
    if _quiet.get():
        return None
    frames = tuple(frame for frame in _frames.get() if frame.open)
    if not frames and (_open or _quiet_threads):
        parents = _parents()
        if any(parent in _quiet_threads for parent in parents):
            return None
        frames = tuple(frame for parent in reversed(parents) for frame in _frames_of(parent))
    if frames and (watched.nested == "skip" or any(frame.sealed for frame in frames)):
        return None
    run = current_run()
    if (run is None and not frames and _sealed_elsewhere()) or _is_worker_process(run):
        return None
    try:
        return Call(watched, original, args, kwargs, frames)
    except TypeError:
        return None  # wrong arguments: the original says so better than we can


def open_calls() -> list[Call]:
    """The calls that are being observed now, in all threads."""
    return list(_open)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Observe nothing in this context, nor in the worker threads of pools made in it."""
    ident = threading.get_ident()
    token = _quiet.set(True)
    _quiet_threads[ident] = _quiet_threads.get(ident, 0) + 1
    try:
        yield
    finally:
        _quiet_threads[ident] -= 1
        if not _quiet_threads[ident]:
            del _quiet_threads[ident]
        with contextlib.suppress(ValueError):  # left in another context than it was entered in
            _quiet.reset(token)


def _parents() -> list[int]:
    """The threads that made the pool this thread belongs to, nearest first."""
    found: list[int] = []
    thread: Any = threading.current_thread()
    while (thread := getattr(thread, "_parent", None)) is not None and len(
        found
    ) < 16:  # of multiprocessing.dummy
        found.append(thread.ident)
    return found


def _frames_of(ident: int) -> list[Call]:
    frames = [call for call in tuple(_open) if call.thread == ident]
    return sorted(frames, key=_depth)


def _depth(call: Call) -> int:
    depth, outer = 0, call.outer
    while outer is not None:
        depth, outer = depth + 1, outer.outer
    return depth


def _sealed_elsewhere() -> bool:
    own = threading.get_ident()
    return any(call.sealed and call.thread != own for call in tuple(_open))


def _is_worker_process(run: Run | None) -> bool:
    if _forked_from:
        return run is None or run is _forked_from[0]
    if os.environ.get("RANK", "0") != "0" and os.environ.get("WORLD_SIZE", "1") != "1":
        return True  # torchrun, accelerate: rank 0 tells the story
    if run is not None or (multiprocessing := sys.modules.get("multiprocessing")) is None:
        return False
    return bool(multiprocessing.current_process().name != "MainProcess")


def belongs_here() -> None:
    """This process was forked, and its own code has asked to be observed."""
    _forked_from.clear()


def _after_fork() -> None:
    for call in tuple(_open):
        call.open = False
    _open.clear()
    _quiet_threads.clear()
    _forked_from[:] = [current_run()]


os.register_at_fork(after_in_child=_after_fork)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _is_made_of(error: BaseException, expected: BaseException | None) -> bool:
    """Whether Python made this of a StopIteration that a generator let pass (PEP 479)."""
    stopped = isinstance(expected, StopIteration) and isinstance(error, RuntimeError)
    return stopped and error.__cause__ is expected


def _name_in(frame: FrameType, value: Any) -> str | None:
    snapshot = bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED) and sys.version_info < (3, 13)
    names = frame.f_locals
    try:
        for scope in (names, frame.f_globals):
            for name, candidate in list(scope.items()):
                if candidate is value and not name.startswith("_"):
                    return name
        return None
    finally:
        if snapshot:  # Python keeps it with the frame, and so would keep alive what the user deletes
            names.clear()


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
