"""The tables of a store, the same on SQLite and PostgreSQL.

Everything here is a projection of journals: any row can be dropped and computed
again.  That is why there is no migration: when `VERSION` differs from what a
database says, its tables are dropped and filled again from the journals.  Raise
`VERSION` with any change of a table, or of what the projection writes into one.

Runs, keys, sources and series have small integer keys, given out by the projector
(which is alone while it writes), so that the indexes which searching lives on stay
narrow.  `stamp` orders the writers of one run (see `projection`): where two of them
say different things about one name, the later one counts, in whatever order their
files were read.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

VERSION: Final = "2"

tables = MetaData()


def _id(name: str = "id") -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _ref(name: str, *, primary: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=primary, nullable=False, autoincrement=False)


def _table(name: str, *columns: Any) -> Table:
    return Table(name, tables, *columns)


meta = _table("meta", Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))

key = _table(
    "key",
    _id(),
    Column("digest", LargeBinary(16), nullable=False, unique=True),  # names may be longer than an index takes
    Column("name", Text, nullable=False),
)

run = _table(
    "run",
    _id(),
    Column("uuid", String(32), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created", Double, nullable=False),
    Column("ended", Double),
    Column("group", Text),
    Column("job_type", Text),
    Column("notes", Text),
    Column("source", Text),
    Column("parent", String(32)),
    Column("host", Text),
    Column("user", Text),
    Column("pid", BigInteger),
    Column("deleted", Boolean, nullable=False),
    Column("error", Text),  # JSON
    Column("stamp", BigInteger),  # of the start that these fields are from; null: not seen yet
    Index("run_created", "created"),
    Index("run_name", "name"),
    Index("run_parent", "parent"),
)

source = _table(
    "source",
    _id(),
    Column("file", Text, nullable=False, unique=True),
    _ref("run"),
    Column("writer", Text, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("head", BigInteger, nullable=False),  # checksum of the first line: another one means another file
    Column("owner", Boolean, nullable=False),  # began or resumed the run, so its end is the run's end
    Column("started", Double, nullable=False),
    Column("last", Double, nullable=False),  # time of the last record
    Column("offset", BigInteger, nullable=False),
    Column("next_point", BigInteger, nullable=False),  # least seq that may come next, of points and of others
    Column("next_other", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("damaged", BigInteger, nullable=False),
    Column("damaged_bytes", BigInteger, nullable=False),
    Column("torn", BigInteger, nullable=False),  # bytes after the offset, when nobody will finish that line
    Column("status", String(16)),  # of the end record, or "crashed"
    Column("closed", Boolean, nullable=False),  # nothing can come any more
    Column("end", Text),  # JSON of the end record
    Index("source_run", "run"),
)

param = _table(
    "param",
    _ref("run", primary=True),
    _ref("key", primary=True),
    Column("kind", SmallInteger, nullable=False),  # see values.KINDS
    Column("num", Double),
    Column("text", Text),  # its first 200 characters; null: removed
    Column("rest", Text),  # what is beyond
    Column("stamp", BigInteger, nullable=False),
    Index("param_key", "key", "run", "num", "text"),
)

tag = _table(
    "tag",
    _ref("run", primary=True),
    _ref("key", primary=True),
    Column("text", Text),  # null: removed
    Column("rest", Text),
    Column("stamp", BigInteger, nullable=False),
    Index("tag_key", "key", "run", "text"),
)

metric = _table(
    "metric",
    _ref("run", primary=True),
    _ref("key", primary=True),
    Column("value", Double),  # what summarises it; what searching compares
    Column("count", BigInteger, nullable=False),
    Column("valid", BigInteger, nullable=False),  # how many are not NaN
    Column("sum", Double),
    Column("min", Double),
    Column("max", Double),
    Column("last", Double),
    Column("last_step", BigInteger),
    Column("last_time", BigInteger),
    Column("given", Text),  # JSON that the user set as its summary
    Index("metric_key", "key", "run", "value"),
)

series = _table(
    "series",
    _id(),
    _ref("run"),
    _ref("key"),
    Column("system", Boolean, nullable=False),
    _ref("source"),
    Column("count", BigInteger, nullable=False),
    Column("valid", BigInteger, nullable=False),
    Column("sum", Double),
    Column("min", Double),
    Column("max", Double),
    Column("last", Double),
    Column("last_step", BigInteger),
    Column("last_time", BigInteger),
    Index("series_run", "run", "key"),
)

chunk = _table(
    "chunk",
    _ref("series", primary=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),  # number of its first point
    Column("count", Integer, nullable=False),
    Column("blocks", LargeBinary, nullable=False),  # before the points: a chart reads only this
    Column("points", LargeBinary, nullable=False),
)

document = _table(
    "document",
    _ref("run", primary=True),
    Column("kind", String(16), primary_key=True),  # config, note, define, summary, update
    _ref("key", primary=True),
    Column("stamp", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("data", Text, nullable=False),  # JSON
)

text = _table(
    "text",
    _ref("run", primary=True),
    Column("stamp", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("time", Double, nullable=False),
    Column("stream", Text, nullable=False),
    Column("text", Text, nullable=False),
)

artifact = _table(
    "artifact",
    _ref("run", primary=True),
    Column("stamp", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("time", Double, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON: all of it
)

media = _table(
    "media",
    _ref("run", primary=True),
    Column("stamp", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("time", Double, nullable=False),
    _ref("key"),
    Column("step", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON: all of it
)
