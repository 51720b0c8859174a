"""Journals written by hand, and everything that a store says of them."""

from __future__ import annotations

import fcntl
import os
import zlib

import msgspec
import pytest

from epochal import journal
from epochal.store import Store

encode = msgspec.json.Encoder().encode
BEGIN = 1_763_900_000.0


def line(seq, when, kind, data):
    """One record, as `journal.Writer` writes it."""
    body = encode((seq, round(when, 6), kind, data))[:-1]
    return b'%b,"%08x"]\n' % (body, zlib.crc32(body))


def run_id(number=0):
    return f"{int(BEGIN * 1000) + number:012x}7000{8:x}{number:015x}"


class Book:
    """A store's folder, and journals in it."""

    def __init__(self, root):
        self.root = root
        self._locks = []
        (root / "live").mkdir(mode=0o700)

    def lines(self, *records, run=None, begin=BEGIN, **start):
        """A start record and these (kind, data), a millisecond apart."""
        head = {"run": run or run_id(), "writer": "w", "project": "p", "name": "n", "locked": True, **start}
        whole = [("start", head), *records]
        return [line(seq, begin + seq / 1000, kind, data) for seq, (kind, data) in enumerate(whole)]

    def path(self, run=None, writer="w"):
        return journal.run_folder(self.root, run or run_id()) / f"{writer}.jsonl"

    def write(self, data, run=None, writer="w", *, live=True):
        """A journal with this content."""
        path = self.path(run, writer)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else b"".join(data))
        if live:
            journal.marker(self.root, run or run_id(), writer).touch()
        return path

    def append(self, data, run=None, writer="w"):
        with self.path(run, writer).open("ab") as stream:
            stream.write(data)

    def hold(self, run=None, writer="w"):
        """Lock a journal, as its living writer does."""
        fd = os.open(self.path(run, writer), os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self._locks.append(fd)

    def let_go(self):
        while self._locks:
            os.close(self._locks.pop())

    def open(self):
        return Store.open(self.root)

    def markers(self):
        return sorted(path.name for path in (self.root / "live").iterdir())


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "store"
    root.mkdir(mode=0o700)
    made = Book(root)
    yield made
    made.let_go()
    Store.open(root, catch_up=False).close()


def told(store):
    """Everything that a store can be asked, to the bit."""
    return {run.id: told_of(run) for run in store.runs(children=True, deleted=None)}


COLUMNS = ("steps", "times", "count", "min", "max", "mean", "last")


def told_of(run):
    keys = run.keys()
    histories = {key: run.history(key) for key in keys}
    small = {key: run.history(key, buckets=7) for key in keys}
    fields = [
        "name",
        "project",
        "status",
        "created",
        "ended",
        "group",
        "job_type",
        "source",
        "notes",
        "user",
        "host",
        "parent",
        "deleted",
        "error",
    ]
    values = ["params", "config", "metrics", "tags", "summary", "notes_named", "damage", "artifacts"]
    return {
        "fields": [getattr(run, name) for name in fields],
        "values": repr([getattr(run, name) for name in values]),
        "metric": {key: repr(run.metric(key)) for key in keys},
        "series": {
            k: [h.steps.tobytes(), h.times.tobytes(), h.values.tobytes()] for k, h in histories.items()
        },
        "buckets": {k: [getattr(one, column).tobytes() for column in COLUMNS] for k, one in small.items()},
        "system": {k: h.values.tobytes() for k, h in run.system().items()},
        "media": repr([[m.key, m.step, m.type, m.data, m.caption] for m in run.media()]),
        "console": run.console(),
    }


@pytest.fixture
def tell():
    return told


@pytest.fixture
def make_line():
    return line


@pytest.fixture
def make_id():
    return run_id
