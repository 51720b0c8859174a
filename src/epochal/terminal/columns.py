"""The columns of a list of runs: one for each thing that a run is, has or reached."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from . import text
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import RunView

OWN = (
    "status",
    "name",
    "id",
    "project",
    "created",
    "ended",
    "duration",
    "group",
    "source",
    "parent",
    "notes",
    "job_type",
)
_ROOMY = 100
_NAME_WIDTH = 28
HEAD_WIDTH = 18
_CELL_WIDTH = 24
_PIPED_CELL = 200


@dataclass(slots=True)
class Column:
    """A column before it is drawn: what stands in it, and how wide that is."""

    title: str
    cells: list[Text]
    right: bool = False
    dim: bool = False
    key: str = ""
    width: int = field(init=False)

    def __post_init__(self) -> None:
        """Measure."""
        self.width = max([cell_len(self.title), *(cell.cell_len for cell in self.cells)])


def get(run: RunView, name: str) -> Any:
    """The value of the field ``name``: one of the run's own, or ``params.X``, ``metrics.X``, ``tags.X``."""
    kind, _, key = name.partition(".")
    if key and kind in {"params", "metrics", "tags"}:
        return dict(getattr(run, kind)).get(key)
    return getattr(run, name, None)


def named(name: str, runs: Sequence[RunView], screen: Screen) -> Column:
    """The column for a field's name as `get` knows it."""
    kind, _, key = name.partition(".")
    if kind == "metrics" and key:
        return metric_column(key, runs, screen)
    if kind in {"params", "tags"} and key:
        return param_column(key, runs, screen, kind)
    makers = {
        "status": status_column,
        "name": name_column,
        "id": id_column,
        "created": created_column,
        "duration": duration_column,
    }
    if name in makers:
        return makers[name](runs, screen)
    if name == "ended":
        return Column(name, [Text(text.local(run.ended)) for run in runs])
    return Column(name, [Text(text.value(getattr(run, name, None) or "-")) for run in runs])


def status_column(runs: Sequence[RunView], screen: Screen) -> Column:
    """The status: a sign on a terminal, a word in a pipe."""
    word = screen.width is None
    return Column(
        "status" if word else "",
        [screen.status(run.status, word=False) if not word else Text(run.status) for run in runs],
    )


def name_column(runs: Sequence[RunView], screen: Screen) -> Column:
    """The name, cut on a narrow terminal."""
    width = _NAME_WIDTH if screen.columns >= _ROOMY else _NAME_WIDTH // 2 + 6
    return Column("name", [Text(_cut(run.name or "-", width, screen), style="bold") for run in runs])


def id_column(runs: Sequence[RunView], screen: Screen) -> Column:
    """The id: on a terminal as much of it as tells the listed runs apart."""
    short = text.shortest(run.id for run in runs) if screen.width else {run.id: run.id for run in runs}
    return Column("id", [Text(short[run.id], style=DIM) for run in runs])


def created_column(runs: Sequence[RunView], screen: Screen) -> Column:
    """When it began: how long ago, or in a pipe when, in UTC."""
    if screen.width is None:
        return Column("created", [Text((text.iso(run.created) or "-")[:19]) for run in runs])
    now = time.time()
    return Column("created", [Text(text.ago(run.created, now, short=True)) for run in runs])


def duration_column(runs: Sequence[RunView], screen: Screen) -> Column:
    """How long it took."""
    if screen.width is None:
        return Column(
            "seconds",
            [Text(f"{run.duration:.3f}") for run in runs],
            right=True,
        )
    return Column("took", [Text(text.duration(run.duration)) for run in runs], right=True)


def metric_column(key: str, runs: Sequence[RunView], screen: Screen) -> Column:
    """A metric's summary values, the best one marked where it is known what is best."""
    found = [run.metrics.get(key) for run in runs]
    way = text.direction(key, _goal(key, runs))
    top = best(found, way)
    star = screen.width is not None and top is not None
    shown = text.numbers(found) if screen.width else ["-" if x is None else text.value(x) for x in found]
    cells = []
    for value, label in zip(found, shown, strict=True):
        winner = top is not None and value == top
        mark = (" ★" if winner else "  ") if star else ""
        odd = isinstance(value, float) and not math.isfinite(value)
        cells.append(Text(label + screen.sign(mark), style=BEST if winner else "red" if odd else ""))
    arrow = {1: " ↑", -1: " ↓"}.get(way, "") if star else ""
    return Column(_head(key, screen) + screen.sign(arrow), cells, right=True, key=key)


def _goal(key: str, runs: Sequence[RunView]) -> str | None:
    """What the newest run that has the metric says it is for."""
    first = next((run for run in runs if key in run.metrics), None)
    return first.metric(key).goal if first is not None and has_curve(first, key) else None


def has_curve(run: RunView, key: str) -> bool:
    """Whether the run logged points of this metric."""
    return key in set(run.keys())


def best(found: Sequence[Any], way: int) -> Any:
    """The best of ``found`` by direction ``way``; None if that cannot be told or all are equal."""
    usable = [
        x for x in found if isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)
    ]
    if not way or len(usable) < 2 or min(usable) == max(usable):
        return None
    return max(usable) if way > 0 else min(usable)


_ABSENT = object()


def param_column(key: str, runs: Sequence[RunView], screen: Screen, kind: str = "params") -> Column:
    """Values of a parameter or tag."""
    found = [getattr(run, kind).get(key, _ABSENT) for run in runs]
    shown = ["-" if x is _ABSENT else _cut(_short(x, screen), _CELL_WIDTH, screen) for x in found]
    numeric = all(
        isinstance(x, (int, float)) and not isinstance(x, bool)
        for x in found
        if x is not _ABSENT and x is not None
    )
    return Column(_head(key, screen), [Text(x) for x in shown], right=numeric, dim=True)


def _short(value: Any, screen: Screen) -> str:
    """A parameter; on a terminal, of a number as many digits as tell it from others."""
    return text.number(value, 6) if screen.width and isinstance(value, float) else text.value(value)


def _head(key: str, screen: Screen) -> str:
    """A key as a column's title; a long one loses its first parts."""
    shown = text.safe(key)
    if screen.width is None or cell_len(shown) <= HEAD_WIDTH:
        return shown
    parts = re.split(r"(?<=[/.])|(?<=__)", shown)
    while len(parts) > 1 and len("".join(parts)) >= HEAD_WIDTH:
        parts.pop(0)
    return screen.sign("…") + "".join(parts)[-HEAD_WIDTH + 1 :]


def _cut(shown: str, width: int, screen: Screen) -> str:
    shown = text.safe(shown, 0)
    width = width if screen.width else _PIPED_CELL
    if cell_len(shown) <= width:
        return shown
    while cell_len(shown) > width - 1:
        shown = shown[:-1]
    return shown + screen.sign("…")
