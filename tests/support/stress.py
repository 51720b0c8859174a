"""Run tests ten times on a machine that is busy and stands still now and then: ``stress.py TESTS``.

Two processes compute beside them, and the workers of pytest are stopped and continued at random. A test that
fails here needs luck: it judges or waits by the clock, or relies on who comes first.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from epochal.testing import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 10
BUSY = 2
LIMIT = 3600.0
"""Seconds that a round may take before it is taken to hang."""
STOPPED, BETWEEN = (0.1, 2.0), (0.1, 3.0)
"""Seconds for which a worker is stopped, and from one stop to the next."""


def main(tests: list[str]) -> int:
    """Run the tests ten times; return 1 if any failed in any round, having said which."""
    if not tests:
        sys.exit("which tests? nox -s stress -- tests/unit/test_journal.py")
    failed: Counter[str] = Counter()
    said: dict[str, str] = {}
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        for _ in range(BUSY):
            stack.enter_context(
                programs.started(sys.executable, "-c", "while True: pass", limit=ROUNDS * LIMIT)
            )
        for number in range(1, ROUNDS + 1):
            file = Path(folder) / f"{number}.json"
            stops, last = round_of(tests, file, random.Random(number))
            found: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
            failed.update(found.keys())
            said = found | said
            print(f"round {number} of {ROUNDS}, workers stopped {stops} times: {last}", flush=True)
    for test, times in failed.most_common():
        print(f"failed {times} times: {test}\n    {said[test]}")
    print(f"{len(failed)} tests ever failed in {ROUNDS} rounds")
    return 1 if failed else 0


def round_of(tests: list[str], file: Path, chance: random.Random) -> tuple[int, str]:
    """Run the tests once; return how often a worker was stopped, and what pytest said last."""
    command = (sys.executable, "-m", "pytest", "-q", "-n2", "--dist=worksteal", f"--failed-to={file}", *tests)
    with programs.started(*command, limit=LIMIT) as run, stopping(run.pid, chance) as stops:
        out, err = run.communicate()
    lines = (out + err).strip().splitlines() or ["nothing"]
    if run.returncode not in {0, 1, 64}:
        sys.exit("\n".join(lines[-30:]))
    return len(stops), lines[-1]


@contextlib.contextmanager
def stopping(controller: int, chance: random.Random) -> Iterator[list[int]]:
    """Stop and continue the workers of a pytest at random for the length of the block."""
    over, stops = threading.Event(), list[int]()

    def work() -> None:
        while not over.wait(chance.uniform(*BETWEEN)):
            with contextlib.suppress(psutil.NoSuchProcess):
                workers = psutil.Process(controller).children()
                if workers:
                    worker = chance.choice(workers)
                    worker.send_signal(signal.SIGSTOP)
                    stops.append(worker.pid)
                    over.wait(chance.uniform(*STOPPED))
                    worker.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stops
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
