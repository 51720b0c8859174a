"""Where a store's database is, and how it is opened.

SQLite beside the journals where that is safe.  On a network file system SQLite's
locks and its shared memory do not hold, and a folder may be read-only or its disk
full: then the database is in the user's cache folder, and failing that in memory.
Nothing is lost by it, the journals are the truth; only the work of reading them again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, select
from sqlalchemy.exc import DBAPIError, OperationalError

from epochal.errors import StoreError

from . import schema

_NETWORK = frozenset({
    0x6969,  # NFS
    0xFF534D42,  # CIFS
    0xFE534D42,  # SMB2
    0x517B,  # SMB
    0x65735546,  # FUSE: sshfs, s3fs, gcsfuse; some are local, but none says so
    0x0BD00BD0,  # Lustre
    0x47504653,  # GPFS
    0x00C36400,  # Ceph
    0x5346414F,  # AFS
    0x01021997,  # 9p
    0x19830326,  # BeeGFS
    0x786F4256,  # VirtualBox's shared folders
})  # fmt: skip

MEMORY = ":memory:"


class Database(NamedTuple):
    """An opened database; ``home``: it is the one beside the journals, whose projector clears the markers."""

    engine: Engine
    path: str
    home: bool
    why: str


def open_database(root: Path, *, elsewhere: bool = False) -> Database:
    """Open the database of a store (or the one ``elsewhere``), made anew where it is not as it should be.

    Raises `StoreError` where the folder is no store that can be read.
    """
    if not os.access(root, os.R_OK | os.X_OK):
        raise StoreError(f"cannot read the store {root}; set EPOCHAL_STORE to a folder you can read")
    why = ""
    for path, home in _places(root)[elsewhere:]:
        try:
            engine = _engine(path)
            _prepare(engine)
        except (OperationalError, OSError) as error:
            why = why or f"{path}: {getattr(error, 'orig', error)}"
        except (
            DBAPIError
        ) as error:  # not a database: rubbish in place of it, and all of it can be computed again
            set_aside(path)
            try:
                engine = _engine(path)
                _prepare(engine)
            except (DBAPIError, OSError):
                why = why or f"{path}: {error.orig}"
                continue
            return Database(engine, path, home, f"{path} was no database; it was set aside and built again")
        else:
            return Database(engine, path, home, why)
    raise StoreError(f"no database can be opened for the store {root}: {why}")


def set_aside(path: str) -> None:
    """Rename a database that cannot be read, with its log."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            Path(path + end).replace(f"{path}.broken{end}")


def _places(root: Path) -> list[tuple[str, bool]]:
    """The places for the database of this store, best first."""
    import platformdirs

    name = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=8).hexdigest()
    cache = Path(platformdirs.user_cache_dir("epochal")) / f"{name}.db"
    here = [] if _filesystem(root) in _NETWORK else [(str(root / "epochal.db"), True)]
    return [*here, (str(cache), False), (MEMORY, False)]


def _filesystem(folder: Path) -> int:
    """The magic number of a folder's file system (statfs(2)), 0 where it cannot be asked."""
    import ctypes

    buffer = ctypes.create_string_buffer(256)
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None).statfs(os.fsencode(folder), buffer) == 0:
            return int.from_bytes(buffer.raw[:8], "little") & 0xFFFFFFFF
    return 0


def _engine(path: str) -> Engine:
    if path == MEMORY:
        arguments = {"check_same_thread": False}
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=arguments)
    else:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        # Connections are kept: the last to be closed writes the log into the database and waits for the disk.
        engine = create_engine(
            URL.create("sqlite", database=path), pool_size=2, max_overflow=20, connect_args={"timeout": 30}
        )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves: Python's sqlite3 begins them late
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode=wal")
    cursor.execute("pragma synchronous=normal")
    cursor.execute("pragma cache_size=-65536")
    cursor.execute("pragma temp_store=memory")
    cursor.execute("pragma case_sensitive_like=on")  # as everywhere else; ilike is there for the other
    cursor.close()


def _on_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("epochal_write", False)
    connection.exec_driver_sql("begin immediate" if write else "begin")


def exclusive(engine: Engine) -> Engine:
    """The engine whose transactions are alone in writing, from their first statement on."""
    return engine.execution_options(epochal_write=True)


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == schema.VERSION:
            return
    with exclusive(engine).begin() as connection:
        if _version(connection) != schema.VERSION:  # nobody else was faster
            empty(connection)


def empty(connection: Connection) -> None:
    """Drop whatever is there and make the tables."""
    from sqlalchemy import MetaData

    there = MetaData()
    there.reflect(connection)
    there.drop_all(connection)
    schema.tables.create_all(connection)
    if connection.dialect.name == "sqlite":
        _advise(connection)
    connection.execute(schema.meta.insert(), {"name": "version", "value": schema.VERSION})


def _advise(connection: Connection) -> None:
    """Tell SQLite's planner what a store of many runs looks like, once and for all.

    Without it, it looks values up by the primary key and reads a wide row for each, instead of the index that
    holds them beside their key; and what it measured itself would change its mind with every size.
    """
    connection.exec_driver_sql("analyze sqlite_schema")
    for table, more in (("metric", "1"), ("param", "1 1"), ("tag", "1")):
        rows = [
            (table, f"{table}_key", f"2000000 100000 1 {more}"),
            (table, f"sqlite_autoindex_{table}_1", "2000000 20 1"),
        ]
        connection.exec_driver_sql("insert into sqlite_stat1 (tbl, idx, stat) values (?, ?, ?)", rows)
    connection.exec_driver_sql("analyze sqlite_schema")


def _version(connection: Connection) -> str | None:
    try:
        return connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == "version"))
    except OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
