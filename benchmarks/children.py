"""Run measurements in fresh child processes and fresh folders, in the environment of the tracker they are
about.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self

from child import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trackers import Tracker

HERE = pathlib.Path(__file__).resolve().parent


class MeasureError(Exception):
    """A child did not answer; says what it said last."""


@dataclasses.dataclass(frozen=True)
class Home:
    """Where a tracker lives: its adapter and the interpreter that has it installed."""

    tracker: type[Tracker]
    python: pathlib.Path


class Children:
    """Starts the children of one bench below one scratch folder, which is removed at the end."""

    def __init__(self, scratch: pathlib.Path | None) -> None:
        self._parent = pathlib.Path(tempfile.mkdtemp(prefix="epochal-bench-", dir=scratch))
        self._numbers: collections.defaultdict[str, Iterator[int]] = collections.defaultdict(itertools.count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._parent, ignore_errors=True)

    def folder(self, name: str) -> pathlib.Path:
        """Make an empty folder for one measurement."""
        folder = self._parent / f"{name}-{next(self._numbers[name])}"
        folder.mkdir()
        return folder

    def measure(
        self,
        home: Home,
        measure: str,
        root: pathlib.Path | None = None,
        *,
        timeout: float = 600,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Run one measure and return its figures; without `root`, in a new folder, removed afterwards."""
        own = root is None
        root = root or self.folder(f"{home.tracker.name}-{measure}")
        try:
            done = subprocess.run(
                self._command(home, measure, root, arguments),
                env=_environment(home, root),
                cwd=root,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            raise MeasureError(f"no answer after {expired.timeout:.0f} s") from expired
        finally:
            if own:
                shutil.rmtree(root, ignore_errors=True)
        answers = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
        if not answers:
            raise MeasureError(_last_words(done.stderr) or f"exit code {done.returncode}")
        figures: dict[str, Any] = json.loads(answers[-1])
        return figures

    def kill_after(
        self, home: Home, root: pathlib.Path, seconds: float, *, pause: float
    ) -> tuple[str, list[int], float]:
        """Let a child log until it is killed with everything it started.

        Returns the run's reference, the numbers of the calls that had returned, and for how long it logged.
        """
        acknowledged = self.folder("acknowledged") / "numbers"
        command = self._command(home, "endless", root, {"acknowledged": str(acknowledged), "pause": pause})
        with subprocess.Popen(
            command,
            env=_environment(home, root),
            cwd=root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            begin = _await_lines(acknowledged, child)
            time.sleep(seconds)
            _kill_tree(child.pid)
            logged_for = time.perf_counter() - begin
        reference, *numbers = acknowledged.read_text().split("\n")[:-1]
        return reference, [int(number) for number in numbers], logged_for

    @staticmethod
    def _command(home: Home, measure: str, root: pathlib.Path, arguments: Mapping[str, Any]) -> list[str]:
        script = str(HERE / "child.py")
        return [str(home.python), script, home.tracker.name, measure, str(root), json.dumps(arguments)]


def _environment(home: Home, root: pathlib.Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("EPOCHAL_", "WANDB_"))
    }
    return inherited | {"HOME": str(root), "TMPDIR": str(root)} | home.tracker.environment(root)


def _last_words(stderr: str) -> str:
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    return said[-1][:200] if said else ""


def _await_lines(path: pathlib.Path, child: subprocess.Popen[bytes], limit: float = 60) -> float:
    """Wait until the child has acknowledged its first call; return that moment."""
    end = time.perf_counter() + limit
    while not path.exists() or path.read_bytes().count(b"\n") < 2:
        if child.poll() is not None or time.perf_counter() > end:
            child.kill()
            raise MeasureError("it did not begin to log")
        time.sleep(0.005)
    return time.perf_counter()


def _kill_tree(pid: int) -> None:
    """SIGKILL a process and all its descendants: stopped first, so that none can start another."""
    import psutil

    parent = psutil.Process(pid)
    parent.suspend()
    for process in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def interpret(python: pathlib.Path, code: str) -> tuple[float, float]:
    """Run a whole interpreter with one statement; return how long it took, and in how much CPU time."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([str(python), "-c", code], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


OWN_PYTHON = pathlib.Path(sys.executable)
