"""Curves in colour: a title, a legend and the picture, side by side where there is room."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from . import text
from .curves import Line, mark, plot
from .screen import DIM, LINES, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from .curves import Picture

_SPLITS = ("train", "training", "val", "valid", "validation", "test", "eval", "dev")
_SPLIT = re.compile(rf"^({'|'.join(_SPLITS)})[_/.\-](?=.)|[_/.\-]({'|'.join(_SPLITS)})$")


def paint(picture: Picture) -> Text:
    """A picture in colours, frame dim."""
    out = Text(no_wrap=True, overflow="ignore")
    for number, row in enumerate(picture.rows):
        if number:
            out.append("\n")
        for cell in row:
            out.append(cell.text, style=LINES[cell.line % len(LINES)] if cell.line >= 0 else DIM)
    return out


def chart(
    title: str,
    lines: Sequence[Line],
    screen: Screen,
    width: int,
    height: int = 10,
    *,
    log_x: bool = False,
    log_y: bool = False,
    label_x: str = "step",
    aside: str | None = None,
) -> RenderableType:
    """``lines`` under a title; with a legend if they are several, and the values where they end.

    An ``aside`` stands behind the title, in the place of these values.
    """
    whole = label_x == "step"
    picture = plot(
        lines,
        width,
        height,
        log_x=log_x,
        log_y=log_y,
        ascii_only=not screen.unicode,
        label_x=label_x,
        whole_x=whole,
    )
    several = len(lines) > 1
    said = aside if aside is not None else "" if several else ends(lines[0])
    head = Text.assemble(
        (text.safe(title), "bold"), (f"  {text.safe(said)}", DIM), no_wrap=True, overflow="ellipsis"
    )
    head.truncate(width, overflow="ellipsis" if screen.unicode else "crop")
    if not several:
        return Group(head, paint(picture))
    legend = Text("  ", overflow="fold")
    for index, line in enumerate(lines):
        legend.append("   " if index else "")
        legend.append(f"{mark(index, ascii_only=not screen.unicode)} ", style=LINES[index % len(LINES)])
        legend.append(text.safe(line.name))
        legend.append(f" {last(line)}" if aside is None else "", style=DIM)
    return Group(head, legend, paint(picture))


def ends(line: Line) -> str:
    """From where to where a curve went."""
    first = next((float(v) for v in line.y if math.isfinite(v)), None)
    return "nothing finite" if first is None else f"{text.number(first)} > {last(line)}"


def last(line: Line) -> str:
    """The curve's last finite value."""
    return text.number(next((float(v) for v in reversed(line.y) if math.isfinite(v)), math.nan))


def related(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Metrics that belong into one picture, as title -> {key: name in the legend}.

    "train/loss" goes with "val/loss".
    """
    groups: dict[str, dict[str, str]] = {}
    for key in keys:
        split = _SPLIT.search(key)
        title = (key[: split.start()] + key[split.end() :]) if split else key
        groups.setdefault(title, {})[key] = (split.group(1) or split.group(2)) if split else key
    out: dict[str, dict[str, str]] = {}
    for title, names in groups.items():
        if len(names) == 1:
            out[next(iter(names))] = {key: key for key in names}
        else:
            out[title] = names
    return out


def side_by_side(charts: Sequence[RenderableType], columns: int) -> RenderableType:
    """Charts in rows of ``columns``."""
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(columns):
        grid.add_column(no_wrap=True)
    for start in range(0, len(charts), columns):
        if start:
            grid.add_row(*[""] * columns)
        row = list(charts[start : start + columns])
        grid.add_row(*row, *[""] * (columns - len(row)))
    return grid
