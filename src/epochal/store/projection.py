"""The projector: reads what journals have gained and keeps the tables up to it.

What a file gained and the offset up to which it was read are committed together, by
one writer at a time, so that reading can stop anywhere, be repeated, and go on in
several processes at once.  Only files with a marker under `live/` are looked at; a
marker goes when its file was read to the end and nobody writes to it any more.

The tables depend on what the files say and not on the order in which they are read.
Within a file the order is that of its lines.  Between the writers of one run it is
the order in which they began (`stamp`: the time of a file's first record, then the
writer's name): of two values for one name the later writer's counts, and of a metric
that both wrote, one series follows the other.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, select

from epochal import errors, ids, journal

from . import lines, schema, settle
from .database import empty, exclusive
from .rows import Numbers, execute, parts, upsert
from .sources import Source, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from sqlalchemy import Connection

    from .database import Database
    from .ingest import Part

PART_BYTES = 100 << 20
"""How much of the journals one transaction reads."""

POINTS_AT_ONCE = 1 << 19
"""How many points are gathered before they are packed: what bounds the memory."""

_ORPHAN_SECONDS: Final = 3600
"""How long a marker may wait for its journal: it is made a moment before or after it."""


class Journal(NamedTuple):
    """A file of a run."""

    run: str
    writer: str
    path: Path
    file: str  # path below the root


class Caught(NamedTuple):
    """What catching up did."""

    files: int = 0
    records: int = 0
    replaced: tuple[str, ...] = ()


class Projector:
    """Keeps one database up to the journals of one store."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root, self.database = root, database
        self._replaced: list[str] = []

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Read what is new.  ``progress`` is told (files done, files in all)."""
        scanned = self._scanned()
        journals = list(self._live() if scanned and self.database.home else self._all())
        caught = self._project(self._gained(journals), progress)
        if not scanned:
            with exclusive(self.database.engine).begin() as connection:
                upsert(connection, schema.meta, [{"name": "scanned", "value": "1"}])
        return caught

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> Caught:
        """Forget everything and read all journals again."""
        with exclusive(self.database.engine).begin() as connection:
            empty(connection)
        return self.catch_up(progress)

    # -- which files -------------------------------------------------------------------

    def _scanned(self) -> bool:
        with self.database.engine.begin() as connection:
            return (
                connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == "scanned"))
                is not None
            )

    def _live(self) -> Iterator[Journal]:
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.root / "live"):
                run, _, writer = entry.name.partition(".")
                if ids.valid(run) and writer:
                    yield self._journal(run, writer)

    def _all(self) -> Iterator[Journal]:
        for run in _folders(_folders([str(self.root / "runs")])):
            run_id = run.rpartition("/")[2]
            if ids.valid(run_id):
                yield from self._of_run(run_id, run)

    def _of_run(self, run: str, folder: str) -> Iterator[Journal]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if entry.name.endswith(".jsonl"):
                    yield self._journal(run, entry.name.removesuffix(".jsonl"))

    def _journal(self, run: str, writer: str) -> Journal:
        path = journal.run_folder(self.root, run) / f"{writer}.jsonl"
        return Journal(run, writer, path, str(path.relative_to(self.root)))

    def _gained(self, journals: list[Journal]) -> Iterator[tuple[Journal, bool]]:
        """The journals with something to do, and whether somebody writes to them."""
        if not journals:
            return
        known = self._known(journals)
        for one in journals:
            offset, closed = known.get(one.file, (-1, False))
            try:
                size = one.path.stat().st_size
            except FileNotFoundError:
                self._missing(one)
                continue
            if closed and size <= offset:
                self._done(one)
                continue
            alive = journal.is_alive(one.path)
            if size != offset or not alive:
                yield one, alive

    def _known(self, journals: list[Journal]) -> dict[str, tuple[int, bool]]:
        columns = schema.source.c
        query = select(columns.file, columns.offset, columns.closed, columns.torn)
        found: dict[str, tuple[int, bool]] = {}
        with self.database.engine.begin() as connection:
            if len(journals) > 5000:
                return {row[0]: (row[1] + row[3], row[2]) for row in connection.execute(query)}
            for some in parts(one.file for one in journals):
                rows = connection.execute(query.where(columns.file.in_(some)))
                found |= {row[0]: (row[1] + row[3], row[2]) for row in rows}
        return found

    # -- markers -----------------------------------------------------------------------

    def _missing(self, one: Journal) -> None:
        """A marker without its journal: somebody is just making it, or it was deleted."""
        marker = journal.marker(self.root, one.run, one.writer)
        with contextlib.suppress(OSError):
            if time.time() - marker.stat().st_mtime > _ORPHAN_SECONDS:
                self._done(one)

    def _done(self, one: Journal) -> None:
        if self.database.home:
            with contextlib.suppress(OSError):
                journal.marker(self.root, one.run, one.writer).unlink(missing_ok=True)

    # -- reading them ------------------------------------------------------------------

    def _project(
        self, found: Iterator[tuple[Journal, bool]], progress: Callable[[int, int], None] | None
    ) -> Caught:
        waiting = deque(found)
        files = total = len(waiting)
        records = 0
        while waiting:
            done: list[Journal] = []
            with exclusive(self.database.engine).begin() as connection:
                step = _Step(connection, PART_BYTES)
                while waiting and step.budget > 0:
                    one, alive = waiting[0]
                    before = step.budget
                    outcome = self._file(step, one, alive)
                    if outcome == "more":
                        continue
                    waiting.popleft()
                    if outcome == "closed":
                        done.append(one)
                    elif outcome == "replaced":
                        waiting.extend(self._again(connection, one, waiting))
                        total = files = max(total, len(waiting))
                    step.budget = min(step.budget, before - 4096)
                settle.settle(connection, step.touched)
            records += step.records
            for one in done:
                self._done(one)
            if progress is not None:
                progress(total - len(waiting), total)
        replaced, self._replaced = tuple(self._replaced), []
        return Caught(files, records, replaced)

    def _file(self, step: _Step, one: Journal, alive: bool) -> str:
        """Read a part of one journal: "closed", "open" (at its end for now), "more" or "replaced"."""
        try:
            stream = one.path.open("rb")
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                errors.warn_once(
                    ("journal", one.file), "epochal: cannot read %s (%s)", one.path, error.strerror
                )
            return "open"
        with stream:
            size = os.fstat(stream.fileno()).st_size
            first = lines.first_line(stream)
            if first is None and (alive or not size):
                if not alive:
                    self._missing(one)
                return "open"
            head, record = first or (0, None)
            source, fresh = self._source(step, one, head, record)
            if not fresh and (source.head != head or size < source.offset):
                return "replaced"
            return self._read(step, source, stream, size, alive=alive, fresh=fresh)

    def _read(
        self, step: _Step, source: Source, stream: BinaryIO, size: int, *, alive: bool, fresh: bool
    ) -> str:
        from .ingest import Part  # with NumPy: not for those who find nothing new

        part = Part(step.connection, step.numbers, source, fresh=fresh)
        whole = True
        for block in lines.blocks(stream, source.offset, (source.next_point, source.next_other)):
            step.budget -= block.end - source.offset
            step.records += len(block.points) + len(block.others)
            part.read(block)
            whole = step.budget > 0
            if part.size > POINTS_AT_ONCE or not whole:
                size = os.fstat(stream.fileno()).st_size
                if source.offset >= size:  # nothing is left: what follows is the last part
                    break
                step.touch(part, part.write())
                part = Part(step.connection, step.numbers, source, fresh=False)
            if not whole:
                break
        else:
            whole = True
        if not whole and source.offset < size:
            upsert(step.connection, schema.source, [source.row()])
            return "more"
        was_closed = source.closed
        if not alive or source.status is not None:
            self._close(source, size)
        step.touch(part, part.write())
        if source.closed and not was_closed and not fresh:
            settle.compact(step.connection, source)
        upsert(step.connection, schema.source, [source.row()])
        return "closed" if source.closed else "open"

    def _close(self, source: Source, size: int) -> None:
        """Nobody writes any more: what is left is a torn line."""
        source.closed = True
        if size > source.offset + source.torn:
            source.damaged += not source.torn
            source.damaged_bytes += size - source.offset - source.torn
            source.torn = size - source.offset

    def _source(self, step: _Step, one: Journal, head: int, first: Any) -> tuple[Source, bool]:
        """What is known of a journal, and whether nothing was."""
        row = execute(step.connection, _ONE_SOURCE, {"file": one.file}).mappings().first()
        if row is not None:
            return Source.of(dict(row)), False
        started = first.time if first is not None else ids.time_of(one.run)
        run = settle.run_number(step.connection, step.numbers, one.run)
        return Source(
            id=step.numbers.next(schema.source), file=one.file, run=run, writer=one.writer,
            stamp=stamp(started, one.writer), head=head, owner=False, started=started, last=started,
        ), True  # fmt: skip

    def _again(
        self, connection: Connection, one: Journal, waiting: Iterable[tuple[Journal, bool]]
    ) -> Iterator[tuple[Journal, bool]]:
        """A journal is not the one that was read: forget its run, and read all of it that is there."""
        self._replaced.append(one.file)
        errors.warn_once(
            ("replaced", one.file),
            "epochal: %s was replaced or cut short since it was last read; run %s shows what it says now",
            one.path,
            one.run,
        )
        settle.forget(connection, one.run)
        there = {other.file for other, _ in waiting}
        for other in self._of_run(one.run, str(one.path.parent)):
            if other.file not in there:
                yield other, journal.is_alive(other.path)


_ONE_SOURCE = select(schema.source).where(schema.source.c.file == bindparam("file"))


class _Step:
    """One transaction: what it may still read, and what it has changed."""

    def __init__(self, connection: Connection, budget: int) -> None:
        self.connection, self.budget, self.records = connection, budget, 0
        self.numbers = Numbers(connection)
        self.touched: dict[int, settle.Touched] = {}

    def touch(self, part: Part, keys: set[int] | None) -> None:
        """Note what has to be settled when the files are read."""
        self.touched.setdefault(part.source.run, settle.Touched()).add(part.start, part.source.stamp, keys)


def _folders(parents: Iterable[str]) -> Iterator[str]:
    for parent in parents:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            yield from sorted(
                entry.path for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)
            )
