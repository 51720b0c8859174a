"""What the bench says: figures, their verdicts, and the aligned table they are printed in.

A figure is one line of the table: what was measured, what is required, our median with its minimum and
maximum, the raw operation measured beside it (one `os.write`, a bare Python, a bare fit), the ratio of the
two, and each peer's figure with its own ratio. A figure that could not be taken says why instead of
disappearing.
"""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class Spread:
    """Several measurements of one thing: the median is what counts, the extremes say how far to trust it."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarize measurements; there must be at least one."""
        taken = list(values)
        return cls(statistics.median(taken), min(taken), max(taken), len(taken))


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one tracker reached: its figure, the raw operation beside it, a remark, or why there is none."""

    value: Spread | None = None
    raw: Spread | None = None
    ratio: float | None = None
    remark: str = ""
    missing: str = ""

    @classmethod
    def absent(cls, reason: str) -> Measured:
        """Name the reason why this tracker has no figure here."""
        return cls(missing=reason)


@dataclasses.dataclass
class Figure:
    """One line of the table. `accept` is None for a line that only informs."""

    row: str
    what: str
    unit: str
    required: str = "-"
    accept: Callable[[Measured], bool] | None = None
    ours: Measured = dataclasses.field(default_factory=Measured)
    peers: dict[str, Measured] = dataclasses.field(default_factory=dict)
    load: float = 0.0

    @property
    def verdict(self) -> str:
        """`ok`, `MISS`, `FAILED` (no figure could be taken) or `-` (nothing is required)."""
        if self.ours.missing:
            return "FAILED"
        if self.accept is None:
            return "-"
        return "ok" if self.accept(self.ours) else "MISS"

    def as_json(self) -> dict[str, Any]:
        """Return the figure for the JSON file, durations in seconds as they were taken."""
        return {
            "row": self.row,
            "what": self.what,
            "unit": self.unit,
            "required": self.required,
            "verdict": self.verdict,
            "load": self.load,
            "ours": dataclasses.asdict(self.ours),
            "peers": {name: dataclasses.asdict(peer) for name, peer in self.peers.items()},
        }


def at_most(limit: float, of: str = "value") -> Callable[[Measured], bool]:
    """Accept a median (`of="value"`) or a ratio (`of="ratio"`) that is not above the limit."""

    def accept(measured: Measured) -> bool:
        median = measured.value.median if measured.value else None
        reached = measured.ratio if of == "ratio" else median
        return reached is not None and reached <= limit

    return accept


def at_least(limit: float) -> Callable[[Measured], bool]:
    """Accept a median that is not below the limit."""
    return lambda measured: measured.value is not None and measured.value.median >= limit


def show(value: float, unit: str) -> str:
    """Write one number in its unit, three digits: seconds become us, ms or s; `1/s`, `B`, `x`, `MB` stay."""
    if unit != "s":
        return f"{value:,.0f} {unit}".strip() if abs(value) >= 100 else f"{value:.3g} {unit}".strip()
    for factor, name in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if abs(value) * factor >= 1:
            return (
                f"{value * factor:.3g} {name}"
                if abs(value) * factor < 1000
                else f"{value * factor:,.0f} {name}"
            )
    return f"{value * 1e6:.2f} us"


def _cell(measured: Measured, unit: str) -> str:
    if measured.missing:
        return measured.missing
    parts = [show(measured.value.median, unit)] if measured.value else []
    if measured.ratio is not None:
        parts.append(f"{measured.ratio:,.1f}x")
    if measured.remark:
        parts.append(f"({measured.remark})")
    return " ".join(parts) or "-"


def _line(figure: Figure, peers: Sequence[str], notes: list[str]) -> list[str]:
    ours, unit = figure.ours, figure.unit
    spread = f"{show(ours.value.low, unit)} .. {show(ours.value.high, unit)}" if ours.value else "-"
    cells = [
        figure.what,
        figure.required,
        _noted(ours, unit, notes),
        spread if ours.value and ours.value.count > 1 else "-",
        show(ours.raw.median, unit) if ours.raw else "-",
        f"{ours.ratio:,.2f}x" if ours.ratio is not None else "-",
        figure.verdict,
    ]
    return cells + [_noted(figure.peers.get(peer, Measured()), unit, notes, ratio=True) for peer in peers]


def _noted(measured: Measured, unit: str, notes: list[str], *, ratio: bool = False) -> str:
    """Write a cell; a reason longer than a cell becomes a footnote."""
    shown = measured if ratio else dataclasses.replace(measured, ratio=None)
    text = _cell(shown, unit)
    if not measured.missing or len(text) <= 24:
        return text
    if text not in notes:
        notes.append(text)
    return f"none [{notes.index(text) + 1}]"


def render(figures: Sequence[Figure], peers: Sequence[str]) -> str:
    """Lay the figures out in one aligned table; long reasons follow as numbered notes."""
    notes: list[str] = []
    header = ["what", "required", "ours", "min .. max", "raw", "ratio", "verdict", *peers]
    lines = [header, *(_line(figure, peers, notes) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = "  ".join("-" * width for width in widths)
    laid = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    laid.insert(1, rule)
    return "\n".join(laid + [f"[{number}] {note}" for number, note in enumerate(notes, 1)])
