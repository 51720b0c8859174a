"""The bench measures every row of its table and says so; what it cannot measure it names."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

from epochal.testing import programs

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"
ROWS = (
    "import",
    "log",
    "start",
    "parts",
    "durability",
    "memory",
    "size",
    "project",
    "catch-up",
    "read",
    "search",
    "autolog",
)


def bench(*arguments, code=0, **environment):
    return programs.run(
        sys.executable, BENCHMARKS / "run.py", "--quick", *arguments, env=environment, code=code
    )


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_measured(row, tmp_path):
    written = tmp_path / "figures.json"
    done = bench("--peers", "none", "--only", row, "--scratch", str(tmp_path), "--json", str(written))
    figures = json.loads(written.read_text())["figures"]
    assert {figure["row"] for figure in figures} == {row}
    for figure in figures:
        assert figure["what"] in done.stdout
        assert figure["ours"]["value"]["count"] >= 1
        assert figure["verdict"] in ({"-"} if figure["required"] == "-" else {"ok", "MISS"})
    assert list(tmp_path.iterdir()) == [written], "the bench leaves nothing behind"


def test_the_rows_are_these():
    assert f"{{{', '.join(ROWS)}}}"[1:-1] in " ".join(bench("--help").stdout.split())


def test_nothing_is_lost_at_kill_9(tmp_path):
    written = tmp_path / "figures.json"
    bench("--peers", "none", "--only", "durability", "--json", str(written))
    lost = {figure["what"]: figure for figure in json.loads(written.read_text())["figures"]}
    figure = lost["lost at kill -9, full speed"]
    assert figure["ours"]["value"]["median"] == 0
    assert figure["ours"]["remark"] != "of 0", "points were acknowledged before the kill"


def test_a_peer_that_cannot_be_installed_is_named(tmp_path):
    file = tmp_path / "a file, no folder"
    file.touch()
    done = bench("--peers", "tensorboardX", "--only", "import", EPOCHAL_BENCH_PEERS=str(file / "peers"))
    header, _, first, *_ = done.stdout.splitlines()[1:]
    assert "tensorboardX" in header
    assert "none [1]" in first
    assert "[1] not installed: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "known"),
    [(("--only", "speed"), "autolog"), (("--peers", "mlfow"), "mlflow")],
    ids=["row", "peer"],
)
def test_an_unknown_name_is_refused_with_those_there_are(arguments, known):
    done = bench(*arguments, code=2)
    assert known in done.stderr


def test_verdicts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from table import Figure, Measured, Spread, at_least, at_most, render

    slow = Measured(Spread.of([0.2, 0.3, 0.1]), Spread.of([0.1]), 2.0)
    figures = [
        Figure("r", "time within", "s", "<= 300 ms", at_most(0.3), slow),
        Figure("r", "time over", "s", "<= 100 ms", at_most(0.1), slow),
        Figure("r", "ratio over", "s", "<= 1x", at_most(1, "ratio"), slow),
        Figure("r", "rate under", "1/s", ">= 1", at_least(1), slow),
        Figure("r", "only told", "s", ours=slow),
        Figure("r", "broken", "s", "<= 1 s", at_most(1), Measured.absent("it did not begin to log")),
    ]
    assert [figure.verdict for figure in figures] == ["ok", "MISS", "MISS", "MISS", "-", "FAILED"]
    printed = render(figures, ["peer"])
    assert "200 ms" in printed
    assert "100 ms .. 300 ms" in printed
    assert "it did not begin to log" in printed
