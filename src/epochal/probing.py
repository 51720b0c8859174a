"""What accompanies a run: notes of its surroundings, samples of the load, the console.

The surroundings are probed once a process, in a thread, so that neither the start
nor the end of a run waits for git or for a list of packages.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any

from . import errors

if TYPE_CHECKING:
    from .settings import Settings
    from .tracking import Run

_environment: dict[str, Any] = {}
_probing = threading.Lock()
_threads: set[threading.Thread] = set()


def begin(run: Run, chosen: Settings, *, console: bool) -> None:
    """Start what the settings ask for."""
    if chosen.environment:
        _probe(run)
    if chosen.system_interval > 0:
        from .surroundings.sampler import Sampler

        sampler = Sampler(run.event, chosen.system_interval)
        sampler.start()
        run.accompany(sampler=sampler)
    if console:
        from .surroundings.console import Capture

        capture = Capture(lambda stream, text: run.event("text", {"stream": stream, "text": text}))
        capture.start()
        run.accompany(capture=capture)


def _probe(run: Run) -> None:
    try:
        folder = os.getcwd()  # noqa: PTH109 - as text
    except OSError:
        return
    thread = threading.Thread(target=_note, args=(run, folder), name="epochal-probe", daemon=True)
    run.accompany(probe=thread)
    if not _threads:
        atexit.unregister(_wait)
        atexit.register(_wait)
    _threads.add(thread)
    thread.start()


def _note(run: Run, folder: str) -> None:
    try:
        with errors.guard("epochal", "probing the surroundings"):
            from . import surroundings

            with _probing:
                if not _environment:
                    _environment.update(surroundings.environment())
            run.event("note", {"name": "environment", "data": _environment})
            run.event("note", {"name": "git", "data": surroundings.git(folder)})
    finally:
        run.probed()
        _threads.discard(threading.current_thread())


def _wait() -> None:
    """At the end of the program, give the probes a moment to finish their notes."""
    for thread in list(_threads):
        thread.join(5)


def _after_fork() -> None:
    global _probing  # noqa: PLW0603 - another thread of the parent may have held it
    _probing = threading.Lock()
    _threads.clear()


os.register_at_fork(after_in_child=_after_fork)
