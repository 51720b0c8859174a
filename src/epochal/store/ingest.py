"""What one journal says, gathered and written to the tables."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from sqlalchemy import select

from epochal import events

from . import cells, schema, series
from .cells import Totals, encode_json
from .rows import execute, inserting, upsert
from .sources import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from .lines import Block, Line, Point
    from .rows import Numbers
    from .sources import Source

_Columns = tuple[list[int], list[float], list[float | str]]
"""Steps, times and values as they were read."""

_step_of = operator.attrgetter("data.step")
_time_of = operator.attrgetter("time")


class Part:
    """Successive records of one journal, gathered by `read` and written by `write`."""

    def __init__(self, connection: Connection, numbers: Numbers, source: Source, *, fresh: bool) -> None:
        self.source, self.size = source, 0
        self.start: dict[str, Any] | None = None
        self.redefined = False
        self._connection, self._numbers, self._fresh = connection, numbers, fresh
        self._params: dict[str, cells.Cell] = {}
        self._tags: dict[str, str | None] = {}
        self._documents: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._texts: list[dict[str, Any]] = []
        self._artifacts: list[dict[str, Any]] = []
        self._media: list[dict[str, Any]] = []
        self._points: dict[str, _Columns] = {}
        self._system: dict[str, _Columns] = {}

    def read(self, block: Block) -> None:
        """Gather what a block of lines says."""
        source = self.source
        source.damaged += block.damaged
        source.damaged_bytes += block.damaged_bytes
        source.records += len(block.points) + len(block.others)
        source.offset, (source.next_point, source.next_other) = block.end, block.next
        if block.points or block.others:
            source.last = block.last
        self._read_points(block.points)
        for record in block.others:
            apply = _APPLY.get(record.kind)
            if apply is not None:  # a newer writer's kinds are kept in the journal, not understood
                try:
                    msgspec.convert(record.data, events.KINDS[record.kind])
                    apply(self, record)
                except (msgspec.ValidationError, TypeError, ValueError, RecursionError):
                    source.damaged += 1  # a whole line, but not what it says to be
        self.size += len(block.points) + len(block.others)

    def _read_points(self, records: list[Point]) -> None:
        values = [record.data.values for record in records]
        self.size += sum(map(len, values))
        shapes = set(map(tuple, values))
        if (
            len(shapes) == 1
        ):  # as nearly always: the same metrics in each record, so that whole columns can be taken
            steps, times = list(map(_step_of, records)), list(map(_time_of, records))
            for name in shapes.pop():
                column = self._points.setdefault(name, ([], [], []))
                column[0].extend(steps)
                column[1].extend(times)
                column[2].extend(map(operator.itemgetter(name), values))
            return
        for record in records:
            for name, value in record.data.values.items():
                column = self._points.setdefault(name, ([], [], []))
                column[0].append(record.data.step)
                column[1].append(record.time)
                column[2].append(value)

    # -- kinds -------------------------------------------------------------------------

    def _on_start(self, record: Line) -> None:
        data = record.data
        self.source.owner = not data.get("attach", False) or data.get("resumed", False)
        if not data.get("attach", False):
            self.start = data
        self._tags |= data.get("tags", {})

    def _on_params(self, record: Line) -> None:
        for name, value in record.data["values"].items():
            self._params[name] = cells.param(value)

    def _on_config(self, record: Line) -> None:
        for name, value in record.data["values"].items():
            for old in cells.flatten(name, self._config(name)):
                self._params[old] = cells.REMOVED
            for new, leaf in cells.flatten(name, value).items():
                self._params[new] = cells.param(leaf)
            self._keep("config", name, record, value)

    def _config(self, name: str) -> Any:
        """What this top-level key of the config was until now."""
        if ("config", name) in self._documents:
            return cells.decode_json(self._documents["config", name][1])
        if self._fresh:
            return None
        columns = schema.document.c
        key = self._numbers.of([name])[name]
        query = select(columns.data).where(
            columns.run == self.source.run, columns.kind == "config", columns.key == key
        )
        data = self._connection.scalar(query)
        return None if data is None else cells.decode_json(data)

    def _on_tags(self, record: Line) -> None:
        self._tags |= record.data["values"]

    def _on_summary(self, record: Line) -> None:
        for name, value in record.data["values"].items():
            self._keep("summary", name, record, value)
        self.redefined = True

    def _on_define(self, record: Line) -> None:
        self._keep("define", record.data["metric"], record, record.data)
        self.redefined = True

    def _on_note(self, record: Line) -> None:
        self._keep("note", record.data["name"], record, record.data["data"])

    def _on_update(self, record: Line) -> None:
        for name, value in record.data.items():
            self._keep("update", name, record, value)

    def _on_system(self, record: Line) -> None:
        rank = record.data.get("rank", 0)
        for name, value in {name: float(value) for name, value in record.data["values"].items()}.items():
            key = f"rank{rank}/{name}" if rank else name
            column = self._system.setdefault(key, ([], [], []))
            column[0].append(record.seq)
            column[1].append(record.time)
            column[2].append(value)

    def _on_text(self, record: Line) -> None:
        data = record.data
        self._texts.append(self._item(record) | {"stream": data["stream"], "text": data["text"]})

    def _on_artifact(self, record: Line) -> None:
        data = record.data
        row = {"name": data["name"], "type": data["type"], "data": encode_json(data).decode()}
        self._artifacts.append(self._item(record) | row)

    def _on_media(self, record: Line) -> None:
        data = record.data
        if not -(1 << 63) <= data["step"] < 1 << 63:
            raise ValueError("a step beyond 64 bits")
        row = {
            "key": data["key"],
            "step": data["step"],
            "type": data["type"],
            "data": encode_json(data).decode(),
        }
        self._media.append(self._item(record) | row)

    def _on_end(self, record: Line) -> None:
        self.source.status = record.data["status"]
        self.source.end = encode_json(record.data).decode()

    def _item(self, record: Line) -> dict[str, Any]:
        return {"run": self.source.run, "stamp": self.source.stamp, "seq": record.seq, "time": record.time}

    def _keep(self, kind: str, name: str, record: Line, value: Any) -> None:
        self._documents[kind, name] = record.seq, encode_json(value)

    # -- writing -----------------------------------------------------------------------

    def write(self) -> set[int] | None:
        """Write what was gathered; the keys whose metrics changed, `ALL` where all may have."""
        connection, source = self._connection, self.source
        number = self._numbers.of(
            [
                *self._params,
                *self._tags,
                *(name for _, name in self._documents),
                *self._points,
                *self._system,
                *(row["key"] for row in self._media),
            ]
        )
        by = {"run": source.run, "stamp": source.stamp}
        params = [{**by, "key": number[name], **cell._asdict()} for name, cell in self._params.items()]
        upsert(connection, schema.param, params, order=["stamp"])
        tags = [
            {**by, "key": number[name], **dict(zip(("text", "rest"), _split(text), strict=True))}
            for name, text in self._tags.items()
        ]
        upsert(connection, schema.tag, tags, order=["stamp"])
        documents = [
            {**by, "kind": kind, "key": number[name], "seq": seq, "data": data.decode()}
            for (kind, name), (seq, data) in self._documents.items()
        ]
        upsert(connection, schema.document, documents, order=["stamp", "seq"])
        upsert(connection, schema.text, self._texts)
        upsert(connection, schema.artifact, self._artifacts)
        upsert(connection, schema.media, [row | {"key": number[row["key"]]} for row in self._media])
        self._write_points(number)
        return ALL if self.redefined else {number[name] for name in self._points}

    def _write_points(self, number: Mapping[str, int]) -> None:
        if not self._points and not self._system:
            return
        source, connection = self.source, self._connection
        known = {} if self._fresh else self._known_series()
        rows, fresh = [], []
        named = [(number[name], False, columns) for name, columns in self._points.items()]
        named += [(number[name], True, columns) for name, columns in self._system.items()]
        for key, system, columns in named:
            points = _arrays(*columns)
            one, totals = known.get((key, system), (0, Totals()))
            if not one:
                one = self._numbers.next(schema.series)
                fresh += series.chunks(one, 0, points, rest=series.BIG if source.closed else series.SMALL)
            else:
                series.append(connection, one, totals.count, points)
            rows.append({
                "id": one, "run": source.run, "key": key, "system": system, "source": source.id,
                **totals.add(points).row(),
            })  # fmt: skip
        if fresh:
            execute(connection, inserting(schema.chunk), fresh)
        upsert(connection, schema.series, rows)

    def _known_series(self) -> dict[tuple[int, bool], tuple[int, Totals]]:
        columns = schema.series.c
        query = select(schema.series).where(columns.run == self.source.run, columns.source == self.source.id)
        rows = self._connection.execute(query).mappings()
        return {(row["key"], bool(row["system"])): (row["id"], Totals.of(row)) for row in rows}


_APPLY: Final[dict[str, Callable[[Part, Line], None]]] = {
    kind: getattr(Part, f"_on_{kind}") for kind in events.KINDS if kind != "metrics"
}


def _split(text: str | None) -> tuple[str | None, str | None]:
    return (None, None) if text is None else cells.split(text)


def _arrays(steps: list[int], times: list[float], values: list[Any]) -> series.Points:
    try:
        numbers = np.array(values, np.float64)  # NumPy reads "NaN" and "Infinity" as float() does
    except ValueError:
        numbers = np.array([_number(value) for value in values], np.float64)
    micros = np.rint(np.array(times, np.float64) * 1e6).astype(np.int64)
    return series.Points(np.array(steps, np.int64), micros, numbers)


def _number(value: object) -> float:
    """A value that is no number counts as one that is not known."""
    try:
        return float(value)  # type: ignore[arg-type]
    except ValueError:
        return math.nan
