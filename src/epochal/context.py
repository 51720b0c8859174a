"""Which run is the active one: here, in this thread, in this process.

A run that a user starts is active for the whole process, so that worker threads log
into it.  A run that autologging starts is active only in its own context: two
threads that train at once get two runs.
"""

from __future__ import annotations

import contextlib
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tracking import Run

_here: ContextVar[tuple[Run, ...]] = ContextVar("epochal-runs", default=())
_process: list[Run] = []


def current_run() -> Run | None:
    """The innermost open run: of this context, else of the process; None if there is none."""
    for run in reversed(_here.get()):
        if run.status == "running":
            return run
    for run in reversed(_process):
        if run.status == "running":
            return run
    return None


def enter(run: Run) -> None:
    """Make a run that a user started the active one."""
    _process.append(run)
    _here.set((*_here.get(), run))


def leave(run: Run) -> None:
    """A run has ended: whatever was active before it is active again."""
    if run in _process:
        _process.remove(run)
    _here.set(tuple(other for other in _here.get() if other is not run and other.status == "running"))


def open_runs() -> list[Run]:
    """The runs that users of this process have started and not finished, oldest first."""
    return list(_process)


class managed_run:  # noqa: N801 - reads as a statement: `with managed_run(...)`
    """A run that ends with the block, as "finished" or "failed"; active only in this context.

    No `contextlib.contextmanager`: that sets attributes of the error, which a frozen one refuses.
    """

    def __init__(self, source: str, name: str | None = None) -> None:
        self._source, self._name = source, name

    def __enter__(self) -> Run:
        from .starting import open_run

        self._run = open_run(source=self._source, name=self._name)
        self._token = _here.set((*_here.get(), self._run))
        return self._run

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            with contextlib.suppress(ValueError):  # ended in another context than it began in
                _here.reset(self._token)
        finally:
            if error is None:
                self._run.finish()
            else:
                self._run.fail(error)


def _after_fork() -> None:
    for run in {*_process, *_here.get()}:
        run.after_fork()


os.register_at_fork(after_in_child=_after_fork)
