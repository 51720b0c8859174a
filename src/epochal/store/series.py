"""Series: how the points of a metric are kept, read back and drawn.

A series belongs to one writer of a run.  Its points (steps, times, values) lie in
chunks, columns packed with pcodec, which is exact to the bit.  They are appended in
small chunks as they come; whenever a series passes a multiple of `BIG` points, and
when its run ends, they are packed again into big ones.  A chunk also holds a summary
(min, max, sum, last, ...) of every 64 points, so that a chart of a million points
reads a hundredth of them and still shows every spike.

Chunks begin at multiples of 64 points whatever the order in which they were written,
and sums are made point by point: reading a journal in one go or in a hundred parts
gives the same answers to the bit.

Times are kept as whole microseconds, which is what a journal holds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pcodec import ChunkConfig, standalone
from sqlalchemy import delete, insert, select

from . import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

BLOCK: Final = 64
SMALL: Final = 4096
BIG: Final = 65536


class Points(NamedTuple):
    """Columns of equal length, in order of writing; times in microseconds."""

    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def part(self, start: int, stop: int) -> Points:
        """Some successive points."""
        return Points(self.steps[start:stop], self.times[start:stop], self.values[start:stop])


class Blocks(NamedTuple):
    """What is known of every 64 points without reading them; min, max and sum pass over NaN."""

    step: NDArray[np.int64]  # of the last point, as time and last are
    time: NDArray[np.int64]
    size: NDArray[np.int64]
    valid: NDArray[np.int64]  # how many are not NaN
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    sum: NDArray[np.float64]
    last: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """A series, in the order in which it was written: int64 steps, float64 times (UTC seconds) and values.

    Where several processes wrote a metric of one run, one follows the other, in the order of their begin.
    """

    key: str
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def to_pandas(self) -> Any:
        """The points as a DataFrame with the columns step, time (UTC) and value."""
        from .frames import need

        pd = need("pandas")
        times = pd.to_datetime(np.rint(self.times * 1e6).astype(np.int64), unit="us", utc=True)
        return pd.DataFrame({"step": self.steps, "time": times, "value": self.values})

    def __repr__(self) -> str:
        if not len(self):
            return f"<History of {self.key!r}: no points>"
        first, last = f"{self.values[0]:.6g}", f"{self.values[-1]:.6g}"
        ends = f"step {self.steps[0]}: {first} ... step {self.steps[-1]}: {last}"
        return f"<History of {self.key!r}: {len(self):,} points, {ends}>"


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series drawn small: each bucket stands for ``count`` successive points.

    steps and times are those of a bucket's last point; min, max and mean pass over NaN
    and are NaN where all are.
    """

    key: str
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    count: NDArray[np.int64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)


# -- packing -----------------------------------------------------------------------

_RAW_BELOW: Final = 48  # bytes of pcodec's own header make packing fewer points a loss
_config = ChunkConfig()


def pack(columns: Sequence[NDArray[Any]]) -> bytes:
    """int64 and float64 columns of one length in one piece: a byte that says how, lengths, the columns."""
    if len(columns[0]) < _RAW_BELOW:
        return b"\0" + b"".join(column.tobytes() for column in columns)
    parts = [standalone.simple_compress(np.ascontiguousarray(column), _config) for column in columns]
    return b"\1" + struct.pack(f"<{len(parts)}I", *map(len, parts)) + b"".join(parts)


def unpack(data: bytes, types: str) -> list[NDArray[Any]]:
    """What `pack` packed; ``types`` has an "i" or "f" for each column."""
    if data[0] == 0:
        size = (len(data) - 1) // len(types)
        return [
            np.frombuffer(data, f"<{kind}8", count=size // 8, offset=1 + i * size)
            for i, kind in enumerate(types)
        ]
    lengths = struct.unpack_from(f"<{len(types)}I", data, 1)
    at, columns = 1 + 4 * len(types), []
    for length in lengths:
        columns.append(standalone.simple_decompress(data[at : at + length]))
        at += length
    return columns


def summarise(points: Points) -> Blocks:
    """The blocks of points that begin at a multiple of 64."""
    size = len(points.steps)
    starts = np.arange(0, size, BLOCK)
    ends = np.minimum(starts + BLOCK, size) - 1
    values = points.values
    nan = np.isnan(values)
    clean = bool(nan.any())
    with np.errstate(all="ignore"):
        low = np.minimum.reduceat(np.where(nan, np.inf, values) if clean else values, starts)
        high = np.maximum.reduceat(np.where(nan, -np.inf, values) if clean else values, starts)
        total = np.add.reduceat(np.where(nan, 0.0, values) if clean else values, starts)
    valid = np.add.reduceat((~nan).astype(np.int64), starts)
    empty = valid == 0
    if empty.any():
        low[empty] = high[empty] = np.nan
    return Blocks(
        points.steps[ends], points.times[ends], ends - starts + 1, valid, low, high, total, values[ends]
    )


# -- writing -----------------------------------------------------------------------


def append(connection: Connection, series: int, before: int, points: Points) -> None:
    """Add points to a series that has ``before`` of them."""
    start = before
    if before:
        rows = _chunks(connection, series, since=_open_since(before, len(points.steps)))
        if rows:
            start = rows[0][0]
            points = concat([*(_points(row[2]) for row in rows), points])
            connection.execute(
                delete(schema.chunk).where(schema.chunk.c.series == series, schema.chunk.c.first >= start)
            )
    connection.execute(insert(schema.chunk), chunks(series, start, points))


def compact(connection: Connection, series: int, count: int) -> None:
    """Pack what was appended in small chunks into one, now that the run has ended."""
    rows = _chunks(connection, series, since=count - count % BIG)
    if len(rows) > 1:
        start = rows[0][0]
        connection.execute(
            delete(schema.chunk).where(schema.chunk.c.series == series, schema.chunk.c.first >= start)
        )
        whole = concat([_points(row[2]) for row in rows])
        connection.execute(insert(schema.chunk), chunks(series, start, whole, rest=BIG))


def _open_since(before: int, more: int) -> int:
    """The first point to pack anew: of the last, unfinished chunk, or of all small ones when BIG is full."""
    size = BIG if (before + more) // BIG > before // BIG else SMALL
    return before - before % size


def chunks(series: int, start: int, points: Points, *, rest: int = SMALL) -> list[dict[str, Any]]:
    """The rows of points from number ``start`` on: big ones, what is left in chunks of at most ``rest``."""
    rows = []
    at, count = 0, len(points.steps)
    while at < count:
        size = BIG if (start + at) % BIG == 0 and count - at >= BIG else rest
        part = points.part(at, at + size)
        blocks = summarise(part) if len(part.steps) > BLOCK else None
        rows.append({
            "series": series,
            "first": start + at,
            "count": len(part.steps),
            "blocks": b"" if blocks is None else pack(blocks),
            "points": pack(part),
        })  # fmt: skip
        at += len(part.steps)
    return rows


# -- reading -----------------------------------------------------------------------


def read(connection: Connection, series: Sequence[int]) -> Points:
    """All points of some series, one after the other."""
    return concat([_points(row[2]) for one in series for row in _chunks(connection, one)])


def read_blocks(connection: Connection, series: Sequence[int]) -> Blocks:
    """The blocks of some series, one after the other; a small chunk's are computed."""
    found: list[Blocks] = []
    columns = schema.chunk.c
    for one in series:
        query = select(columns.first, columns.blocks).where(columns.series == one).order_by(columns.first)
        for first, blocks in connection.execute(query).all():
            if blocks:
                found.append(Blocks(*unpack(blocks, "iiiiffff")))
            else:
                chunk = select(columns.points).where(columns.series == one, columns.first == first)
                found.append(summarise(_points(connection.execute(chunk).scalar_one())))
    return (
        Blocks(*(np.concatenate(column) for column in zip(*found, strict=True)))
        if found
        else summarise(_NOTHING)
    )


def shrink(key: str, blocks: Blocks, buckets: int) -> Buckets:
    """Join successive blocks until at most ``buckets`` are left; the extremes survive."""
    size = len(blocks.step)
    edges = np.unique(np.linspace(0, size, min(buckets, size) + 1).astype(np.int64))
    starts, ends = edges[:-1], edges[1:] - 1
    if not size:
        nothing = np.empty(0)
        whole = np.empty(0, np.int64)
        return Buckets(key, whole, nothing, whole, nothing, nothing, nothing, nothing)
    valid = np.add.reduceat(blocks.valid, starts)
    with np.errstate(all="ignore"):
        return Buckets(
            key=key,
            steps=blocks.step[ends],
            times=blocks.time[ends] / 1e6,
            count=np.add.reduceat(blocks.size, starts),
            min=np.fmin.reduceat(blocks.min, starts),
            max=np.fmax.reduceat(blocks.max, starts),
            mean=np.add.reduceat(blocks.sum, starts) / np.where(valid, valid, np.nan),
            last=blocks.last[ends],
        )


def single(points: Points) -> Blocks:
    """Each point as a block of its own: for series too short for their blocks to fill a chart."""
    nan = np.isnan(points.values)
    valid = (~nan).astype(np.int64)
    total = np.where(nan, 0.0, points.values)
    ones = np.ones(len(valid), np.int64)
    return Blocks(points.steps, points.times, ones, valid, points.values, points.values, total, points.values)


def concat(parts: list[Points]) -> Points:
    """Points one after the other."""
    if not parts:
        return _NOTHING
    return parts[0] if len(parts) == 1 else Points(*(np.concatenate(c) for c in zip(*parts, strict=True)))


def _chunks(connection: Connection, series: int, since: int = 0) -> list[tuple[int, int, bytes]]:
    columns = schema.chunk.c
    query = select(columns.first, columns.count, columns.points).where(columns.series == series)
    if since:
        query = query.where(columns.first + columns.count > since)
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(columns.first))]


def _points(data: bytes) -> Points:
    return Points(*unpack(data, "iif"))


_NOTHING: Final = Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
