"""Small pictures of plots, written as SVG in about a millisecond.

A matplotlib picture costs 100 ms and an import; a run has half a dozen of them. These four kinds of
drawing need neither, are sharp at any size, and hold no script. Every text goes through `escape`.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 480, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 32, 48
_COLORS = ("#3366cc", "#dc3912", "#109618", "#ff9900", "#990099", "#0099c6", "#dd4477", "#66aa00")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from values to pixels, with its label."""

    label: str
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Return round numbers along the axis."""
        span = (self.high - self.low) or 1.0
        step = 10.0 ** math.floor(math.log10(span / wanted))
        step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= wanted)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def escape(text: object) -> str:
    """Make any text safe inside SVG: no markup, no control characters."""
    return html.escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text)))


def lines(
    title: str, x: str, y: str, series: Sequence[tuple[str, Sequence[Point]]], *, diagonal: bool = False
) -> str:
    """Draw curves; ``diagonal`` adds the line of equal x and y for comparison."""
    axes = _axes(x, y, [point for _, points in series for point in points] or [(0.0, 0.0)])
    drawn = _frame(*axes) + (_diagonal(*axes) if diagonal else "")
    for i, (name, points) in enumerate(series):
        path = " ".join(f"{axes[0].at(px):.1f},{axes[1].at(py):.1f}" for px, py in points)
        color = _COLORS[i % len(_COLORS)]
        drawn += f'<polyline fill="none" stroke="{color}" stroke-width="1.6" points="{path}"/>'
        if len(series) > 1 and i < 12:
            drawn += _text(WIDTH - _RIGHT - 4, _TOP + 14 + 13 * i, name, anchor="end", color=color)
    return _document(title, drawn)


def scatter(title: str, x: str, y: str, points: Sequence[Point], *, diagonal: bool = False) -> str:
    """Draw points."""
    axes = _axes(x, y, points or [(0.0, 0.0)])
    dots = "".join(
        f'<circle cx="{axes[0].at(px):.1f}" cy="{axes[1].at(py):.1f}" r="2"/>' for px, py in points
    )
    drawn = _frame(*axes) + (_diagonal(*axes) if diagonal else "")
    return _document(title, f'{drawn}<g fill="{_COLORS[0]}" fill-opacity=".5">{dots}</g>')


def bars(title: str, x: str, named: Sequence[tuple[str, float]]) -> str:
    """Draw horizontal bars, one a name, from zero."""
    values = [value for _, value in named] or [0.0]
    left = 8 + min(180, 7 * max((len(name) for name, _ in named), default=1))
    height = _TOP + _BOTTOM + 16 * len(named)
    axis = Axis(x, min(0.0, *values), max(0.0, *values), left, WIDTH - _RIGHT)
    drawn = ""
    for i, (name, value) in enumerate(named):
        a, b = sorted((axis.at(0.0), axis.at(value)))
        top = _TOP + 16 * i
        drawn += (
            f'<rect x="{a:.1f}" y="{top + 2}" width="{max(b - a, 0.5):.1f}" height="12" fill="{_COLORS[0]}"/>'
        )
        drawn += _text(
            left - 6,
            top + 12,
            name if len(name) <= 26 else name[:25] + "\N{HORIZONTAL ELLIPSIS}",
            anchor="end",
        )
    base = height - _BOTTOM
    for tick in axis.ticks():
        drawn += _text(axis.at(tick), base + 16, f"{tick:.4g}", anchor="middle")
    drawn += _text((left + WIDTH - _RIGHT) / 2, base + 36, x, anchor="middle")
    return _document(title, drawn, height)


def heat(title: str, x: str, y: str, labels: Sequence[str], matrix: Sequence[Sequence[float]]) -> str:
    """Draw a square matrix of counts, shaded by the share of its row."""
    n = max(len(labels), 1)
    left, size = 84, 280
    cell, drawn = size / n, ""
    for i, row in enumerate(matrix):
        total = sum(row) or 1.0
        for j, value in enumerate(row):
            share = value / total
            px, py = left + j * cell, _TOP + i * cell
            drawn += (
                f'<rect x="{px:.1f}" y="{py:.1f}" width="{cell:.1f}" height="{cell:.1f}" '
                f'fill="{_COLORS[0]}" fill-opacity="{share:.3f}" stroke="#ddd"/>'
            )
            if n <= 12:
                ink = "#fff" if share > 0.5 else "#222"
                drawn += _text(px + cell / 2, py + cell / 2 + 4, f"{value:g}", anchor="middle", color=ink)
    for i, label in enumerate(labels if n <= 30 else ()):
        drawn += _text(left - 6, _TOP + (i + 0.5) * cell + 4, label[:11], anchor="end")
        drawn += _text(left + (i + 0.5) * cell, _TOP + size + 14, label[:7], anchor="middle")
    drawn += _text(left + size / 2, _TOP + size + 34, x, anchor="middle")
    drawn += _upright(y, _TOP + size / 2)
    return _document(title, drawn)


def _axes(x: str, y: str, points: Iterable[Point]) -> tuple[Axis, Axis]:
    xs, ys = zip(*points, strict=True)
    return (
        Axis(x, min(xs), max(xs), _LEFT, WIDTH - _RIGHT),
        Axis(y, min(ys), max(ys), HEIGHT - _BOTTOM, _TOP),
    )


def _frame(x: Axis, y: Axis) -> str:
    drawn = ""
    for tick in x.ticks():
        drawn += _line(x.at(tick), _TOP, x.at(tick), HEIGHT - _BOTTOM, 'stroke="#eee"')
        drawn += _text(x.at(tick), HEIGHT - _BOTTOM + 16, f"{tick:.4g}", anchor="middle")
    for tick in y.ticks():
        drawn += _line(_LEFT, y.at(tick), WIDTH - _RIGHT, y.at(tick), 'stroke="#eee"')
        drawn += _text(_LEFT - 6, y.at(tick) + 4, f"{tick:.4g}", anchor="end")
    drawn += _text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 12, x.label, anchor="middle")
    return drawn + _upright(y.label, (HEIGHT - _BOTTOM + _TOP) / 2)


def _diagonal(x: Axis, y: Axis) -> str:
    low, high = max(x.low, y.low), min(x.high, y.high)
    style = 'stroke="#999" stroke-dasharray="4 3"'
    return _line(x.at(low), y.at(low), x.at(high), y.at(high), style) if high > low else ""


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _upright(text: str, middle: float) -> str:
    return f'<g transform="rotate(-90 14 {middle:.1f})">{_text(14, middle, text, anchor="middle")}</g>'


def _text(x: float, y: float, text: str, *, anchor: str, color: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


def _document(title: str, drawn: str, height: float = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'width="{WIDTH}" height="{height:g}" '
        'font-family="system-ui,sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
        f"{_text(WIDTH / 2, 18, title, anchor='middle')}{drawn}</svg>"
    )
