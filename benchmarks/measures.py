"""What is measured of any tracker, inside its own environment and in a process that does nothing else.

Every function takes a tracker, an empty folder and small arguments, and returns figures as plain JSON. Times
are in seconds. Beside each latency stands one `os.write` of 64 bytes to a file opened with O_APPEND in the
same folder, taken in alternating blocks with the tracker's own calls, so that a busy machine slows both
alike.
"""

# ruff: noqa: ARG001 - every measure is called alike

from __future__ import annotations

import itertools
import json
import math
import os
import pathlib
import random
import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trackers import Log, MLflow, Tracker

BLOCK = 50  # calls of one kind before the other has its turn
Figures = dict[str, Any]


def losses() -> Iterator[float]:
    """Yield a falling, noisy curve with all the digits that a training loss has."""
    noise = random.Random(0)
    for step in itertools.count():
        yield math.exp(-step / 200_000) + noise.gauss(0, 0.05)


def rows_of_values(width: int) -> Iterator[dict[str, float]]:
    """Yield what is logged at each step: `loss`, or `loss` and further metrics."""
    curve = losses()
    names = ["loss", *(f"metric{number}" for number in range(1, width))]
    while True:
        yield {name: next(curve) for name in names}


def _percentile(taken: list[int], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * share))] / 1e9


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def start(tracker: Tracker, root: pathlib.Path) -> Figures:
    """Start a run, log one point, finish; twice in the process: everything is loaded the second time."""
    figures: Figures = {"prepare": _timed(tracker.prepare)}
    for turn in ("first", "later"):
        begin = time.perf_counter()
        log = tracker.start(root)
        started = time.perf_counter()
        log({"loss": 0.5}, step=0)
        logged = time.perf_counter()
        tracker.finish()
        figures[turn] = {
            "start": started - begin,
            "to_first_point": logged - begin,
            "finish": time.perf_counter() - logged,
        }
    return figures


def latency(tracker: Tracker, root: pathlib.Path, *, calls: int, cap: float, width: int) -> Figures:
    """Time each logging call and each raw write, in blocks by turns, until `calls` or `cap` seconds are used
    up.
    """
    tracker.prepare()
    log = tracker.start(root)
    values, steps = rows_of_values(width), itertools.count()
    raw = os.open(root / "raw", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    payload = b"x" * 63 + b"\n"
    _log_block(log, values, steps), _write_block(raw, payload)  # the first calls load and allocate
    logged: list[int] = []
    written: list[int] = []
    end = time.perf_counter() + cap
    while len(logged) < calls and time.perf_counter() < end:
        logged += _log_block(log, values, steps)
        written += _write_block(raw, payload)
    os.close(raw)
    tracker.finish()
    return {
        "calls": len(logged),
        "p50": _percentile(logged, 0.5),
        "p99": _percentile(logged, 0.99),
        "raw_p50": _percentile(written, 0.5),
        "raw_p99": _percentile(written, 0.99),
    }


def _log_block(log: Log, values: Iterator[dict[str, float]], steps: Iterator[int]) -> list[int]:
    clock, taken = time.perf_counter_ns, []
    for _ in range(BLOCK):
        row, step = next(values), next(steps)
        begin = clock()
        log(row, step=step)
        taken.append(clock() - begin)
    return taken


def _write_block(file: int, payload: bytes) -> list[int]:
    clock, write, taken = time.perf_counter_ns, os.write, []
    for _ in range(BLOCK):
        begin = clock()
        write(file, payload)
        taken.append(clock() - begin)
    return taken


def fill(tracker: Tracker, root: pathlib.Path, *, steps: int, cap: float, width: int) -> Figures:
    """Log `steps` rows as fast as they are taken, finish, and count the bytes below the folder."""
    tracker.prepare()
    log, values = tracker.start(root), rows_of_values(width)
    begin = time.perf_counter()
    done = 0
    while done < steps and (done % BLOCK or time.perf_counter() - begin < cap):
        log(next(values), step=done)
        done += 1
    seconds = time.perf_counter() - begin
    tracker.finish()
    return {
        "points": done * width,
        "seconds": seconds,
        "reference": tracker.reference(),
        "bytes": _bytes_below(root),
        "journal": _bytes_below(root, ".jsonl"),
    }


def _bytes_below(root: pathlib.Path, suffix: str = "") -> int:
    return sum(path.stat().st_size for path in root.rglob(f"*{suffix}") if path.is_file())


def read(tracker: Tracker, root: pathlib.Path, *, reference: str) -> Figures:
    """Read a series back, twice, beside parsing as many points from JSON lines; the values are checked."""
    tracker.prepare()
    begin = time.perf_counter()
    steps, values = tracker.history(root, reference, "loss")
    first = time.perf_counter() - begin
    points = len(values)
    later = statistics.median(_timed(lambda: tracker.history(root, reference, "loss")) for _ in range(3))
    expected = losses()
    exact = all(math.isclose(value, next(expected), rel_tol=1e-6) for value in values)
    lines = root / "raw.jsonl"
    lines.write_text(
        "".join(
            f'{{"step":{step},"loss":{float(value)!r}}}\n' for step, value in zip(steps, values, strict=True)
        )
    )
    return {
        "points": points,
        "first": first,
        "later": later,
        "exact": exact,
        "raw": _timed(lambda: _parse(lines)),
    }


def _parse(lines: pathlib.Path) -> list[float]:
    with lines.open() as stream:
        return [json.loads(line)["loss"] for line in stream]


def memory(tracker: Tracker, root: pathlib.Path, *, calls: int, cap: float) -> Figures:
    """Log as fast as possible and take the resident memory about twenty times, by calls or by time."""
    tracker.prepare()
    log, values = tracker.start(root), rows_of_values(1)
    taken: list[tuple[int, int]] = []
    begin = time.perf_counter()
    step, next_call, next_moment = 0, calls // 20, begin + cap / 20
    while step < calls and time.perf_counter() - begin < cap:
        for _ in range(BLOCK):
            log(next(values), step=step)
            step += 1
        if step >= next_call or time.perf_counter() >= next_moment:
            taken.append((step, _resident()))
            next_call, next_moment = step + calls // 20, time.perf_counter() + cap / 20
    tracker.finish()
    return {"calls": step, "resident": taken}


def _resident() -> int:
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def endless(tracker: Tracker, root: pathlib.Path, *, acknowledged: str, pause: float) -> Figures:
    """Log numbered points until killed; the number of each call that returned is appended to a file outside
    `root`.
    """
    tracker.prepare()
    log = tracker.start(root)
    file = os.open(acknowledged, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(file, f"{tracker.reference()}\n".encode())
    for step in itertools.count():
        log({"loss": float(step)}, step=step)
        os.write(file, b"%d\n" % step)
        if pause:
            time.sleep(pause)
    return {}


def survivors(tracker: Tracker, root: pathlib.Path, *, reference: str) -> Figures:
    """Return the steps that a new process can read after the writer was killed."""
    tracker.prepare()
    steps, _ = tracker.history(root, reference, "loss")
    return {"steps": [int(step) for step in steps]}


def search(tracker: MLflow, root: pathlib.Path, *, runs: int, repeat: int) -> Figures:
    """Make finished runs of 20 params and 20 metrics, then filter, sort and take a page of 100."""
    tracker.prepare()
    made = _timed(lambda: tracker.many_runs(many_runs(runs)))
    query = ("metrics.m3 > 0.5 and params.p1 = '7'", "metrics.m5 DESC", 100)
    found = tracker.search(*query)
    taken = statistics.median(_timed(lambda: tracker.search(*query)) for _ in range(repeat))
    return {"found": found, "search": taken, "made": made}


def many_runs(count: int) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
    """Yield the params and metrics of runs for the search: the same for every tracker."""
    for run in range(count):
        params = {f"p{number}": str((run * 7 + number) % 97) for number in range(20)}
        metrics = {f"m{number}": (run * 7919 + number * 104729) % 10007 / 10007 for number in range(20)}
        yield params, metrics


EVERY: dict[str, Callable[..., Figures]] = {
    measure.__name__: measure for measure in (start, latency, fill, read, memory, endless, survivors, search)
}
