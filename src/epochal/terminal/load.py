"""How busy the machine was while a run went on: processor, memory, disk, network, GPUs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from . import text
from .curves import sparkline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from ..store import History
    from .screen import Screen

_SAMPLES = 3
_MANY = 5000
_BYTES = (".used", "process.memory")
_RATES = (".read", ".write", ".sent", ".received")
_SHARES = ("cpu", "memory", "disk", ".utilization")


def load(measures: Mapping[str, History], screen: Screen) -> Table | None:
    """Mean, highest value and course of each measure; None for a run too short to have a course."""
    found = {key: _finite(history) for key, history in measures.items()}
    found = {key: values for key, values in found.items() if len(values) >= _SAMPLES}
    if not found:
        return None
    out = screen.table()
    for head in ("measure", "mean", "max", "course"):
        out.add_column(Text(head), justify="right" if head in {"mean", "max"} else "left", no_wrap=True)
    for key, values in found.items():
        shape = sparkline(values, 16, ascii_only=not screen.unicode)
        mean, most = amount(key, math.fsum(values) / len(values)), amount(key, max(values))
        out.add_row(Text(text.safe(key)), Text(mean), Text(most), Text(shape, style="cyan"))
    return out


def _finite(history: History) -> list[float]:
    return [value for value in history.values[-_MANY:].tolist() if math.isfinite(value)]


def amount(measure: str, value: float) -> str:
    """A measured value with the unit that its name stands for."""
    if measure.endswith(_BYTES):
        return text.size(value)
    if measure.endswith(_RATES):
        return f"{text.size(value)}/s"
    if measure.endswith(_SHARES):
        return f"{value:.0f} %"
    unit = {"power": " W", "temperature": " C"}.get(measure.rpartition(".")[2], "")
    return f"{value:.0f}{unit}"
