"""How epochal looks in a terminal: shared by the command line and the `repr`s.

`safe`, `number`, `ago` and their like are plain functions over the standard library;
everything coloured goes through `rich`, which is imported when something is drawn.
"""

from __future__ import annotations

from .curves import Line, plot, smooth, sparkline
from .text import ago, direction, duration, jsonable, number, numbers, safe, safe_lines, size, value

__all__ = [
    "Line",
    "ago",
    "direction",
    "duration",
    "jsonable",
    "number",
    "numbers",
    "plot",
    "safe",
    "safe_lines",
    "size",
    "smooth",
    "sparkline",
    "value",
]
