"""The rows about what was logged: its size on disk, projecting it, catching up, reading back, searching."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

import own_measures
from children import Home, MeasureError
from table import Figure, Measured, Spread, at_least, at_most
from trackers import OURS

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

    from bench import Answer, Bench


def _compared(values: Iterable[float], raw: Iterable[float], remark: str = "") -> Measured:
    ours, baseline = Spread.of(values), Spread.of(raw)
    return Measured(ours, baseline, ours.median / baseline.median, remark)


def size(bench: Bench) -> list[Figure]:
    """Bytes on disk a point, less those of a run of one step; a raw point (step, time, value) is 24 bytes."""
    every = {width: f"on disk, {width} metric{'s' * (width > 1)} a call" for width in (1, 5)}

    def take(home: Home) -> dict[str, Measured]:
        return {what: _bytes_a_point(bench, home, width) for width, what in every.items()}

    return bench.fill_in(
        [Figure("size", what, "B", "<= 80 (journal)", at_most(80)) for what in every.values()], take
    )


def _bytes_a_point(bench: Bench, home: Home, width: int) -> Measured:
    which = "journal" if home.tracker is OURS else "bytes"
    steps = bench.scale(100_000, 500) // width
    one = bench.children.measure(home, "fill", steps=1, cap=60, width=width)
    many = bench.children.measure(home, "fill", steps=steps, cap=bench.scale(30, 3), width=width)
    a_point = (many[which] - one[which]) / max(many["points"] - one["points"], 1)
    remark = "" if many["points"] == steps * width else f"from {many['points']:,} points"
    return Measured(Spread.of([a_point]), Spread.of([24]), a_point / 24, remark)


def projecting(bench: Bench) -> list[Figure]:
    """A journal of a million points projected at once by a fresh process, and what the index then takes."""
    points = bench.scale(1_000_000, 2000)
    every = {width: f"{width} metric{'s' * (width > 1)} a call" for width in (1, 20)}

    def take(home: Home) -> dict[str, Measured]:
        figures = {}
        for width, what in every.items():
            rounds = [
                bench.children.measure(home, "project", steps=points // width, width=width)
                for _ in bench.rounds(3)
            ]
            figures[f"projecting, {what}"] = Measured(Spread.of(taken["points_a_second"] for taken in rounds))
            a_point = Spread.of(taken["bytes_a_point"] for taken in rounds)
            figures[f"in the store, {what}"] = Measured(a_point, Spread.of([24]), a_point.median / 24)
        return figures

    return bench.fill_in(
        [
            *(
                Figure("project", f"projecting, {what}", "points/s", ">= 300,000", at_least(300_000))
                for what in every.values()
            ),
            *(
                Figure("project", f"in the store, {what}", "B", "<= 12", at_most(12))
                for what in every.values()
            ),
        ],
        take,
        peers=[],
    )


def catching_up(bench: Bench) -> list[Figure]:
    """10,000 finished runs, nothing new: opening the store in a fresh process whose imports are done."""
    runs = bench.scale(10_000, 50)

    def take(home: Home) -> dict[str, Measured]:
        with _scene(bench, home, runs) as (root, made):
            rounds = [bench.children.measure(home, "catch_up", root) for _ in bench.rounds(5)]
        return {
            "open and catch up, nothing new": Measured(Spread.of(taken["open"] for taken in rounds)),
            "catch up again": Measured(Spread.of(taken["again"] for taken in rounds)),
            "projecting whole runs": Measured(Spread.of([runs / made["project"]])),
        }

    return bench.fill_in(
        [
            Figure("catch-up", "open and catch up, nothing new", "s", "<= 50 ms", at_most(0.05)),
            Figure("catch-up", "catch up again", "s", "<= 50 ms", at_most(0.05)),
            Figure("catch-up", "projecting whole runs", "runs/s"),
        ],
        take,
        peers=[],
    )


@contextlib.contextmanager
def _scene(bench: Bench, home: Home, runs: int) -> Iterator[tuple[pathlib.Path, Answer]]:
    root = bench.children.folder("scene")
    try:
        yield root, bench.children.measure(home, "scene", root, runs=runs, timeout=1800)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def reading(bench: Bench) -> list[Figure]:
    """One series of a million points read back by a new process; peers have 100,000. Raw: as many parsed JSON
    lines.
    """

    def take(home: Home) -> dict[str, Measured]:
        root = bench.children.folder(f"{home.tracker.name}-read")
        ours = home.tracker is OURS
        points = bench.scale(1_000_000 if ours else 100_000, 500)
        if ours:
            made = bench.children.measure(home, "project", root, steps=points, width=1)
        else:
            made = bench.children.measure(home, "fill", root, steps=points, cap=bench.scale(40, 3), width=1)
        rounds = [
            bench.children.measure(home, "read", root, reference=made["reference"]) for _ in bench.rounds(3)
        ]
        shutil.rmtree(root, ignore_errors=True)
        read = rounds[0]["points"]
        _check(all(taken["exact"] for taken in rounds), "what was read back is not what was logged")
        remark = "" if ours else f"{read:,} points"
        return {
            f"reading back 1,000,000 points, {turn}": _compared(
                [taken[key] for taken in rounds], [taken["raw"] for taken in rounds], remark
            )
            for turn, key in (("first time", "first"), ("afterwards", "later"))
        }

    return bench.fill_in(
        [
            Figure("read", "reading back 1,000,000 points, first time", "s", "<= 1 s", at_most(1)),
            Figure("read", "reading back 1,000,000 points, afterwards", "s", "<= 100 ms", at_most(0.1)),
        ],
        take,
    )


def _check(held: bool, otherwise: str) -> None:
    if not held:
        raise MeasureError(otherwise)


def searching(bench: Bench) -> list[Figure]:
    """Filter, sort and take a page of 100 over 100,000 runs of 20 params and 20 metrics; MLflow has 1,000
    runs.
    """
    runs, theirs = bench.scale(100_000, 200), bench.scale(1000, 20)
    name_of = {f"search: {name}": name for name in own_measures.QUERIES}

    def take(home: Home) -> dict[str, Measured]:
        if home.tracker is not OURS:
            taken = bench.children.measure(home, "search", runs=theirs, repeat=bench.scale(5, 1))
            remark = f"over {theirs:,} runs"
            return {next(iter(name_of)): Measured(Spread.of([taken["search"]]), remark=remark)}
        with _scene(bench, home, runs) as (root, made):
            rounds = [
                bench.children.measure(home, "query", root, repeat=bench.scale(7, 2)) for _ in bench.rounds(3)
            ]
        every = {
            what: Measured(
                Spread.of(taken[name]["later"] for taken in rounds),
                remark=f"{rounds[0][name]['found']} found",
            )
            for what, name in name_of.items()
        }
        first = Spread.of(max(taken[name]["first"] for name in own_measures.QUERIES) for taken in rounds)
        return every | {
            "search: slowest first query of a process": Measured(first),
            "search: projecting the runs": Measured(Spread.of([runs / made["project"]])),
        }

    return bench.fill_in(
        [
            *(Figure("search", what, "s", "<= 200 ms", at_most(0.2)) for what in name_of),
            Figure("search", "search: slowest first query of a process", "s"),
            Figure("search", "search: projecting the runs", "runs/s"),
        ],
        take,
        peers=["mlflow"],
    )
