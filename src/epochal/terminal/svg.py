"""A line plot as one SVG file that stands alone: no scripts, nothing to fetch, light or dark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .curves import Axis, Line, thin, tick, ticks
from .text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLOURS = ("#0f7b8a", "#d9822b", "#8e44ad", "#2e8b57", "#c0392b", "#2c5fa8", "#7f6a00", "#5d6d7e")
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 20, 44, 48
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:14px}"
    ".g{stroke:#8884;stroke-width:1}"
    ".b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#1b1b1f}}"
)


def drawing(
    title: str,
    lines: Sequence[Line],
    width: int = 800,
    height: int = 420,
    *,
    log_x: bool = False,
    log_y: bool = False,
    label_x: str = "step",
) -> str:
    """``lines`` as the text of an SVG file; names are escaped, points that are not finite are gaps."""
    lines = [thin(line, width, log_x=log_x) for line in lines]
    x = Axis.over([float(v) for line in lines for v in line.x], log=log_x)
    y = Axis.over([float(v) for line in lines for v in line.y], log=log_y)
    middle, name = (_LEFT + width - _RIGHT) / 2, escape(safe(title))
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        f'  width="{width}" height="{height}">',
        f"<title>{name}</title><style>{_STYLE}</style>",
        f'<rect class="b" width="{width}" height="{height}"/>',
        f'<text class="t" x="{_LEFT}" y="20">{name}</text>',
        *_grid(x, y, width, height),
        f'<text x="{middle:.0f}" y="{height - 8}" text-anchor="middle">{escape(safe(label_x))}</text>',
        *_legend(lines),
    ]
    for index, line in enumerate(lines):
        body += [_drawn(points, _colour(index)) for points in _pieces(line, x, y, width, height)]
    return "\n".join([*body, "</svg>", ""])


def _drawn(points: Sequence[tuple[float, float]], colour: str) -> str:
    if len(points) == 1:
        return f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3" fill="{colour}"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _place(axis: Axis, value: float, start: float, end: float) -> float | None:
    if not math.isfinite(value) or (axis.log and value <= 0):
        return None
    return start + (end - start) * axis.part(value)


def _grid(x: Axis, y: Axis, width: int, height: int) -> Iterator[str]:
    for value in ticks(y, 8):
        at = _place(y, value, height - _BOTTOM, _TOP)
        yield f'<line class="g" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{(at or 0) + 4:.1f}" text-anchor="end">{tick(value)}</text>'
    for value in ticks(x, 8):
        at = _place(x, value, _LEFT, width - _RIGHT)
        yield f'<line class="g" y1="{_TOP}" y2="{height - _BOTTOM}" x1="{at:.1f}" x2="{at:.1f}"/>'
        yield f'<text x="{at:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{tick(value)}</text>'


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    left = _LEFT
    for index, line in enumerate(lines if len(lines) > 1 else ()):
        name = safe(line.name, 60)
        yield f'<rect x="{left}" y="28" width="14" height="3" fill="{_colour(index)}"/>'
        yield f'<text x="{left + 19}" y="34">{escape(name)}</text>'
        left += 34 + 7 * len(name)


def _pieces(line: Line, x: Axis, y: Axis, width: int, height: int) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for one, other in zip(line.x, line.y, strict=True):
        px, py = _place(x, float(one), _LEFT, width - _RIGHT), _place(y, float(other), height - _BOTTOM, _TOP)
        if px is not None and py is not None:
            piece.append((px, py))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece
