"""Programs that a test starts: each has a limit, and nothing of it is left behind.

`run` waits for the end of a program; `started` has one running for the length of a block. Each leads a
session of its own (setsid), so its children can be told from those of everybody else: what is still there
when the program has ended is ended too, and named in an `AssertionError`. A limit judges no speed. It is
far away, and only a program that hangs reaches it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # noqa: TID251 - this is where it is limited
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psutil

LIMIT = 240.0
"""Seconds after which a program is taken to hang."""
GRACE = 20.0
"""Seconds that helpers of a program (multiprocessing's trackers) have to notice its end."""


def run(
    *command: object,
    code: int | None = 0,
    env: Mapping[str, str | None] | None = None,
    cwd: object = None,
    limit: float = LIMIT,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed; `AssertionError` where that goes wrong.

    ``code`` is the exit status it must have (None: any); ``env`` is added to this process's variables,
    None taking one away.
    """
    with started(*command, env=env, cwd=cwd, limit=limit) as program:
        out, err = program.communicate()
    if code is not None and program.returncode != code:
        raise AssertionError(f"{_shown(command)} ended with {program.returncode}, not {code}:\n{out}{err}")
    return subprocess.CompletedProcess(program.args, program.returncode, out, err)


def python(source: str, *arguments: object, **choices: Any) -> subprocess.CompletedProcess[str]:
    """Run Python source in an interpreter of its own; for the rest see `run`."""
    return run(sys.executable, "-c", source, *arguments, **choices)


@contextlib.contextmanager
def started(
    *command: object,
    env: Mapping[str, str | None] | None = None,
    cwd: object = None,
    limit: float = LIMIT,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    stdout: int | IO[Any] = subprocess.PIPE,
    stderr: int | IO[Any] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[str]]:
    """Have a program running for the length of the block; what runs at its end is killed."""
    words = [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in command]
    given = {**os.environ, **(env or {})}
    program = subprocess.Popen(
        words,
        env={name: value for name, value in given.items() if value is not None},
        cwd=None if cwd is None else str(cwd),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    hung: list[str] = []

    def end() -> None:
        hung.extend(_end(program))

    watchdog = threading.Timer(limit, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield program
        left = _left(program)
    except BaseException as error:
        watchdog.cancel()
        watchdog.join()
        if hung:  # what the block saw follows from that: an empty line, a closed pipe
            error.add_note(_late(command, limit, hung))
        raise
    finally:
        watchdog.cancel()
        watchdog.join()  # it may be naming what it ends
        _end(program)
        for stream in (program.stdin, program.stdout, program.stderr):
            if stream is not None:
                stream.close()
    if hung:
        raise AssertionError(_late(command, limit, hung))
    if left:
        raise AssertionError(f"{_shown(command)} left running: {', '.join(left)}")


def _left(program: subprocess.Popen[str]) -> list[str]:
    """Name what outlives a program that has ended by itself."""
    import psutil

    if program.poll() is None:
        return []
    _, alive = psutil.wait_procs(_session(program), timeout=GRACE)
    return [_named(process) for process in alive]


def _end(program: subprocess.Popen[str]) -> list[str]:
    """Kill all that runs in the session of this program, and name it."""
    import psutil

    named: list[str] = []
    while members := _session(program):  # one that was forking has a child by now
        named += [_named(process) for process in members]
        for process in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs([process for process in members if process.pid != program.pid], timeout=GRACE)
        program.wait()  # not psutil: who waits for a process is told how it ended, and nobody else is
    program.wait()
    return named


def _session(program: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes of a program's session that have not ended."""
    import psutil

    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(pid) == program.pid:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def _named(process: psutil.Process) -> str:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return f"{process.pid} ({' '.join(process.cmdline())[:200]})"
    return str(process.pid)


def _late(command: tuple[object, ...], limit: float, hung: list[str]) -> str:
    return f"{_shown(command)} did not end in {limit:.0f} s: {', '.join(hung)}"


def _shown(command: tuple[object, ...]) -> str:
    return " ".join(map(str, command))[:200]
