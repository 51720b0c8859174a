"""What follows from what was read: a run's own fields, its status, the summary of each metric.

None of it depends on the order in which journals were read: it is computed from what the tables hold.
"""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from epochal import ids

from . import schema, series
from .cells import Totals, decode_json, encode_json
from .ingest import ALL
from .rows import next_id, parts, upsert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from .ingest import Source

_FIELDS = ("project", "name", "group", "job_type", "notes", "source", "parent", "host", "user", "pid")
_CHANGEABLE = frozenset({"name", "notes", "group", "project", "deleted"})


@dataclass(slots=True)
class Touched:
    """What has changed of a run."""

    start: dict[str, Any] | None = None
    stamp: int = 0
    keys: set[int] | None = field(default_factory=set)

    def add(self, start: dict[str, Any] | None, stamp: int, keys: set[int] | None) -> None:
        """Note what one part of one file changed."""
        if start is not None and (self.start is None or stamp < self.stamp):
            self.start, self.stamp = start, stamp
        self.keys = ALL if self.keys is ALL or keys is ALL else self.keys | keys


def run_number(connection: Connection, uuid: str) -> int:
    """The number of a run, made with nothing known of it yet if it is new."""
    number = connection.scalar(select(schema.run.c.id).where(schema.run.c.uuid == uuid))
    if number is None:
        number = next_id(connection, schema.run)
        row = {"id": number, "uuid": uuid, "project": "default", "name": uuid[:8], "status": "crashed"}
        connection.execute(insert(schema.run), row | {"created": ids.time_of(uuid), "deleted": False})
    return int(number)


def settle(connection: Connection, touched: Mapping[int, Touched]) -> None:
    """Compute what follows from changes of these runs."""
    for run, change in touched.items():
        fields = _fields(connection, run, change)
        connection.execute(update(schema.run).where(schema.run.c.id == run).values(**fields))
        if change.keys is ALL or change.keys:
            _summarise(connection, run, change.keys)


def _fields(connection: Connection, run: int, change: Touched) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if change.start is not None:
        before = connection.scalar(select(schema.run.c.stamp).where(schema.run.c.id == run))
        if before is None or change.stamp <= before:
            values = {name: change.start.get(name) for name in _FIELDS}
            values["name"] = values["name"] or change.start["run"][:8]
            values["project"] = values["project"] or "default"
            values["stamp"] = change.stamp
    values |= _status(connection, run)
    return values | {
        name: value for name, value in _documents(connection, run, "update") if name in _CHANGEABLE
    }


def _status(connection: Connection, run: int) -> dict[str, Any]:
    """When it was created, whether and how it ended: as the last process says that began or resumed it."""
    query = select(schema.source).where(schema.source.c.run == run).order_by(schema.source.c.stamp)
    sources = list(connection.execute(query).mappings())
    owners = [row for row in sources if row["owner"]] or sources
    last = owners[-1]
    values: dict[str, Any] = {"created": owners[0]["started"], "error": None}
    if any(not row["closed"] for row in owners):
        return values | {"status": "running", "ended": None}
    values["ended"] = last["last"]
    if last["end"] is None:
        return values | {"status": "crashed"}
    error = decode_json(last["end"]).get("error")
    return values | {
        "status": last["status"],
        "error": None if error is None else encode_json(error).decode(),
    }


def _documents(connection: Connection, run: int, kind: str) -> list[tuple[str, Any]]:
    """The documents of one kind by name, the oldest first."""
    columns = schema.document.c
    query = select(schema.key.c.name, columns.data).join(schema.key, schema.key.c.id == columns.key)
    query = query.where(columns.run == run, columns.kind == kind).order_by(columns.stamp, columns.seq)
    return [(row[0], decode_json(row[1])) for row in connection.execute(query)]


def _summarise(connection: Connection, run: int, keys: set[int] | None) -> None:
    defines = _documents(connection, run, "define")
    given = dict(_documents(connection, run, "summary"))
    rows = []
    for key, name, totals in _totals(connection, run, keys):
        how, goal = definition(name, defines)
        rows.append(_metric(run, key, totals, totals.summary(how, goal), given.pop(name, None)))
    if given and keys is ALL:  # set by the user, never logged
        columns = schema.key.c
        query = select(columns.id, columns.name, schema.document.c.kind).join(
            schema.document, schema.document.c.key == columns.id
        )
        query = query.where(schema.document.c.run == run, schema.document.c.kind == "summary")
        rows += [
            _metric(run, key, Totals(), math.nan, given[name])
            for key, name, _ in connection.execute(query)
            if name in given
        ]
    upsert(connection, schema.metric, rows)


def definition(name: str, defines: list[tuple[str, Any]]) -> tuple[str | None, str | None]:
    """How a metric is summarised, and its goal: by the latest definition that says so."""
    how = goal = None
    for pattern, data in defines:
        if name == pattern or fnmatch.fnmatchcase(name, pattern):
            how = data.get("summary") or how
            goal = data.get("goal") or goal
    if how is None and goal is not None:
        how = "best"
    return how, goal


def _metric(run: int, key: int, totals: Totals, summary: float, given: Any) -> dict[str, Any]:
    number = summary
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        number = float(given)
    row = totals.row() | {"run": run, "key": key, "value": None if math.isnan(number) else number}
    return row | {"given": None if given is None else encode_json(given).decode()}


def _totals(connection: Connection, run: int, keys: set[int] | None) -> list[tuple[int, str, Totals]]:
    """The totals of each metric of a run, over its writers in their order."""
    columns = schema.series.c
    query = (
        select(schema.series, schema.key.c.name)
        .join(schema.key, schema.key.c.id == columns.key)
        .join(schema.source, schema.source.c.id == columns.source)
        .where(columns.run == run, columns.system.is_(False))
        .order_by(schema.source.c.stamp)
    )
    queries = [query] if keys is ALL else [query.where(columns.key.in_(some)) for some in parts(keys)]
    found: dict[tuple[int, str], list[Totals]] = {}
    for one in queries:
        for row in connection.execute(one).mappings():
            found.setdefault((row["key"], row["name"]), []).append(Totals.of(row))
    return [(key, name, Totals.join(all_)) for (key, name), all_ in found.items()]


def compact(connection: Connection, source: Source) -> None:
    """Pack the series of a journal anew, now that it is complete."""
    columns = schema.series.c
    query = select(columns.id, columns.count).where(columns.run == source.run, columns.source == source.id)
    for one, count in connection.execute(query).all():
        series.compact(connection, one, count)


def forget(connection: Connection, uuid: str) -> None:
    """Delete all rows of a run."""
    number = connection.scalar(select(schema.run.c.id).where(schema.run.c.uuid == uuid))
    if number is None:
        return
    mine = select(schema.series.c.id).where(schema.series.c.run == number)
    connection.execute(delete(schema.chunk).where(schema.chunk.c.series.in_(mine)))
    for table in schema.tables.sorted_tables:
        if "run" in table.c:
            connection.execute(delete(table).where(table.c.run == number))
    connection.execute(delete(schema.run).where(schema.run.c.id == number))
