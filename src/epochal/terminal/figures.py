"""Figures whose data were kept with them, drawn again in the terminal: matrices, lines, bars.

Any plugin can have its figures drawn here: their data say ``matrix`` and ``labels``, or
``series`` of ``x`` and ``y``, or ``names`` and ``values``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from . import text
from .curves import Line
from .pictures import chart
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

_BARS = 12
_BAR_WIDTH = 24
_NAME_WIDTH = 32
_CLASSES = 12
_SERIES = 6


def drawn(key: str, data: Mapping[str, Any], screen: Screen, width: int) -> RenderableType | None:
    """The figure ``key`` in at most ``width`` characters; None if its data are of no kind known here."""
    if _is_matrix(data):
        return matrix(key, data["labels"], data["matrix"])
    if _is_bars(data):
        return bars(key, data["names"], data["values"], screen)
    series = data.get("series")
    lines = (
        [line for one in series[:_SERIES] if (line := _line(one)) is not None]
        if isinstance(series, list)
        else []
    )
    if not lines:
        return None
    across, up = data.get("x_label"), data.get("y_label")
    aside = f"{up} over {across}" if across and up else ""
    return chart(key, lines, screen, width, 11, label_x=text.safe(across or "", 40), aside=aside)


def _is_matrix(data: Mapping[str, Any]) -> bool:
    rows, labels = data.get("matrix"), data.get("labels")
    if not isinstance(rows, list) or not isinstance(labels, list) or not 0 < len(rows) <= _CLASSES:
        return False
    return len(labels) == len(rows) and all(isinstance(row, list) and len(row) == len(rows) for row in rows)


def _is_bars(data: Mapping[str, Any]) -> bool:
    names, values = data.get("names"), data.get("values")
    if not isinstance(names, list) or not isinstance(values, list) or not 0 < len(names) == len(values):
        return False
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)


def _line(one: Any) -> Line | None:
    if not isinstance(one, dict) or not isinstance(one.get("x"), list) or not isinstance(one.get("y"), list):
        return None
    x, y = ([_number(v) for v in one[axis]] for axis in ("x", "y"))
    return Line(str(one.get("name", "")), x, y) if x and len(x) == len(y) else None


def _number(found: Any) -> float:
    return float(found) if isinstance(found, (int, float)) else math.nan


def matrix(key: str, labels: Sequence[Any], rows: Sequence[Sequence[Any]]) -> RenderableType:
    """A confusion matrix: a row for each true class, shaded by its share of the row."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(no_wrap=True, style=DIM)
    for _ in labels:
        out.add_column(justify="right", no_wrap=True)
    out.add_row(
        Text("true \\ predicted", style=DIM), *(Text(text.safe(label, 20), style=DIM) for label in labels)
    )
    for label, row in zip(labels, rows, strict=True):
        out.add_row(Text(text.safe(label, 20)), *(shaded(value, row) for value in row))
    return Group(Text(text.safe(key), style="bold"), out)


def shaded(value: Any, row: Sequence[Any]) -> Text:
    """A count, in the colour of its share of the counts in its row."""
    cell = Text(text.number(value))
    total = sum(v for v in row if isinstance(v, (int, float)) and not isinstance(v, bool))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and total > 0:
        share = value / total
        cell.stylize(BEST if share > 0.5 else "yellow" if share > 0.1 else DIM if not value else "")
    return cell


def bars(key: str, names: Sequence[Any], values: Sequence[float], screen: Screen) -> RenderableType:
    """Horizontal bars, the longest first; negative ones in red."""
    order = sorted(range(len(values)), key=lambda i: -abs(values[i]))[:_BARS]
    longest = max(abs(values[i]) for i in order) or 1.0
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(no_wrap=True, max_width=_NAME_WIDTH, overflow="ellipsis" if screen.unicode else "crop")
    out.add_column(no_wrap=True)
    out.add_column(no_wrap=True, justify="right", style=DIM)
    for i in order:
        full = round(abs(values[i]) / longest * _BAR_WIDTH * 2)
        bar = screen.sign("━" * (full // 2) + ("╸" if full % 2 else ""))
        label = Text(text.safe(names[i], 60))
        out.add_row(
            label, Text(bar, style="green" if values[i] >= 0 else "red"), Text(text.number(values[i], 3))
        )
    left = len(values) - len(order)
    more = [Text(f"and {left} more", style=DIM)] if left else []
    return Group(Text(text.safe(key), style="bold"), out, *more)
