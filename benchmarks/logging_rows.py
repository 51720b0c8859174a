"""The rows about logging: the import, one call, start and finish, what kill -9 loses, memory."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from typing import TYPE_CHECKING

from children import Home, interpret
from table import Figure, Measured, Spread, at_most
from trackers import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Answer, Bench

LOADED = "packages that import loads"


def importing(bench: Bench) -> Iterator[Figure]:
    """`import X` in a fresh interpreter over a bare one, by turns; and what it loads."""

    def take(home: Home) -> dict[str, Measured]:
        interpret(home.python, home.tracker.statement)  # the first import compiles
        turns = [
            (interpret(home.python, home.tracker.statement), interpret(home.python, "pass"))
            for _ in bench.rounds(15)
        ]
        figures = {}
        for which, what in enumerate(("import over bare Python", "... in CPU time")):
            over = Spread.of(full[which] - bare[which] for full, bare in turns)
            raw = Spread.of(bare[which] for _, bare in turns)
            full_median = Spread.of(full[which] for full, _ in turns).median
            figures[what] = Measured(over, raw, full_median / raw.median)
        return figures

    yield from bench.fill_in(
        [
            Figure("import", "import over bare Python", "s", "<= 50 ms", at_most(0.05)),
            Figure("import", "... in CPU time", "s"),
        ],
        take,
    )
    yield from bench.fill_in(
        [
            Figure("import", LOADED, ""),
            Figure("import", "... neither msgspec nor loaded by it", "", "0", at_most(0)),
            Figure("import", "direct dependencies", "", "<= 12", at_most(12)),
        ],
        _loaded,
    )


def _loaded(home: Home) -> dict[str, Measured]:
    packages = _packages(home, home.tracker.statement) - {home.tracker.name}
    named = " ".join(sorted(packages)) if len(packages) <= 3 else ""
    loaded = Measured(Spread.of([len(packages)]), remark=named)
    if home.tracker is not OURS:
        return {LOADED: loaded}
    unwanted = packages - {"msgspec"} - _packages(home, "import msgspec")  # which may load typing_extensions
    direct = [named for named in importlib.metadata.requires(OURS.name) or [] if "extra ==" not in named]
    return {
        LOADED: loaded,
        "... neither msgspec nor loaded by it": Measured(
            Spread.of([len(unwanted)]), remark=" ".join(unwanted)
        ),
        "direct dependencies": Measured(Spread.of([len(direct)])),
    }


PARTS = {
    "redact": Figure("parts", "secrets taken out of 1 MB of the worst text", "s", "<= 1 s", at_most(1)),
    "git": Figure("parts", "asking git, new repository", "s", "<= 100 ms", at_most(0.1)),
    "sample": Figure("parts", "a sample of the load", "s", "<= 50 ms", at_most(0.05)),
    "write": Figure("parts", "added to a write to the console", "s", "<= 50 us", at_most(50e-6)),
    "requirements": Figure("parts", "requirements of a forest", "s", "<= 150 ms", at_most(0.15)),
}
PROGRAMS = {
    "import epochal; epochal.autolog()": "import epochal; epochal.autolog()",
    "epochal version": "from epochal.cli import main; main(['version'], standalone_mode=False)",
}


def parts(bench: Bench) -> list[Figure]:
    """What a run does beside logging; and what our programs need to begin, in CPU time over bare Python."""

    def take(home: Home) -> dict[str, Measured]:
        rounds = [
            bench.children.measure(
                home,
                "parts",
                size=bench.scale(1_000_000, 10_000),
                writes=bench.scale(5_000, 50),
                trees=bench.scale(100, 3),
            )
            for _ in bench.rounds(3)
        ]
        figures = {
            figure.what: Measured(Spread.of(taken[key] for taken in rounds)) for key, figure in PARTS.items()
        }
        for what, statement in PROGRAMS.items():
            interpret(home.python, statement)  # the first time compiles
            turns = [
                (interpret(home.python, statement)[1], interpret(home.python, "pass")[1])
                for _ in bench.rounds(5)
            ]
            over = Spread.of(full - bare for full, bare in turns)
            figures[f"{what}, CPU over bare Python"] = Measured(over, Spread.of(bare for _, bare in turns))
        return figures

    begins = [
        Figure("parts", f"{what}, CPU over bare Python", "s", "<= 150 ms", at_most(0.15)) for what in PROGRAMS
    ]
    return bench.fill_in([*PARTS.values(), *begins], take, peers=[])


def _packages(home: Home, statement: str) -> set[str]:
    """Name the packages outside the standard library that a statement loads."""
    code = (
        f"import sys; before = set(sys.modules); {statement}; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*new - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([str(home.python), "-c", code], check=True, capture_output=True, text=True)
    return {name for name in done.stdout.split() if not name.startswith("_")}


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
