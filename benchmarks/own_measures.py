"""What is measured of our own: projecting, catching up, searching 100,000 runs, and what a run looks at."""

# ruff: noqa: ARG001 - every measure is called alike

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING

import journals
from measures import Figures, many_runs, rows_of_values

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from trackers import Tracker


def project(tracker: Tracker, root: pathlib.Path, *, steps: int, width: int) -> Figures:
    """Write one long run's journal, then open the store for the first time: everything is projected."""
    from epochal.store import Store

    rows = itertools.islice(rows_of_values(width), steps)
    reference = journals.write_run(root, 0, journals.series(rows))
    begin = time.perf_counter()
    store = Store.open(root)
    seconds = time.perf_counter() - begin
    store.close()
    return {
        "points_a_second": steps * width / seconds,
        "seconds": seconds,
        "reference": reference,
        "bytes_a_point": sum(path.stat().st_size for path in root.glob("epochal.db*")) / (steps * width),
    }


def scene(tracker: Tracker, root: pathlib.Path, *, runs: int) -> Figures:
    """Write finished runs of 20 params and 20 metrics and project them."""
    from epochal.store import Store

    begin = time.perf_counter()
    for number, (params, metrics) in enumerate(many_runs(runs)):
        journals.write_run(root, number, journals.summary(params, metrics))
    written = time.perf_counter()
    Store.open(root).close()
    return {"write": written - begin, "project": time.perf_counter() - written}


def catch_up(tracker: Tracker, root: pathlib.Path) -> Figures:
    """Open a store in which nothing is new, and ask it to catch up again."""
    from epochal.store import Store

    begin = time.perf_counter()
    store = Store.open(root)
    opened = time.perf_counter() - begin
    begin = time.perf_counter()
    store.catch_up()
    again = time.perf_counter() - begin
    store.close()
    return {"open": opened, "again": again}


QUERIES = {
    "filter by metric and param, sort by metric": (
        "metrics.m3 > 0.5 and params.p1 = '7' order by metrics.m5 desc",
        0,
    ),
    "filter by metric (half of the runs), sort by metric": ("metrics.m3 > 0.5 order by metrics.m5 desc", 0),
    "no filter, sort by metric, page 500": ("order by metrics.m5 desc", 49_900),
}


def query(tracker: Tracker, root: pathlib.Path, *, repeat: int) -> Figures:
    """Filter, sort and take a page of 100 with every value that a table shows, by the public reading API."""
    from epochal.store import Store

    store = Store.open(root)
    figures: Figures = {}
    for name, (filter_, offset) in QUERIES.items():
        taken, found = [], 0
        for _ in range(repeat):
            begin = time.perf_counter()
            page = store.query(filter_, offset=offset, limit=100)
            found = sum(1 for view in page if len(view.params) == 20 and len(view.metrics) == 20)
            taken.append(time.perf_counter() - begin)
        figures[name] = {"first": taken[0], "later": statistics.median(taken[1:] or taken), "found": found}
    store.close()
    return figures


# What the patterns for secrets have to look at for longest: beginnings of secrets that never come to an end.
LONG = ("a.b=", "token=", "eyJ-", "https://", "-----BEGIN A", "bearer ", "password='", "password=")


def parts(tracker: Tracker, root: pathlib.Path, *, size: int, writes: int, trees: int) -> Figures:
    """Time what a run does beside logging: secrets, git, a sample of the load, the console, requirements."""
    import io
    import subprocess
    import sys

    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    from epochal.models import requirements
    from epochal.surroundings import git
    from epochal.surroundings.console import Capture
    from epochal.surroundings.redact import redact
    from epochal.surroundings.sampler import Load

    def timed(call: Callable[[], object]) -> float:
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def written() -> None:
        for _ in range(writes):
            sys.stdout.write("x\n")

    figures: Figures = {"redact": max(timed(lambda t=text: redact(t * (size // len(t)))) for text in LONG)}
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "train.py").write_text("print(1)\n", encoding="utf-8")
    figures["git"] = timed(lambda: git(root))
    load = Load()
    load.sample()
    figures["sample"] = min(timed(load.sample) for _ in range(20))
    stdout, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    try:
        bare = timed(written)
        capture = Capture(lambda *_: None)
        capture.start()
        figures["write"] = (timed(written) - bare) / writes
        capture.stop()
    finally:
        sys.stdout = stdout
    rng = np.random.default_rng(0)
    model = RandomForestClassifier(trees).fit(rng.normal(size=(500, 10)), rng.integers(0, 2, 500))
    figures["requirements"] = timed(lambda: requirements.infer(model, ["scikit-learn", "skops"]))
    return figures


EVERY: dict[str, Callable[..., Figures]] = {
    measure.__name__: measure for measure in (project, scene, catch_up, query, parts)
}
