"""How a page is laid out: sections with headings, names beside values, grids that fill the width."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import text
from .screen import DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

_LONG = 300
_CHART_WIDTH = 48


def indented(thing: RenderableType) -> RenderableType:
    """A section's body, two spaces in."""
    return Padding(thing, (0, 0, 0, 2), expand=False)


def section(name: str, *body: RenderableType) -> Iterator[RenderableType]:
    """A heading and what stands under it."""
    yield Text()
    yield Text(name, style="bold")
    yield from (indented(thing) for thing in body)


def pairs(rows: list[tuple[str, Text | str]]) -> Table:
    """Names and values in two columns."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(style=DIM, no_wrap=True)
    out.add_column(overflow="fold")
    for name, shown in rows:
        out.add_row(Text(text.safe(name)), shown if isinstance(shown, Text) else Text(shown))
    return out


def part(found: Any, *path: str) -> Any:
    """What lies at ``path`` in nested mappings or objects; None where it ends early."""
    for name in path:
        found = found.get(name) if hasattr(found, "get") else getattr(found, name, None)
        if found is None:
            return None
    return found


def listed(found: Any) -> list[Any]:
    """``found`` if it is a list; what runs hold may be of any shape."""
    return found if isinstance(found, list) else []


def is_number(found: object) -> TypeGuard[float]:
    """Whether it can be drawn to scale."""
    return isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)


def grid(values: Mapping[str, Any], screen: Screen, most: int | None = None) -> RenderableType:
    """Names and values in as many columns as fit, read downwards."""
    rows = [(text.safe(key), text.value(value)) for key, value in values.items()]
    left = max(0, len(rows) - most) if most else 0
    rows = rows[:most] if most else rows
    if screen.width is None:
        return pairs([(key, value) for key, value in rows])
    wide = (
        max((len(key) for key, _ in rows), default=0),
        min(28, max((len(value) for _, value in rows), default=0)),
    )
    each = sum(wide) + 6
    beside = max(1, min(4, (screen.width - 2) // each, math.ceil(len(rows) / 4)))
    down = math.ceil(len(rows) / beside)
    out = Table.grid(padding=(0, 4 if beside > 1 else 0, 0, 0))
    for _ in range(beside):
        out.add_column(no_wrap=beside > 1)
    blocks = [rows[i * down : (i + 1) * down] for i in range(beside)]
    cut = wide[1] if beside > 1 else _LONG
    out.add_row(*(pairs([(key, _short(value, cut, screen)) for key, value in block]) for block in blocks))
    return Group(out, Text(f"and {left} more", style=DIM)) if left else out


def _short(shown: str, width: int, screen: Screen) -> str:
    return shown if len(shown) <= width else shown[: width - 1] + screen.sign("…")


def across(screen: Screen) -> int:
    """How many charts fit side by side."""
    return max(1, min(3, (screen.columns - 2) // _CHART_WIDTH))
