"""Everything that a run has, read from the tables: for one run, or for a page of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from . import cells, schema
from .cells import Totals, decode_json
from .rows import find_keys, parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Select

    from .series import Buckets, History

_key = schema.key.c


class Entry(dict[str, Any]):
    """What an event said; its fields can also be read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def run_rows(connection: Connection, numbers: list[int]) -> list[dict[str, Any]]:
    """The rows of these runs, in the order of their numbers here."""
    found: dict[int, dict[str, Any]] = {}
    for some in parts(numbers):
        query = select(schema.run).where(schema.run.c.id.in_(some))
        found |= {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    return [found[number] for number in numbers if number in found]


def run_row(connection: Connection, uuid: str) -> dict[str, Any]:
    """The row of the run with this id."""
    return dict(connection.execute(select(schema.run).where(schema.run.c.uuid == uuid)).mappings().one())


def params_of(connection: Connection, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The params of each run, sorted by name."""
    columns = schema.param.c
    query = _named(columns.key, columns.run, _key.name, columns.kind, columns.text, columns.rest)
    found: dict[int, dict[str, Any]] = {number: {} for number in numbers}
    for run, name, kind, text, rest in _each(
        connection, query.where(columns.text.is_not(None)), columns.run, found
    ):
        found[run][name] = cells.value(kind, text, rest)
    return _sorted(found)


def tags_of(connection: Connection, numbers: Iterable[int]) -> dict[int, dict[str, str]]:
    """The tags of each run, sorted by name."""
    columns = schema.tag.c
    query = _named(columns.key, columns.run, _key.name, columns.text, columns.rest)
    found: dict[int, dict[str, str]] = {number: {} for number in numbers}
    for run, name, text, rest in _each(
        connection, query.where(columns.text.is_not(None)), columns.run, found
    ):
        found[run][name] = text + (rest or "")
    return _sorted(found)


def metrics_of(connection: Connection, numbers: Iterable[int]) -> dict[int, dict[str, float]]:
    """The summary value of each metric of each run, sorted by name; NaN where that is what it is."""
    columns = schema.metric.c
    query = _named(columns.key, columns.run, _key.name, columns.value, columns.count)
    found: dict[int, dict[str, float]] = {number: {} for number in numbers}
    for run, name, value, count in _each(connection, query, columns.run, found):
        if value is not None or count:
            found[run][name] = float("nan") if value is None else value
    return _sorted(found)


def _named(key: ColumnElement[int], *columns: Any) -> Select[Any]:
    return select(*columns).join(schema.key, _key.id == key)


def _each(
    connection: Connection, query: Select[Any], run: ColumnElement[int], numbers: Iterable[int]
) -> Iterable[Any]:
    for some in parts(numbers):
        yield from connection.execute(query.where(run.in_(some)))


def _sorted(found: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {run: dict(sorted(values.items())) for run, values in found.items()}


class Reader:
    """One run, within one connection."""

    def __init__(self, connection: Connection, run: int) -> None:
        self._connection, self._run = connection, run

    def documents(self, kind: str) -> dict[str, Any]:
        """The documents of one kind ("note", "config", ...) by name, in the order in which they were set."""
        columns = schema.document.c
        query = _named(columns.key, _key.name, columns.data).where(
            columns.run == self._run, columns.kind == kind
        )
        return {
            row[0]: decode_json(row[1])
            for row in self._connection.execute(query.order_by(columns.stamp, columns.seq))
        }

    def note(self, name: str) -> Any:
        """One note, None if there is none."""
        columns = schema.document.c
        key = find_keys(self._connection, [name]).get(name, -1)
        query = select(columns.data).where(
            columns.run == self._run, columns.kind == "note", columns.key == key
        )
        data = self._connection.scalar(query)
        return None if data is None else decode_json(data)

    def metric_rows(self) -> dict[str, tuple[Totals, Any]]:
        """The totals of each metric, and what the user set as its summary."""
        columns = schema.metric.c
        query = (
            select(schema.metric, _key.name)
            .join(schema.key, _key.id == columns.key)
            .where(columns.run == self._run)
        )
        return {
            row["name"]: (Totals.of(row), None if row["given"] is None else decode_json(row["given"]))
            for row in self._connection.execute(query.order_by(_key.name)).mappings()
        }

    def keys(self, *, system: bool = False) -> list[str]:
        """The names of all series."""
        columns = schema.series.c
        query = _named(columns.key, _key.name).where(columns.run == self._run, columns.system.is_(system))
        return sorted(set(self._connection.scalars(query)))

    def numbers(self, name: str, *, system: bool = False) -> list[int]:
        """The numbers of the series of that name, in the order of their writers."""
        columns = schema.series.c
        key = find_keys(self._connection, [name]).get(name, -1)
        query = (
            select(columns.id)
            .join(schema.source, schema.source.c.id == columns.source)
            .where(columns.run == self._run, columns.key == key, columns.system.is_(system))
            .order_by(schema.source.c.stamp)
        )
        return list(self._connection.scalars(query))

    def history(self, name: str, *, system: bool = False) -> History:
        """All points of a series."""
        from . import series

        points = series.read(self._connection, self.numbers(name, system=system))
        return series.History(name, points.steps, points.times / 1e6, points.values)

    def buckets(self, name: str, count: int) -> Buckets:
        """A series in at most ``count`` buckets."""
        from . import series

        numbers = self.numbers(name)
        blocks = series.read_blocks(self._connection, numbers)
        if len(blocks.step) < count:
            blocks = series.single(series.read(self._connection, numbers))
        return series.shrink(name, blocks, count)

    def artifacts(self) -> list[Entry]:
        """Everything logged as an artifact, the oldest first."""
        columns = schema.artifact.c
        query = (
            select(columns.data, columns.time)
            .where(columns.run == self._run)
            .order_by(columns.stamp, columns.seq)
        )
        return [
            Entry({"metadata": {}, **decode_json(row[0]), "time": row[1]})
            for row in self._connection.execute(query)
        ]

    def media(self, key: str | None) -> list[Entry]:
        """Everything logged as media, the oldest first."""
        columns = schema.media.c
        query = (
            select(columns.data, columns.time)
            .where(columns.run == self._run)
            .order_by(columns.stamp, columns.seq)
        )
        if key is not None:
            query = query.where(columns.key == find_keys(self._connection, [key]).get(key, -1))
        return [Entry({**decode_json(row[0]), "time": row[1]}) for row in self._connection.execute(query)]

    def console(self, stream: str | None) -> str:
        """What the program printed."""
        columns = schema.text.c
        query = select(columns.text).where(columns.run == self._run).order_by(columns.stamp, columns.seq)
        if stream is not None:
            query = query.where(columns.stream == stream)
        return "".join(self._connection.scalars(query))

    def sources(self) -> list[dict[str, Any]]:
        """The run's journals, in the order of their writers."""
        query = select(schema.source).where(schema.source.c.run == self._run).order_by(schema.source.c.stamp)
        return [dict(row) for row in self._connection.execute(query).mappings()]
