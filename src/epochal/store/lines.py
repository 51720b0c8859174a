"""Reading journals fast: whole blocks of lines at a time.

`journal.parse` says what a line means; this says the same of a hundred thousand of
them.  Each line's checksum is compared; then the lines with points, which are nearly
all of a long journal, are decoded in one call by a decoder that knows their shape.
Records whose sequence number does not rise (among those with points, among the others)
are refused like damaged ones: after a block of a disk was swapped or doubled, what is
read is right, or counted as unread.
"""

from __future__ import annotations

import operator
from itertools import compress
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar
from zlib import crc32

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK_BYTES = 2 << 20


_Integer = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Seq = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Time = Annotated[float, msgspec.Meta(ge=0, le=8e9)]


class Line(msgspec.Struct, array_like=True, gc=False):
    """Any record."""

    seq: _Seq
    time: _Time
    kind: str
    data: dict[str, Any]


class _Values(msgspec.Struct, gc=False):
    step: _Integer
    values: dict[str, float | str]


class Point(msgspec.Struct, array_like=True, gc=False):
    """A record of kind "metrics"."""

    seq: _Seq
    time: _Time
    kind: Literal["metrics"]
    data: _Values


class Block(NamedTuple):
    """Some successive lines of a file: those with points, the others, where they end, what was unreadable."""

    points: list[Point]
    others: list[Line]
    end: int
    next: tuple[int, int]  # the least sequence numbers that may come next, of points and of others
    last: float
    damaged: int
    damaged_bytes: int


_decode_line = msgspec.json.Decoder(Line).decode
_decode_points = msgspec.json.Decoder(list[Point]).decode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_seq_of = operator.attrgetter("seq")
_Record = TypeVar("_Record", Line, Point)


def blocks(stream: BinaryIO, offset: int, next_seq: tuple[int, int]) -> Iterator[Block]:
    """The whole lines of a file from ``offset`` on; an unfinished last one is left for another time."""
    stream.seek(offset)
    rest = b""
    while data := stream.read(max(BLOCK_BYTES, len(rest))):  # after a part of a long line ever more is read
        data = rest + data
        end = data.rfind(b"\n") + 1
        if not end:
            rest = data
            continue
        rest = data[end:]
        offset += end
        block = _block(data[: end - 1].split(b"\n"), offset, next_seq)
        next_seq = block.next
        yield block


def first_line(stream: BinaryIO) -> tuple[int, Line | None] | None:
    """Checksum and content of a file's first line; None as long as it is not whole."""
    stream.seek(0)
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    return crc32(line), _one(line[:-1]) if _sound(line[:-1]) else None


def _sound(line: bytes) -> bool:
    return line[-12:-10] == b',"' and line[-2:] == b'"]' and b"%08x" % crc32(line[:-12]) == line[-10:-2]


def _one(line: bytes) -> Line | None:
    try:
        return _decode_line(line)
    except _BROKEN:
        return None


def _block(lines: list[bytes], end: int, next_seq: tuple[int, int]) -> Block:
    good = [line for line in lines if b"%08x" % crc32(line[:-12]) == line[-10:-2]]
    damaged, lost = 0, 0
    if len(good) != len(lines):
        bad = [line for line in lines if line and not _sound(line)]
        damaged, lost = len(bad), sum(map(len, bad)) + len(bad)
        good = [line for line in lines if _sound(line)]
    points, others, broken = _decode(good)
    if broken:
        damaged += len(broken)
        lost += sum(map(len, broken)) + len(broken)
    points, top_points = _rising(points, next_seq[0])
    others, top_others = _rising(others, next_seq[1])
    damaged += len(good) - len(broken) - len(points) - len(others)
    last = max((group[-1] for group in (points, others) if group), key=_seq_of, default=None)
    return Block(points, others, end, (top_points, top_others), last.time if last else 0.0, damaged, lost)


def _rising(records: list[_Record], top: int) -> tuple[list[_Record], int]:
    """The records whose number is above all before them, and the least number that may come next."""
    if not records:
        return records, top
    numbers = list(map(_seq_of, records))
    if numbers[0] >= top and all(map(operator.lt, numbers, numbers[1:])):
        return records, numbers[-1] + 1
    kept = []
    for record in records:
        if record.seq >= top:
            kept.append(record)
            top = record.seq + 1
    return kept, top


def _decode(lines: list[bytes]) -> tuple[list[Point], list[Line], list[bytes]]:
    """Points, other records, and the lines that are whole but not records of ours."""
    chosen = [line.find(b',"metrics",', 0, 64) > 0 for line in lines]
    others: list[Line] = []
    broken: list[bytes] = []
    try:
        points: list[Point] = _decode_points(b"[" + b",".join(compress(lines, chosen)) + b"]")
    except _BROKEN:  # one of them is something else: look at each
        points = []
        for line in lines:
            try:
                points += _decode_points(b"[" + line + b"]")
            except _BROKEN:
                _decode_other(line, others, broken)
    else:
        for line in compress(lines, map(operator.not_, chosen)):
            _decode_other(line, others, broken)
    return points, others, broken


def _decode_other(line: bytes, others: list[Line], broken: list[bytes]) -> None:
    record = _one(line)
    if record is None or record.kind == "metrics":
        broken.append(line)
    else:
        others.append(record)
