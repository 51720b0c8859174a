"""Which calls are observed: it depends on where they happen.

What happens inside an observed call is silent unless its point says ``nested="join"``
and nothing around it is sealed.

*Worker threads* start with an empty context.  A thread of a `multiprocessing.pool`
(joblib's threads are) knows its parent, and takes over the parent's calls.  Of any other
thread nothing is known; it is taken for a worker while another thread has a sealed call
open and it has no run of its own.

*Worker processes* (forked, or of multiprocessing or joblib) and ranks other than 0 start
no run by themselves; a worker logs if its own code starts a run.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..context import current_run
from .call import Call, opened, stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from ..tracking import Run
    from .call import Watched

_quiet: ContextVar[bool] = ContextVar("epochal-quiet", default=False)
_quiet_threads: dict[int, int] = {}  # thread -> open quiet() blocks
_forked_from: list[Run | None] = []  # in a forked child: the run it inherited


def admit(
    watched: Watched, original: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """A new call, or None if it is not to be observed."""
    if _quiet.get():
        return None
    around = stack.get()
    if around and around[-1].open and watched.nested == "skip":  # by far the most frequent case
        return None
    outer = tuple(call for call in around if call.open)
    if not outer and (opened or _quiet_threads):
        parents = _parents()
        if any(parent in _quiet_threads for parent in parents):
            return None
        outer = tuple(call for parent in reversed(parents) for call in _calls_of(parent))
    if outer and (watched.nested == "skip" or any(call.sealed for call in outer)):
        return None
    run = current_run()
    if (run is None and not outer and _sealed_elsewhere()) or _is_worker_process(run):
        return None
    try:
        return Call(watched, original, args, kwargs, outer)
    except TypeError:
        return None  # wrong arguments: the original says so better than we can


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Observe nothing in this context, nor in the worker threads of pools made in it."""
    ident = threading.get_ident()
    token = _quiet.set(True)
    _quiet_threads[ident] = _quiet_threads.get(ident, 0) + 1
    try:
        yield
    finally:
        blocks = _quiet_threads.pop(ident, 1) - 1  # none is left in a child that was forked inside
        if blocks:
            _quiet_threads[ident] = blocks
        with contextlib.suppress(ValueError):  # left in another context than it was entered in
            _quiet.reset(token)


def _parents() -> list[int]:
    """The threads that made the pool this thread belongs to, nearest first."""
    found: list[int] = []
    thread: Any = getattr(threading.current_thread(), "_parent", None)  # set by multiprocessing.dummy
    while thread is not None and len(found) < 16:
        found.append(thread.ident)
        thread = getattr(thread, "_parent", None)
    return found


def _calls_of(ident: int) -> list[Call]:
    return sorted((call for call in tuple(opened) if call.thread == ident), key=_depth)


def _depth(call: Call) -> int:
    depth, outer = 0, call.outer
    while outer is not None:
        depth, outer = depth + 1, outer.outer
    return depth


def _sealed_elsewhere() -> bool:
    own = threading.get_ident()
    return any(call.sealed and call.thread != own for call in tuple(opened))


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
    for call in tuple(opened):
        call.orphan()
    _quiet_threads.clear()
    _forked_from[:] = [current_run()]


os.register_at_fork(after_in_child=_after_fork)
