"""The run's journal: what happened, in order, in files that are only ever appended to.

A run is a folder; each process that takes part appends to a file of its own, so
there is nothing to lock.  A record is one line, a JSON array that ends in its own
checksum, and one `write(2)`: when `Writer.write` returns, the record is in the
kernel and killing the process cannot lose it.  A thread syncs to disk once a second.

    [seq,time,"kind",{...},"9ae0daaf"]

seq counts from 0 in each file, time is UTC seconds with six decimals, the checksum
is the CRC-32 of the bytes before `,"9ae0daaf"]`.  A line that is torn or rotten is
skipped and counted, never guessed at.

Files lie at `runs/YYYY-MM/RUN/WRITER.jsonl`; an empty marker `live/RUN.WRITER` says
that a projection has yet to read one to its end, so that catching up costs what is
live and not what ever was.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
import weakref
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import msgspec

from . import errors, ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from . import events

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_write = os.write

SYNC_SECONDS = 1.0
"""How often the disk is told to keep what was written."""


class Record(NamedTuple):
    """One line of a journal; ``end`` is the offset of the next."""

    kind: str
    time: float
    seq: int
    data: dict[str, Any]
    end: int


class Damage:
    """What a reader could not read: lines and bytes."""

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0

    def add(self, size: int) -> None:
        """Count one more line of this many bytes."""
        self.lines += 1
        self.bytes += size


def run_folder(root: Path, run_id: str) -> Path:
    """Where a run's journals lie; follows from the id alone."""
    return root / "runs" / time.strftime("%Y-%m", time.gmtime(ids.time_of(run_id))) / run_id


def marker(root: Path, run_id: str, writer: str) -> Path:
    """The empty file that says a projection has this journal still to read."""
    return root / "live" / f"{run_id}.{writer}"


class Writer:
    """Appends the records of one process to a file of its own.

    Nothing here raises for want of disk: what cannot be written is counted in
    ``dropped``, warned of once, and tried again with the next record.
    """

    def __init__(self, root: Path, start: events.Start, *, durability: str = "second") -> None:
        self.root, self.run = root, start.run
        self.name = start.writer = os.urandom(6).hex()
        self.durable = durability == "sync"
        self.seq = self.emitted = self.dropped = 0
        self._lock = (
            threading.RLock()
        )  # re-entrant: a signal handler may end the run in the middle of a log()
        self._torn = self._dirty = False
        self.path = run_folder(root, self.run) / f"{self.name}.jsonl"
        self._fd, start.locked = _open(self.path)
        live = marker(root, self.run, self.name)
        live.parent.mkdir(mode=0o700, exist_ok=True)
        live.touch(mode=0o600)
        _keep_synced(self)
        self.write("start", start)

    def write(self, kind: str, data: msgspec.Struct | dict[str, Any]) -> None:
        """Append one record; it is in the kernel when this returns.

        Raises what the JSON encoder raises (UnicodeEncodeError, TypeError) before anything is written.
        """
        with self._lock:
            body = _encode((self.seq, time_ns() // 1000 / 1e6, kind, data))[:-1]
            line = b'%b,"%08x"]\n' % (body, crc32(body))
            self.emitted += 1
            if self._torn:  # end what an earlier, failed write may have left
                line = b"\n" + line
            try:
                done = _write(self._fd, line)
                if done != len(line):
                    _write_all(self._fd, line[done:])
            except OSError as error:
                self._failed(error)
                return
            self._torn = False
            self.seq += 1
            self._dirty = True
            if self.durable:
                self.sync()

    def sync(self) -> None:
        """Have the disk keep everything written so far."""
        if self._fd < 0 or not self._dirty:
            return
        self._dirty = False
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EROFS}:  # a file system without sync
                message = "epochal: the disk did not keep %s (%s); what is in it may not survive a power cut"
                errors.warn_once(("sync", self.path.parent), message, self.path, error.strerror)

    def close(self) -> None:
        """Sync and close; what is written later is dropped."""
        with self._lock:
            if self._fd >= 0:
                self.sync()
                os.close(self._fd)
                self._fd = -1

    def abandon(self) -> None:
        """Let go of the file without touching it: in a forked child it is the parent's."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _failed(self, error: OSError) -> None:
        self.dropped += 1
        self._torn = True
        message = (
            "epochal: cannot write %s (%s); training goes on, records are dropped until it can be written"
        )
        errors.warn_once(("write", self.path), message, self.path, error.strerror)


class Deferred:
    """Stands for a journal that is opened with its first record: a forked child's, which may never write."""

    emitted = dropped = 0

    def __init__(self, open_writer: Callable[[], Writer]) -> None:
        self._open = open_writer

    def write(self, kind: str, data: msgspec.Struct | dict[str, Any]) -> None:
        """Open the journal and append the record."""
        self._open().write(kind, data)

    def sync(self) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Nothing was opened."""


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[_write(fd, data) :]


def _open(path: Path) -> tuple[int, bool]:
    """Make a journal that nobody else has, lock it; whether the file system has locks."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return fd, False
    return fd, True


# -- reading -----------------------------------------------------------------------


def read(path: Path, offset: int = 0, damage: Damage | None = None) -> Iterator[Record]:
    """The records from byte ``offset`` on, in order; stops before a line that is still being written."""
    with path.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            record = parse(line, offset)
            if record is not None:
                yield record
            elif damage is not None and line != b"\n":
                damage.add(len(line))


def parse(line: bytes, end: int = 0) -> Record | None:
    """The record that a line holds, or None if it is damaged."""
    if line[-13:-11] != b',"' or line[-3:] != b'"]\n' or b"%08x" % crc32(line[:-13]) != line[-11:-3]:
        return None
    try:
        seq, when, kind, data, _ = _decode(line)
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    return Record(kind, when, seq, data, end)


def is_alive(path: Path) -> bool:
    """Whether a process still holds the lock of this journal.

    Where the file system has no locks, whether the process that began it lives on this host.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return _process_lives(path)
    else:
        first = next(read(path), None)
        return first is not None and not first.data.get("locked", False) and _process_lives(path, first)
    finally:
        os.close(fd)


def _process_lives(path: Path, first: Record | None = None) -> bool:
    first = first or next(read(path), None)
    if first is None:
        return False
    if first.data.get("host") != os.uname().nodename:
        return time.time() - path.stat().st_mtime < 10 * 60
    pid = first.data.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # it lives, as somebody else's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def last_step(root: Path, run_id: str) -> int:
    """The highest step a run has reached; -1 if none."""
    files = run_folder(root, run_id).glob("*.jsonl")
    records = (record for file in files for record in read(file))
    return max((record.data["step"] for record in records if record.kind == "metrics"), default=-1)


def rank() -> int:
    """The rank of this process in a distributed training; 0 outside one."""
    text = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0"
    return int(text) if text.isdecimal() else 0


# -- the disk, and forks -----------------------------------------------------------

_writers: weakref.WeakSet[Writer] = weakref.WeakSet()
_syncer: threading.Thread | None = None


def _keep_synced(writer: Writer) -> None:
    global _syncer  # noqa: PLW0603 - one thread a process, begun with its first journal
    _writers.add(writer)
    if _syncer is None or not _syncer.is_alive():
        _syncer = threading.Thread(target=_sync_forever, name="epochal-sync", daemon=True)
        _syncer.start()


def _sync_forever() -> None:
    folders: set[Path] = set()
    while True:
        time.sleep(SYNC_SECONDS)
        for writer in list(_writers):
            with errors.guard("journal", "sync"):
                if writer.path.parent not in folders:
                    folders.add(writer.path.parent)
                    _sync_folders(writer.path.parent, writer.root)
                writer.sync()


def _sync_folders(folder: Path, root: Path) -> None:
    """Have the disk keep the names too: of the journal, its run, its month."""
    while folder != root.parent:
        with contextlib.suppress(OSError):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        folder = folder.parent


def _after_fork() -> None:
    global _syncer, _writers
    for writer in list(_writers):
        writer._lock = threading.RLock()  # noqa: SLF001 - another thread of the parent may have held it
        writer.abandon()
    _syncer, _writers = None, weakref.WeakSet()


os.register_at_fork(after_in_child=_after_fork)
