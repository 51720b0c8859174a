"""The rows of the table: each function measures one thing for us and for the peers, and says what is required
of us.

A row returns figures; the driver prints them. What a peer cannot do, or failed to do, stands in its column as
the reason. Requirements are those of docs and of CONTRIBUTING; a figure without one only informs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import own_measures
from children import OWN_PYTHON, Children, Home, MeasureError, wall_seconds
from table import Figure, Measured, Spread, at_least, at_most
from trackers import OURS

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable, Iterator, Mapping

Answer = dict[str, Any]
PICO = 1e-9  # keeps ratios of counts defined where a raw figure is zero


@dataclasses.dataclass
class Bench:
    """What every row needs: the children, the homes of the trackers, and how much to do."""

    children: Children
    peers: Mapping[str, Home]
    missing: Mapping[str, str]
    quick: bool = False
    ours: Home = dataclasses.field(default_factory=lambda: Home(OURS, OWN_PYTHON))

    def rounds(self, full: int) -> range:
        """How often to repeat a measurement in a fresh process."""
        return range(1 if self.quick else full)

    def scale(self, full: int, quick: int) -> int:
        """How much to do in one measurement."""
        return quick if self.quick else full

    def fill_in(
        self,
        figures: Iterable[Figure],
        take: Callable[[Home], Mapping[str, Measured]],
        peers: Iterable[str] | None = None,
    ) -> list[Figure]:
        """Take the figures of a row from us and from each peer; `take` returns what it measured by the
        figure's name.
        """
        lines = list(figures)
        ours = _or_reason(take, self.ours)
        asked = {
            name: _or_reason(take, self.peers[name]) for name in peers or self.peers if name in self.peers
        }
        for line in lines:
            line.load = os.getloadavg()[0]
            line.ours = ours(line.what)
            line.peers = {name: answer(line.what) for name, answer in asked.items()}
            line.peers |= {name: Measured.absent(reason) for name, reason in self.missing.items()}
        return lines


def _or_reason(take: Callable[[Home], Mapping[str, Measured]], home: Home) -> Callable[[str], Measured]:
    try:
        taken = take(home)
    except (MeasureError, OSError, subprocess.CalledProcessError) as error:
        reason = str(error)
        return lambda _: Measured.absent(f"{home.tracker.name}: {reason}")
    return lambda what: taken.get(what, Measured())


def _compared(values: Iterable[float], raw: Iterable[float], remark: str = "") -> Measured:
    ours, baseline = Spread.of(values), Spread.of(raw)
    return Measured(ours, baseline, ours.median / (baseline.median or PICO), remark)


# --- import -------------------------------------------------------------------------------------------------


def importing(bench: Bench) -> Iterator[Figure]:
    """`import X` in a fresh interpreter over a bare one, by turns; and what it loads."""

    def take(home: Home) -> dict[str, Measured]:
        statement = home.tracker.statement
        wall_seconds(home.python, statement)  # the first import compiles
        bare, full = [], []
        for _ in bench.rounds(15):
            bare.append(wall_seconds(home.python, "pass"))
            full.append(wall_seconds(home.python, statement))
        over = [mine - raw for mine, raw in zip(full, bare, strict=True)]
        raw = Spread.of(bare)
        return {
            "import over bare Python": Measured(Spread.of(over), raw, Spread.of(full).median / raw.median)
        }

    yield from bench.fill_in(
        [Figure("import", "import over bare Python", "s", "<= 50 ms", at_most(0.05))], take
    )
    yield from bench.fill_in(
        [
            Figure("import", "packages that import loads", "", "msgspec", _only_msgspec),
            Figure("import", "direct dependencies", "", "<= 12", at_most(12)),
        ],
        _loaded,
    )


def _only_msgspec(measured: Measured) -> bool:
    return measured.remark in {"none", "msgspec"}


def _loaded(home: Home) -> dict[str, Measured]:
    code = (
        "import sys; before = set(sys.modules); {}; "
        "new = {{name.partition('.')[0] for name in set(sys.modules) - before}}; "
        "print(*sorted(new - set(sys.stdlib_module_names)))"
    )
    command = [str(home.python), "-c", code.format(home.tracker.statement)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    packages = [name for name in printed.split() if not name.startswith("_") and name != home.tracker.name]
    loaded = Measured(
        Spread.of([len(packages)]), remark=(" ".join(packages) or "none") if len(packages) <= 3 else ""
    )
    if home.tracker is not OURS:
        return {"packages that import loads": loaded}
    requires = importlib.metadata.requires(OURS.name) or []
    direct = [requirement for requirement in requires if "extra ==" not in requirement]
    return {"packages that import loads": loaded, "direct dependencies": Measured(Spread.of([len(direct)]))}


# --- logging ------------------------------------------------------------------------------------------------


def logging(bench: Bench) -> list[Figure]:
    """One `log()` call against one 64-byte `os.write` in the same process."""

    def take(home: Home) -> dict[str, Measured]:
        rounds = {
            width: [
                bench.children.measure(
                    home, "latency", calls=bench.scale(20_000, 200), cap=bench.scale(8, 1), width=width
                )
                for _ in bench.rounds(5 if home.tracker is OURS else 2)
            ]
            for width in (1, 20)
        }
        return {
            "log() of 1 value, p50": _against_write(rounds[1], "p50"),
            "log() of 1 value, p99": _against_write(rounds[1], "p99"),
            "log() of 20 values, p50": _against_write(rounds[20], "p50"),
        }

    return bench.fill_in(
        [
            Figure("log", "log() of 1 value, p50", "s", "<= 4x os.write", at_most(4, "ratio")),
            Figure("log", "log() of 1 value, p99", "s", "<= 50 us", at_most(50e-6)),
            Figure("log", "log() of 20 values, p50", "s", "<= 10x os.write", at_most(10, "ratio")),
        ],
        take,
    )


def _against_write(rounds: list[Answer], which: str) -> Measured:
    """The ratio is the median of the rounds' own ratios: each has its writes beside its calls."""
    ratio = Spread.of(taken[which] / taken[f"raw_{which}"] for taken in rounds).median
    value = Spread.of(taken[which] for taken in rounds)
    return Measured(value, Spread.of(taken[f"raw_{which}"] for taken in rounds), ratio)


def starting(bench: Bench) -> list[Figure]:
    """A run's start to its first point, and its finish, in a fresh process whose imports are done."""

    def take(home: Home) -> dict[str, Measured]:
        rounds = [
            bench.children.measure(home, "start") for _ in bench.rounds(7 if home.tracker is OURS else 3)
        ]
        figures = {
            f"{what}, {turn} run of a process": Measured(Spread.of(taken[turn][key] for taken in rounds))
            for what, key in (("start_run to first point", "to_first_point"), ("finish", "finish"))
            for turn in ("first", "later")
        }
        together = Spread.of(taken["prepare"] + taken["first"]["to_first_point"] for taken in rounds)
        return figures | {"import, start_run and first point together": Measured(together)}

    return bench.fill_in(
        [
            Figure("start", "import, start_run and first point together", "s", "<= 60 ms", at_most(0.06)),
            *(
                Figure("start", f"{what}, {turn} run of a process", "s", "<= 10 ms", at_most(0.01))
                for what in ("start_run to first point", "finish")
                for turn in ("first", "later")
            ),
        ],
        take,
    )


def durability(bench: Bench) -> list[Figure]:
    """Kill -9 of the writer and all it started: acknowledged calls that a new process cannot read, beside
    calls/s.
    """

    def take(home: Home) -> dict[str, Measured]:
        figures = {}
        for what, pause in (("20 calls/s", 0.05), ("full speed", 0.0)):
            trials = [_kill_trial(bench, home, pause) for _ in bench.rounds(3)]
            lost, acknowledged = sum(trial[0] for trial in trials), sum(trial[1] for trial in trials)
            rate = Spread.of(trial[1] / trial[2] for trial in trials)
            figures[f"lost at kill -9, {what}"] = Measured(Spread.of([lost]), remark=f"of {acknowledged:,}")
            figures[f"calls/s until killed, {what}"] = Measured(rate)
        return figures

    return bench.fill_in(
        [
            Figure("durability", "lost at kill -9, 20 calls/s", "", "0", at_most(0)),
            Figure("durability", "lost at kill -9, full speed", "", "0", at_most(0)),
            Figure("durability", "calls/s until killed, full speed", "1/s"),
        ],
        take,
    )


def _kill_trial(bench: Bench, home: Home, pause: float) -> tuple[int, int, float]:
    root = bench.children.folder(f"{home.tracker.name}-kill")
    try:
        reference, numbers, seconds = bench.children.kill_after(home, root, bench.scale(2, 1), pause=pause)
        read = bench.children.measure(home, "survivors", root, reference=reference)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return len(set(numbers) - set(read["steps"])), len(numbers), seconds


def memory(bench: Bench) -> list[Figure]:
    """Resident memory while logging: what a million points add after the first tenth of them."""

    def take(home: Home) -> dict[str, Measured]:
        calls = bench.scale(1_000_000, 2000)
        rounds = [
            bench.children.measure(home, "memory", calls=calls, cap=60.0 if home.tracker is OURS else 15.0)
            for _ in bench.rounds(3 if home.tracker is OURS else 1)
        ]
        done = rounds[0]["calls"]
        remark = "" if done == 1_000_000 else f"from {done:,} calls"
        return {
            "memory added by 1,000,000 calls": Measured(
                Spread.of(_growth(taken) for taken in rounds), remark=remark
            )
        }

    return bench.fill_in(
        [Figure("memory", "memory added by 1,000,000 calls", "MiB", "no growth (<= 1)", at_most(1))], take
    )


def _growth(taken: Answer) -> float:
    """MiB a million calls, by least squares over the moments after the warm-up."""
    moments = taken["resident"][2:]  # the first are warming up
    middle_call = sum(call for call, _ in moments) / len(moments)
    middle_size = sum(size for _, size in moments) / len(moments)
    above: float = sum((call - middle_call) * (size - middle_size) for call, size in moments)
    spread: float = sum((call - middle_call) ** 2 for call, _ in moments)
    return above / spread * 1e6 / 2**20


# --- store --------------------------------------------------------------------------------------------------


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


# --- autolog ------------------------------------------------------------------------------------------------


def autolog(bench: Bench) -> list[Figure]:
    """What automatic logging adds to the fit of a forest of 40 trees on 20,000 x 20, without and with the
    model.
    """
    workload: Answer = {"rows": bench.scale(20_000, 300), "trees": bench.scale(40, 3)}

    def take(home: Home) -> dict[str, Measured]:
        figures: dict[str, Measured] = {}
        for models, name in ((False, "models off"), (True, "with model")):
            rounds, bare_first = [], []
            for _ in bench.rounds(3 if home.tracker is OURS else 2):
                bare_first.append(bench.children.measure(home, "bare_fit", **workload)["first"])
                rounds.append(
                    bench.children.measure(
                        home, "autolog_fit", pairs=bench.scale(4, 1), models=models, **workload
                    )
                )
            figures |= _added(name, rounds, bare_first, models=models)
        return figures

    def within(measured: Measured) -> bool:
        bare = measured.raw.median if measured.raw else 0.0
        return measured.value is not None and measured.value.median <= max(0.03 * bare, 0.03)

    return bench.fill_in(
        [
            Figure("autolog", "autolog adds to a fit, models off", "s", "<= 3 % or 30 ms", within),
            Figure("autolog", "... to the first fit of a process, models off", "s"),
            Figure(
                "autolog",
                "autolog adds to a fit, with model, less writing it",
                "s",
                "<= 150 ms",
                at_most(0.15),
            ),
            Figure("autolog", "... to the first fit of a process, with model, less writing it", "s"),
        ],
        take,
        peers=["mlflow"],
    )


def _added(name: str, rounds: list[Answer], bare_first: list[float], *, models: bool) -> dict[str, Measured]:
    """Differences of neighbouring fits; the ratio is that of the whole fit to the bare one."""
    writing = Spread.of(seconds for taken in rounds for seconds in taken["write"])
    less, name = (writing.median, f"{name}, less writing it") if models else (0.0, name)
    pairs = [pair for taken in rounds for pair in zip(taken["on"], taken["off"], strict=True)]
    remark = f"writing {writing.median * 1000:.0f} ms" if models else ""
    off = Spread.of(bare for _, bare in pairs)
    on = Spread.of(logged for logged, _ in pairs)
    bare = Spread.of(bare_first)
    return {
        f"autolog adds to a fit, {name}": Measured(
            Spread.of(logged - bare - less for logged, bare in pairs), off, on.median / off.median, remark
        ),
        f"... to the first fit of a process, {name}": Measured(
            Spread.of(taken["first"] - alone - less for taken, alone in zip(rounds, bare_first, strict=True)),
            bare,
            Spread.of(taken["first"] for taken in rounds).median / bare.median,
            remark,
        ),
    }


EVERY: dict[str, Callable[[Bench], Iterable[Figure]]] = {
    "import": importing,
    "log": logging,
    "start": starting,
    "durability": durability,
    "memory": memory,
    "size": size,
    "project": projecting,
    "catch-up": catching_up,
    "read": reading,
    "search": searching,
    "autolog": autolog,
}
