"""What follows from what was read: a run's own fields, its status, the summary of each metric.

None of it depends on the order in which journals were read: it is computed from what the tables hold.
"""

from __future__ import annotations

import fnmatch
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from epochal import ids

from . import schema
from .cells import Totals, decode_json, encode_json
from .rows import execute, find_keys, inserting, parts, upsert
from .sources import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from .rows import Numbers
    from .sources import Source

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


def run_number(connection: Connection, numbers: Numbers, uuid: str) -> int:
    """The number of a run, made with nothing known of it yet if it is new."""
    number = execute(connection, _RUN_NUMBER, {"uuid": uuid}).scalar()
    if number is None:
        number = numbers.next(schema.run)
        row = dict.fromkeys(schema.run.c.keys()) | {
            "id": number,
            "uuid": uuid,
            "project": "default",
            "name": uuid[:8],
        }
        row |= {"status": "crashed", "created": ids.time_of(uuid), "deleted": False}
        execute(connection, inserting(schema.run), row)
    return int(number)


_RUN_NUMBER = select(schema.run.c.id).where(schema.run.c.uuid == bindparam("uuid"))


def settle(connection: Connection, touched: Mapping[int, Touched]) -> None:
    """Compute what follows from changes of these runs."""
    for some in parts(touched):
        documents = _documents(connection, some)
        sources = _sources(connection, some)
        rows = [
            dict(row)
            for row in connection.execute(select(schema.run).where(schema.run.c.id.in_(some))).mappings()
        ]
        for row in rows:
            row.update(_fields(touched[row["id"]], row["stamp"]), **_status(sources[row["id"]]))
            row.update({k: value for k, value in documents[row["id"], "update"] if k in _CHANGEABLE})
        upsert(connection, schema.run, rows)
        _summarise(
            connection, {run: touched[run].keys for run in some if touched[run].keys != set()}, documents
        )


def _fields(change: Touched, stamp: int | None) -> dict[str, Any]:
    """What the first process said of the run when it began."""
    if change.start is None or (stamp is not None and stamp < change.stamp):
        return {}
    values = {name: change.start.get(name) for name in _FIELDS}
    values["name"] = values["name"] or change.start["run"][:8]
    return values | {"project": values["project"] or "default", "stamp": change.stamp}


def _status(sources: list[Mapping[str, Any]]) -> dict[str, Any]:
    """When it was created, whether and how it ended: as the last process says that began or resumed it."""
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


def _sources(connection: Connection, runs: list[int]) -> dict[int, list[Mapping[str, Any]]]:
    query = select(schema.source).where(schema.source.c.run.in_(runs)).order_by(schema.source.c.stamp)
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["run"]].append(dict(row))
    return found


_Documents = dict[tuple[int, str], list[tuple[str, Any]]]


def _documents(connection: Connection, runs: list[int]) -> _Documents:
    """The updates, definitions and user's summaries by run and kind, as (name, data), the oldest first."""
    columns = schema.document.c
    query = select(columns.run, columns.kind, schema.key.c.name, columns.data).join(
        schema.key, schema.key.c.id == columns.key
    )
    query = query.where(columns.run.in_(runs), columns.kind.in_(("update", "define", "summary")))
    found: _Documents = defaultdict(list)
    for run, kind, name, data in connection.execute(query.order_by(columns.stamp, columns.seq)):
        found[run, kind].append((name, decode_json(data)))
    return found


def _summarise(connection: Connection, changed: dict[int, set[int] | None], documents: _Documents) -> None:
    """The summary of each metric of each run of which something changed."""
    rows = []
    known: dict[int, set[str]] = defaultdict(set)
    for run, key, name, totals in _totals(connection, changed):
        known[run].add(name)
        how, goal = definition(name, documents[run, "define"])
        given = dict(documents[run, "summary"]).get(name) if documents[run, "summary"] else None
        rows.append(_metric(run, key, totals, totals.summary(how, goal), given))
    for run, keys in changed.items():
        if keys is ALL:
            given = {name: value for name, value in documents[run, "summary"] if name not in known[run]}
            numbers = find_keys(connection, given)
            rows += [_metric(run, numbers[name], Totals(), math.nan, value) for name, value in given.items()]
    upsert(connection, schema.metric, rows)


def definition(name: str, defines: list[tuple[str, Any]]) -> tuple[str | None, str | None]:
    """How a metric is summarised, and its goal: by the latest definition that says so."""
    how = goal = None
    for data in _about(name, defines):
        how = data.get("summary") or how
        goal = data.get("goal") or goal
    if how is None and goal is not None:
        how = "best"
    return how, goal


def stepping(name: str, defines: list[tuple[str, Any]]) -> str | None:
    """The metric that another is drawn over."""
    told = [data["step_metric"] for data in _about(name, defines) if data.get("step_metric")]
    return told[-1] if told else None


def _about(name: str, defines: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [data for pattern, data in defines if pattern == name or fnmatch.fnmatchcase(name, pattern)]


def _metric(run: int, key: int, totals: Totals, summary: float, given: Any) -> dict[str, Any]:
    number = summary
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        number = float(given)
    row = totals.row() | {"run": run, "key": key, "value": None if math.isnan(number) else number}
    return row | {"given": None if given is None else encode_json(given).decode()}


def _totals(
    connection: Connection, changed: dict[int, set[int] | None]
) -> Iterator[tuple[int, int, str, Totals]]:
    """The totals of the metrics that changed, over the writers of a run in their order."""
    columns = schema.series.c
    query = (
        select(schema.series, schema.key.c.name)
        .join(schema.key, schema.key.c.id == columns.key)
        .join(schema.source, schema.source.c.id == columns.source)
        .where(columns.run.in_(list(changed)), columns.system.is_(False))
        .order_by(schema.source.c.stamp)
    )
    keys = next(iter(changed.values())) if len(changed) == 1 else ALL
    queries = [query] if keys is ALL else [query.where(columns.key.in_(some)) for some in parts(keys)]
    found: dict[tuple[int, int, str], list[Totals]] = defaultdict(list)
    for one in queries if changed else []:
        for row in connection.execute(one).mappings():
            found[row["run"], row["key"], row["name"]].append(Totals.of(row))
    for (run, key, name), all_ in found.items():
        yield run, key, name, all_[0] if len(all_) == 1 else Totals.join(all_)


def compact(connection: Connection, source: Source) -> None:
    """Pack the series of a journal anew, now that it is complete."""
    from . import series

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
