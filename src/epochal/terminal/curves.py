"""Curves in a terminal: braille dots, eight to a character, with axes, a legend and log scales.

A point between two pixels is never lost: each column of dots spans the smallest and
largest value that fall into it, so a spike of one step in a million is drawn.  Where
the terminal cannot show braille the same picture is made of ASCII.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import numpy as np

    Numbers = Sequence[float] | np.ndarray[Any, np.dtype[np.float64]] | np.ndarray[Any, np.dtype[np.int64]]

BLOCKS = "▁▂▃▄▅▆▇█"
BLOCKS_ASCII = "_.-=+*#@"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_MARKS = "*o+x#@%&"
_MANY = 4096


@dataclass(slots=True)
class Line:
    """One curve: its name and its points, in order of ``x``; values that are not finite are gaps."""

    name: str
    x: Numbers
    y: Numbers


@dataclass(slots=True)
class Cell:
    """One character of a picture, and the number of the curve it belongs to; -1: of the frame."""

    text: str
    line: int = -1


@dataclass(slots=True)
class Picture:
    """A plot as rows of cells, for whoever paints them; `text` is it without colours."""

    rows: list[list[Cell]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The picture as plain text, a line a row."""
        return "\n".join("".join(cell.text for cell in row).rstrip() for row in self.rows)


@dataclass(slots=True)
class Axis:
    """A range of values on a linear or logarithmic scale, and its place on the screen."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, log: bool = False) -> Axis:
        """The axis that holds all finite ``values`` (all positive ones, if ``log``)."""
        usable = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        low, high = (min(usable), max(usable)) if usable else (1.0, 1.0)
        if low == high:
            margin = abs(low) * 0.1 or 0.5
            low, high = (low / 1.1, high * 1.1) if log else (low - margin, high + margin)
        return cls(low, high, log)

    def place(self, value: float, cells: int) -> int | None:
        """Which of ``cells`` holds ``value``; None if the axis has no place for it."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return None
        return min(cells - 1, max(0, round(self.part(value) * (cells - 1))))

    def part(self, value: float) -> float:
        """How far along the axis a value lies that has a place on it: 0 at the low end, 1 at the high."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        half = self.high / 2 - self.low / 2  # halves, as the whole may be more than a float holds
        return (value / 2 - self.low / 2) / half

    def at(self, part: float) -> float:
        """The value at ``part`` (0 to 1) of the way along the axis."""
        if self.log:
            return math.exp(math.log(self.low) + part * (math.log(self.high) - math.log(self.low)))
        return self.low * (1 - part) + self.high * part


def sparkline(values: Numbers, width: int = 12, *, ascii_only: bool = False) -> str:
    """``values`` as a row of at most ``width`` blocks; gaps where nothing finite was."""
    marks = BLOCKS_ASCII if ascii_only else BLOCKS
    values = values[:: len(values) // _MANY + 1]
    means = [_mean(values[i:j]) for i, j in _bins(len(values), width)]
    finite = [m for m in means if m is not None]
    if not finite:
        return ""
    axis = Axis(min(finite), max(finite))
    if axis.low == axis.high:
        return "".join(marks[3] if m is not None else " " for m in means)
    return "".join(" " if m is None else marks[axis.place(m, len(marks)) or 0] for m in means)


def _bins(count: int, width: int) -> Iterator[tuple[int, int]]:
    cells = min(count, width)
    for cell in range(cells):
        yield cell * count // cells, (cell + 1) * count // cells


def _mean(values: Numbers) -> float | None:
    finite = [float(v) for v in values if math.isfinite(v)]
    return math.fsum(v / len(finite) for v in finite) if finite else None


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average with ``weight`` in [0, 1), corrected for its start; gaps stay gaps."""
    total = norm = 0.0
    out = []
    for one in values:
        if math.isfinite(one):
            total, norm = total * weight + (1 - weight) * one, norm * weight + (1 - weight)
            out.append(total / norm)
        else:
            out.append(one)
    return out


def plot(
    lines: Sequence[Line],
    width: int = 80,
    height: int = 12,
    *,
    log_x: bool = False,
    log_y: bool = False,
    ascii_only: bool = False,
    label_x: str = "step",
    whole_x: bool = True,
) -> Picture:
    """Draw ``lines`` into ``width`` by ``height`` characters, frame and labels included."""
    lines = [thin(line, width * 2, log_x=log_x) for line in lines]
    x = Axis.over([float(v) for line in lines for v in line.x], log=log_x)
    y = Axis.over([float(v) for line in lines for v in line.y], log=log_y)
    rows = max(2, height - 2)
    ticks = _ticks(y, rows)
    left = max(len(text) for text in ticks.values())
    columns = max(4, width - left - 2)
    canvas = _ascii(lines, x, y, columns, rows) if ascii_only else _braille(lines, x, y, columns, rows)
    bar, corner, floor = ("|", "+", "-") if ascii_only else ("┤", "╰", "─")
    plain = "|" if ascii_only else "│"
    picture = Picture()
    for number, row in enumerate(canvas):
        label = ticks.get(number, "")
        picture.rows.append([Cell(f"{label:>{left}} {bar if label else plain}"), *row])
    picture.rows.append([Cell(" " * (left + 1) + corner + floor * columns)])
    picture.rows.append([Cell(" " * (left + 2) + _foot(x, columns, label_x, whole=whole_x))])
    return picture


def _ticks(axis: Axis, rows: int) -> dict[int, str]:
    """Round numbers for the rows that they fall on."""
    most = max(2, min(5, rows // 3 + 1))
    found: dict[int, str] = {}
    for one in ticks(axis, most):
        place = axis.place(one, rows)
        if place is not None:
            found.setdefault(rows - 1 - place, tick(one))
    if len(found) < 2:
        found = {0: tick(axis.high), rows - 1: tick(axis.low)}
    return found


def ticks(axis: Axis, most: int) -> list[float]:
    """About ``most`` round numbers along the axis; possibly none, where it is very short."""
    return _round_log(axis, most) if axis.log else _round(axis, most)


def _round(axis: Axis, most: int) -> list[float]:
    span = axis.high - axis.low
    if not math.isfinite(span) or span <= 0:
        return []
    unit = 10.0 ** math.floor(math.log10(span))
    for factor in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10):
        step = unit * factor
        first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
        if last - first + 1 <= most:
            return [i * step for i in range(first, last + 1)]
    return []


def _round_log(axis: Axis, most: int) -> list[float]:
    low, high = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    stride = max(1, math.ceil((high - low) / most))
    factors = (1, 2, 5) if high - low <= 2 else (1,)
    found = [float(f"{f}e{e}") for e in range(low, high + 1, stride) for f in factors]
    return [v for v in found if axis.low * (1 - 1e-9) <= v <= axis.high * (1 + 1e-9)]


def tick(found: float) -> str:
    """A number beside an axis."""
    found = 0.0 if abs(found) < 1e-300 else found
    return f"{found:.4g}" if abs(found) < 1e4 or abs(found) >= 1e6 else f"{found:.0f}"


def _foot(axis: Axis, columns: int, label: str, *, whole: bool) -> str:
    low, high = (
        f"{v:,.0f}".replace(",", "") if whole and float(v).is_integer() else tick(v)
        for v in (axis.low, axis.high)
    )
    middle = label if len(low) + len(high) + len(label) + 4 <= columns else ""
    gap = columns - len(low) - len(high)
    return f"{low}{middle:^{max(1, gap)}}{high}"


def _columns(line: Line, x: Axis, y: Axis, wide: int, tall: int) -> Iterator[tuple[int, int, int]]:
    """For each column that has points: the column, its lowest and its highest row from the top."""
    spans: dict[int, list[int]] = {}
    for one, other in zip(line.x, line.y, strict=True):
        column, row = x.place(one, wide), y.place(other, tall)
        if column is not None and row is not None:
            spans.setdefault(column, []).append(tall - 1 - row)
    for column in sorted(spans):
        yield column, min(spans[column]), max(spans[column])


def _pixels(line: Line, x: Axis, y: Axis, wide: int, tall: int) -> Iterator[tuple[int, int]]:
    last: tuple[int, int, int] | None = None
    for column, top, bottom in _columns(line, x, y, wide, tall):
        yield from ((column, row) for row in range(top, bottom + 1))
        if last is not None:
            yield from _join(last, (column, top, bottom))
        last = column, top, bottom


def _join(one: tuple[int, int, int], other: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    (left, top_a, low_a), (right, top_b, low_b) = one, other
    start = (top_a + low_a) / 2 if top_b <= low_a and top_a <= low_b else (low_a if top_b > low_a else top_a)
    end = start if top_b <= start <= low_b else (top_b if top_b > start else low_b)
    steps = max(right - left, round(abs(end - start)))
    for i in range(1, steps):
        yield left + round((right - left) * i / steps), round(start + (end - start) * i / steps)


def _braille(lines: Sequence[Line], x: Axis, y: Axis, columns: int, rows: int) -> list[list[Cell]]:
    bits = [[0] * columns for _ in range(rows)]
    owner = [[-1] * columns for _ in range(rows)]
    for index, line in enumerate(lines):
        for px, py in _pixels(line, x, y, columns * 2, rows * 4):
            bits[py // 4][px // 2] |= _DOTS[py % 4][px % 2]
            owner[py // 4][px // 2] = index
    return [
        [Cell(chr(0x2800 + b) if b else " ", o) for b, o in zip(*both, strict=True)]
        for both in zip(bits, owner, strict=True)
    ]


def thin(line: Line, buckets: int, *, log_x: bool = False) -> Line:
    """A long curve by the first, smallest, largest and last point of each bucket of its x axis, in order."""
    if len(line.x) <= _MANY:
        return line
    import numpy as np

    x, y = np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)
    usable = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not log_x))
    order = np.argsort(x[usable], kind="stable")
    x, y = x[usable][order], y[usable][order]
    if len(x) <= _MANY:
        return Line(line.name, x.tolist(), y.tolist())
    scale = np.log(x) if log_x else x
    starts = np.unique(np.searchsorted(scale, np.linspace(scale[0], scale[-1], buckets, endpoint=False)))
    ends = np.append(starts[1:], len(x))
    picked = {int(i) for i in starts} | {int(i) - 1 for i in ends}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        picked |= {start + int(y[start:end].argmin()), start + int(y[start:end].argmax())}
    kept = sorted(picked)
    return Line(line.name, x[kept].tolist(), y[kept].tolist())


def _ascii(lines: Sequence[Line], x: Axis, y: Axis, columns: int, rows: int) -> list[list[Cell]]:
    cells = [[Cell(" ") for _ in range(columns)] for _ in range(rows)]
    for index, line in enumerate(lines):
        for px, py in _pixels(line, x, y, columns, rows):
            cells[py][px] = Cell(_MARKS[index % len(_MARKS)], index)
    return cells


def mark(index: int, *, ascii_only: bool) -> str:
    """What stands before the name of curve number ``index`` in a legend."""
    return _MARKS[index % len(_MARKS)] if ascii_only else "━━"
