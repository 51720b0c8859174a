"""How runs end when nobody ends them: at the end of the program, and by SIGTERM.

No hook of Python's is replaced.  A handler for SIGTERM stands only while a run is
open, and only where the program left the default: it notes "preempted" and dies of
the same signal, with the same exit code (when Python has a moment: not before C code
that is running returns).  A run killed in any other way has no end,
and readers show it as crashed.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from . import errors

if TYPE_CHECKING:
    from types import FrameType

    from .tracking import Run

_open: set[Run] = set()
_registered = False


def watch(run: Run) -> None:
    """See to it that this run ends with the program."""
    global _registered  # noqa: PLW0603 - registered with the first run, not at import
    _open.add(run)
    if not _registered:
        _registered = True
        atexit.register(_at_exit)
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def forget(run: Run) -> None:
    """This run has ended; the last one takes the handler with it."""
    _open.discard(run)
    if not _open and _in_main_thread() and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def last_error() -> BaseException | None:
    """The exception that Python has printed last, if any."""
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _on_sigterm(signum: int, _frame: FrameType | None) -> None:
    for run in list(_open):
        with errors.guard("epochal", "SIGTERM"):
            run.finish("preempted")
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _at_exit() -> None:
    notebook = "IPython" in sys.modules and hasattr(sys, "ps1")
    for run in list(_open):
        with errors.guard("epochal", "exit"):
            error = last_error()
            if error is not None and error is not run.error_before and not notebook:
                run.fail(error)
            else:
                run.finish()


def after_fork() -> None:
    """A forked child ends nothing of its parent's."""
    _open.clear()
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


os.register_at_fork(after_in_child=after_fork)
