"""The list of runs as a table that fits: what tells the runs apart comes first.

Metrics that most runs share and parameters that differ between the runs get the room
there is; the best value of a metric whose good direction is known is marked.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from . import text
from .columns import (
    HEAD_WIDTH,
    Column,
    created_column,
    duration_column,
    has_curve,
    id_column,
    metric_column,
    name_column,
    named,
    param_column,
    status_column,
)
from .curves import sparkline
from .screen import DIM, GAP, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from ..store import RunView

_PIPED_KEYS = 8
_CURVE_SECONDS = 1.0
_CURVE_POINTS = 3
_ROOM_FOR_CURVE = 40
_ROOM_FOR_METRIC = 18
_TRIED = 12
_KINDS = ("estimator", "model", "framework")
_FIRST = ("test", "val", "valid", "eval")


def table(runs: Sequence[RunView], screen: Screen, columns: Sequence[str] = ()) -> Table:
    """``runs`` as a table for ``screen``, with these ``columns``, or else those that say most."""
    chosen = [named(name, runs, screen) for name in columns] or _chosen(runs, screen)
    out = screen.table()
    for column in chosen:
        out.add_column(
            Text(column.title, style=DIM if column.dim else "bold"),
            no_wrap=True,
            justify="right" if column.right else "left",
            overflow="ellipsis",
        )
    for row in zip(*(column.cells for column in chosen), strict=True):
        out.add_row(*row)
    return out


def lines(runs: Sequence[RunView], screen: Screen, columns: Sequence[str] = ()) -> Iterator[str]:
    """The same as text for a pipe, line by line: a hundred thousand runs are too many to be laid out."""
    chosen = [named(name, runs, screen) for name in columns] or _chosen(runs, screen)
    yield from ("  ".join(row).rstrip() for row in zip(*(_padded(column) for column in chosen), strict=True))


def _padded(column: Column) -> Iterator[str]:
    for cell in (column.title, *(cell.plain for cell in column.cells)):
        blank = " " * (column.width - cell_len(cell))
        yield blank + cell if column.right else cell + blank


def _chosen(runs: Sequence[RunView], screen: Screen) -> list[Column]:
    name, kinds = (
        [status_column(runs, screen), name_column(runs, screen)],
        [key for key in _KINDS if _vary(key, runs)],
    )
    kind = [param_column(key, runs, screen, "tags") for key in kinds[:1]]
    rest = [id_column(runs, screen), created_column(runs, screen), duration_column(runs, screen)]
    if len({run.project for run in runs}) > 1:
        rest.insert(0, named("project", runs, screen))
    if screen.width is None:
        metrics = [metric_column(key, runs, screen) for key in ranked_metrics(runs)[:_PIPED_KEYS]]
        return [
            *name,
            *kind,
            *rest,
            *metrics,
            *(param_column(key, runs, screen) for key in varying(runs)[:_PIPED_KEYS]),
        ]
    room = screen.width - sum(column.width + GAP for column in (*name, *rest))
    needed = sum(column.width + GAP for column in kind)
    if room - needed < _ROOM_FOR_METRIC:
        kind, needed = [], 0
    return [*name, *kind, *rest, *_fill(runs, screen, room - needed)]


def _fill(runs: Sequence[RunView], screen: Screen, room: int) -> list[Column]:
    """As many metrics and parameters as fit into ``room`` characters; the curve beside its metric."""
    names = varying(runs)[:_TRIED]
    params = [param_column(key, runs, screen) for key in names]
    keys = [key for key in ranked_metrics(runs) if key not in names]  # two columns of one name say nothing
    metrics = [metric_column(key, runs, screen) for key in keys[:_TRIED]]
    curve = _curve(runs, screen) if room >= _ROOM_FOR_CURVE else None
    kept: tuple[list[Column], list[Column]] = ([], [])
    if curve is not None:
        own = next((column for column in metrics if column.key == curve[0]), None)
        if own is not None and own.width + curve[1].width + 2 * GAP <= room:
            metrics.remove(own)
            kept[0].extend((own, curve[1]))
            room -= own.width + curve[1].width + 2 * GAP
    while metrics or params:
        for source, target in ((metrics, kept[0]), (params, kept[1])):
            column = source.pop(0) if source else None
            if column is not None and column.width + GAP <= room:
                target.append(column)
                room -= column.width + GAP
    return [*kept[0], *kept[1]]


def _vary(tag: str, runs: Sequence[RunView]) -> bool:
    return len({run.tags.get(tag) for run in runs}) > 1


def ranked_metrics(runs: Sequence[RunView]) -> list[str]:
    """The metrics' keys: first those that differ, that are better up or down, that most runs share."""
    values: dict[str, list[float]] = {}
    for run in runs:
        for key, value in run.metrics.items():
            values.setdefault(key, []).append(value)
    place = {key: i for i, key in enumerate(values)}

    def rank(key: str) -> tuple[bool, bool, int, bool, int]:
        same = len(values[key]) > 1 and len(set(values[key])) == 1
        return (
            same,
            text.direction(key) == 0,
            -len(values[key]),
            not key.lower().startswith(_FIRST),
            place[key],
        )

    return sorted(values, key=rank)


def varying(runs: Sequence[RunView]) -> list[str]:
    """The parameters that differ between ``runs``, those that most runs have first."""
    values: dict[str, set[str]] = {}
    present: Counter[str] = Counter()
    for run in runs:
        for key, value in run.params.items():
            values.setdefault(key, set()).add(repr(value))
            present[key] += 1
    differ = [key for key, seen in values.items() if len(seen) > 1]
    return sorted(differ, key=lambda key: (-present[key], len(key) > HEAD_WIDTH))


def _curve(runs: Sequence[RunView], screen: Screen) -> tuple[str, Column] | None:
    """Sparklines of the first metric that has a curve, for as many runs as a second allows."""
    key = next((key for key in ranked_metrics(runs)[:8] if _curved(key, runs)), None)
    if key is None:
        return None
    start = time.monotonic()
    cells = []
    for run in runs:
        late = time.monotonic() - start > _CURVE_SECONDS
        shape = "" if late or not has_curve(run, key) else _shape(run, key, screen)
        cells.append(Text(shape, style="cyan"))
    return key, Column("", cells)


def _curved(key: str, runs: Sequence[RunView]) -> bool:
    """Whether at least half of the runs have the metric, and the first of them a curve of it."""
    having = [run for run in runs if key in run.metrics]
    enough = len(having) * 2 >= len(runs) and has_curve(having[0], key)
    return enough and having[0].metric(key).count >= _CURVE_POINTS


def _shape(run: RunView, key: str, screen: Screen) -> str:
    return sparkline(run.history(key, buckets=10).mean, 10, ascii_only=not screen.unicode)
