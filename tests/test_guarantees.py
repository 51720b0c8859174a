"""Promises of docs/guarantees.md that belong to no single module."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import pytest

import epochal
from epochal import events, journal, settings

FORMATS = Path(__file__).parent / "formats"
JOURNALS = sorted(FORMATS.glob("journal-*"))


@pytest.fixture
def root(tmp_path):
    with settings.override(store=str(tmp_path / "store"), environment=False, system_interval=0):
        yield settings.store_root()


def test_a_clock_that_jumps_changes_nothing_but_times(root, monkeypatch):
    """D6: a day back, a year forward, a day back again; every point is there, in the order of writing."""
    day = 86_400 * 10**9
    with epochal.start_run() as run:
        for step, shift in enumerate([0, -day, 365 * day, -day, 0]):
            now = journal.time_ns() + shift
            with monkeypatch.context() as patch:
                patch.setattr(journal, "time_ns", lambda now=now: now)
                run.log({"loss": step / 10}, step=step)
    view = epochal.run(run.id)
    history = view.history("loss")
    assert view.status == "finished"
    assert view.metrics["loss"] == 0.4
    assert list(history.steps) == [0, 1, 2, 3, 4]
    assert list(history.values) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert history.times[1] < history.times[0] < history.times[2]
    print(
        f"D6 clock: {len(history)}/5 points in order, times from {min(history.times)} to {max(history.times)}"
    )


@pytest.mark.parametrize("folder", JOURNALS, ids=lambda folder: folder.name)
def test_every_journal_format_that_was_ever_written_opens(folder, root):
    """D8: journals of each format, as that release wrote them, and what they say."""
    expected = json.loads((folder / "expected.json").read_text())
    (journal_file,) = folder.glob("*.jsonl")
    to = journal.run_folder(root, expected["id"])
    to.mkdir(parents=True)
    shutil.copy(journal_file, to)
    journal.marker(root, expected["id"], journal_file.stem).parent.mkdir(exist_ok=True)
    journal.marker(root, expected["id"], journal_file.stem).touch()
    assert said(epochal.run(expected["id"])) == expected
    print(f"D8 {folder.name}: {len(list(journal.read(journal_file)))} records read")


def test_the_present_format_is_among_them():
    assert FORMATS / f"journal-{events.FORMAT}" in JOURNALS
    (latest,) = (FORMATS / f"journal-{events.FORMAT}").glob("*.jsonl")
    assert {record.kind for record in journal.read(latest)} == set(events.KINDS)


def said(view: epochal.store.RunView) -> dict:
    """All that a journal says, as JSON."""
    keys = view.keys()
    series = {key: view.history(key) for key in keys}
    return {
        "id": view.id,
        "name": view.name,
        "project": view.project,
        "status": view.status,
        "created": view.created.isoformat(),
        "ended": view.ended.isoformat(),
        "notes": view.notes,
        "source": view.source,
        "error": view.error,
        "params": view.params,
        "config": view.config,
        "tags": view.tags,
        "metrics": {key: repr(value) for key, value in view.metrics.items()},
        "series": {key: [repr(value) for value in one.values.tolist()] for key, one in series.items()},
        "steps": {key: one.steps.tolist() for key, one in series.items()},
        "artifacts": view.artifacts,
        "media": [[item.key, item.step, item.type, item.caption] for item in view.media()],
        "documents": view.notes_named,
        "console": view.console(),
        "system": {key: series.values.tolist() for key, series in view.system().items()},
        "damage": list(view.damage),
    }


def write_sample(folder: Path) -> None:
    """Write a journal of the present format with a record of every kind; for a new `events.FORMAT` only."""
    run, begun = "0193a3c2b1d47e5f8a9b0c1d2e3f4a5b", 1_733_500_000.25
    file = {"path": "vocabulary.txt", "digest": "ab" * 32, "size": 12}
    picture = {"path": "sample.png", "digest": "cd" * 32, "size": 70, "mime": "image/png"}
    said_by = [
        ("start", {"run": run, "writer": "3f9a0c41d2e7", "format": events.FORMAT, "project": "iris",
                   "name": "keen-owl", "notes": "first", "source": "sklearn", "tags": {"team": "a"},
                   "host": "box", "pid": 4711, "user": "ada", "locked": True, "epochal": "0.1.0"}),
        ("config", {"values": {"optimizer": {"lr": 0.01, "name": "adam"}, "epochs": 3}}),
        ("params", {"values": {"depth": 4, "note": "h\u00e9 \U0001f600", "none": None, "big": 2**63}}),
        ("define", {"metric": "loss", "summary": "min"}),
        ("metrics", {"step": 0, "values": {"loss": 0.5, "acc": 0.25}}),
        ("metrics", {"step": 2, "values": {"loss": 0.125, "acc": -0.0}}),
        ("metrics", {"step": 1, "values": {"loss": "Infinity", "acc": "NaN", "tiny": 5e-324}}),
        ("summary", {"values": {"best": 0.75}}),
        ("tags", {"values": {"team": None, "kind": "demo"}}),
        ("artifact", {"name": "vocabulary.txt", "type": "file", "files": [file], "size": 12,
                      "digest": "ef" * 32}),
        ("media", {"key": "sample", "step": 1, "type": "image", "files": [picture],
                   "data": {"width": 4, "height": 4}, "caption": "a digit"}),
        ("text", {"stream": "stdout", "text": "epoch 1\n"}),
        ("system", {"values": {"cpu": 12.5}}),
        ("note", {"name": "dataset/train", "data": {"rows": 150}}),
        ("update", {"name": "keener-owl"}),
        ("end", {"status": "failed", "emitted": 16,
                 "error": {"type": "ValueError", "text": "ValueError: no", "traceback": "..."}}),
    ]  # fmt: skip
    with (folder / "3f9a0c41d2e7.jsonl").open("xb") as stream:
        for number, (kind, data) in enumerate(said_by):
            body = json.dumps(
                [number, begun + number, kind, data], separators=(",", ":"), ensure_ascii=False
            )[:-1]
            stream.write(body.encode() + b',"%08x"]\n' % zlib.crc32(body.encode()))
