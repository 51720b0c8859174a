"""One store with runs of every kind, written as a user would write them."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

import epochal
from epochal import cli, settings

HOSTILE = "\x1b[31mevil\x1b[0m\n[bold]x[/bold]\u202e\x00"
COLOURFUL = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "EPOCHAL_TRACEBACK")


def write_runs() -> dict[str, str]:
    """Log the runs; returns their ids by what they are."""
    ids = {}
    for number, name in enumerate(["otter", "heron"]):
        config = {"depth": [3, 9][number], "lr": 0.1, "criterion": "gini"}
        with epochal.start_run(project="birds", name=name, config=config, tags={"team": "ab"[number]}) as run:
            run.define_metric("closeness", goal="minimize")
            for step in range(50):
                run.log(
                    {"train/loss": math.exp(-step / 20), "val/loss": math.exp(-step / (25 + number)) + 0.1},
                    step=step,
                )
            run.log({"accuracy": [0.9, 0.95][number], "closeness": 2.0 - number, "odd": math.nan})
            run.log(
                {
                    "confusion_matrix": epochal.Table(
                        [["cat", 9, 1], ["dog", 2, 8]], columns=["true", "cat", "dog"]
                    )
                }
            )
            run.log({"weights": epochal.Histogram([1.0, 2.0, 2.0, 3.0])})
            run.log({"page": epochal.Html("<script>alert(1)</script>", "a page")})
            run.log_note(
                "dataset/train",
                {"shape": [120, 4], "target": {"classes": {"cat": 60, "dog": 60}}, "fingerprint": "9f8e"},
            )
            run.log_dict({"a": 1}, "info.json")
        ids[name] = run.id
    with pytest.raises(ValueError, match="no such column"), epochal.start_run(name="badger") as run:
        ids["badger"] = run.id
        raise ValueError("no such column")
    with epochal.start_run(
        name=HOSTILE, config={"\x1b]0;t\x07": "\x9b2J", "long": "y" * 5000}, tags={"[red]": "\r\n"}
    ) as run:
        run.log({"a\nb": 1.0, "[red]k[/]": math.inf})
        run.log_text("text", "\x1b[2J.txt")
        ids["hostile"] = run.id
    with epochal.start_run(name="parent") as run:
        ids["parent"] = run.id
        with run.child(name="fold-1") as child:
            ids["child"] = child.id
    return ids


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The store's folder, and the ids of its runs; tests that change runs use `fresh`."""
    folder = tmp_path_factory.mktemp("cli") / "store"
    with settings.override(store=folder, environment=False, system_interval=0):
        ids = write_runs()
    return folder, ids


@pytest.fixture
def store(written, monkeypatch):
    """The ids of runs in the store that commands see."""
    folder, ids = written
    with settings.override(store=folder, environment=False, system_interval=0):
        yield ids


@pytest.fixture
def fresh(root, monkeypatch):
    """The ids of runs in a store that a test may change."""
    return write_runs()


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No colours but those a test asks for."""
    for name in COLOURFUL:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def call():
    """Run a command: (exit code, standard output, standard error)."""

    def invoke(*args, **options):
        result = CliRunner().invoke(cli.main, [str(arg) for arg in args], **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return invoke


@pytest.fixture
def data(call):
    """What a command prints with --json, which must be all that it prints."""

    def read(*args, code=0):
        found, out, err = call(*args, "--json")
        assert (found, err) == (code, "")
        assert out.isascii()
        return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    return read


@pytest.fixture
def refused(call):
    """The one line with which a command refuses, exit code 2."""

    def read(*args, **options):
        code, out, err = call(*args, **options)
        assert (code, out) == (2, ""), (code, out, err)
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        return err.removeprefix("error: ").strip()

    return read
