"""The list of runs as a table that fits: what tells the runs apart comes first.

Metrics that most runs share and parameters that differ between the runs get the room
there is; the best value of a metric whose good direction is known is marked.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from . import text
from .curves import sparkline
from .screen import BEST, DIM, GAP, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

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
_PIPED_KEYS = 8
_NAME_WIDTH = 28
_ROOMY = 100
_HEAD_WIDTH = 18
_CELL_WIDTH = 24
_PIPED_CELL = 200
_CURVE_SECONDS = 0.25
_CURVE_POINTS = 3
_ROOM_FOR_CURVE = 40
_ROOM_FOR_METRIC = 18
_TRIED = 12
_KINDS = ("estimator", "model", "framework")
_FIRST = ("test", "val", "valid", "eval")


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
        return _metric(key, runs, screen)
    if kind in {"params", "tags"} and key:
        return _param(key, runs, screen, kind)
    makers = {"status": _status, "name": _name, "id": _id, "created": _created, "duration": _duration}
    if name in makers:
        return makers[name](runs, screen)
    if name == "ended":
        return Column(name, [Text(text.local(run.ended)) for run in runs])
    return Column(name, [Text(text.value(getattr(run, name, None) or "-")) for run in runs])


def _chosen(runs: Sequence[RunView], screen: Screen) -> list[Column]:
    name, kinds = [_status(runs, screen), _name(runs, screen)], [key for key in _KINDS if _vary(key, runs)]
    kind = [_param(key, runs, screen, "tags") for key in kinds[:1]]
    rest = [_id(runs, screen), _created(runs, screen), _duration(runs, screen)]
    if len({run.project for run in runs}) > 1:
        rest.insert(0, named("project", runs, screen))
    if screen.width is None:
        metrics = [_metric(key, runs, screen) for key in ranked_metrics(runs)[:_PIPED_KEYS]]
        return [
            *name,
            *kind,
            *rest,
            *metrics,
            *(_param(key, runs, screen) for key in varying(runs)[:_PIPED_KEYS]),
        ]
    room = screen.width - sum(column.width + GAP for column in (*name, *rest))
    needed = sum(column.width + GAP for column in kind)
    if room - needed < _ROOM_FOR_METRIC:
        kind, needed = [], 0
    return [*name, *kind, *rest, *_fill(runs, screen, room - needed)]


def _fill(runs: Sequence[RunView], screen: Screen, room: int) -> list[Column]:
    """As many metrics and parameters as fit into ``room`` characters; the curve beside its metric."""
    metrics = [_metric(key, runs, screen) for key in ranked_metrics(runs)[:_TRIED]]
    params = [_param(key, runs, screen) for key in varying(runs)[:_TRIED]]
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
    """The metrics' keys: first those that differ, that most runs share, of held-out data."""
    values: dict[str, list[float]] = {}
    for run in runs:
        for key, value in run.metrics.items():
            values.setdefault(key, []).append(value)
    place = {key: i for i, key in enumerate(values)}

    def rank(key: str) -> tuple[bool, int, bool, bool, int]:
        same = len(values[key]) > 1 and len(set(values[key])) == 1
        return (
            same,
            -len(values[key]),
            text.direction(key) == 0,
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
    return sorted(differ, key=lambda key: (-present[key], len(key) > _HEAD_WIDTH))


def _status(runs: Sequence[RunView], screen: Screen) -> Column:
    word = screen.width is None
    return Column(
        "status" if word else "",
        [screen.status(run.status, word=False) if not word else Text(run.status) for run in runs],
    )


def _name(runs: Sequence[RunView], screen: Screen) -> Column:
    width = _NAME_WIDTH if screen.columns >= _ROOMY else _NAME_WIDTH // 2 + 6
    return Column("name", [Text(_cut(run.name or "-", width, screen), style="bold") for run in runs])


def _id(runs: Sequence[RunView], screen: Screen) -> Column:
    short = text.shortest(run.id for run in runs) if screen.width else {run.id: run.id for run in runs}
    return Column("id", [Text(short[run.id], style=DIM) for run in runs])


def _created(runs: Sequence[RunView], screen: Screen) -> Column:
    if screen.width is None:
        return Column("created", [Text((text.iso(run.created) or "-")[:19]) for run in runs])
    now = time.time()
    return Column("created", [Text(text.ago(run.created, now, short=True)) for run in runs])


def _duration(runs: Sequence[RunView], screen: Screen) -> Column:
    if screen.width is None:
        return Column(
            "seconds",
            [Text(f"{run.duration:.3f}") for run in runs],
            right=True,
        )
    return Column("took", [Text(text.duration(run.duration)) for run in runs], right=True)


def _metric(key: str, runs: Sequence[RunView], screen: Screen) -> Column:
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
    return first.metric(key).goal if first is not None and _has(first, key) else None


def best(found: Sequence[Any], way: int) -> Any:
    """The best of ``found`` by direction ``way``; None if that cannot be told or all are equal."""
    usable = [
        x for x in found if isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)
    ]
    if not way or len(usable) < 2 or min(usable) == max(usable):
        return None
    return max(usable) if way > 0 else min(usable)


def _param(key: str, runs: Sequence[RunView], screen: Screen, kind: str = "params") -> Column:
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


_ABSENT = object()


def _curve(runs: Sequence[RunView], screen: Screen) -> tuple[str, Column] | None:
    """Sparklines of the first metric that has a curve, for as many runs as a quarter of a second allows."""
    key = next((key for key in ranked_metrics(runs)[:8] if _curved(key, runs)), None)
    if key is None:
        return None
    start = time.monotonic()
    cells = []
    for run in runs:
        late = time.monotonic() - start > _CURVE_SECONDS
        shape = "" if late or not _has(run, key) else _shape(run, key, screen)
        cells.append(Text(shape, style="cyan"))
    return key, Column("", cells)


def _curved(key: str, runs: Sequence[RunView]) -> bool:
    """Whether at least half of the runs have the metric, and the first of them a curve of it."""
    having = [run for run in runs if key in run.metrics]
    enough = len(having) * 2 >= len(runs) and _has(having[0], key)
    return enough and having[0].metric(key).count >= _CURVE_POINTS


def _shape(run: RunView, key: str, screen: Screen) -> str:
    return sparkline(run.history(key, buckets=10).mean, 10, ascii_only=not screen.unicode)


def _has(run: RunView, key: str) -> bool:
    return key in set(run.keys())


def _head(key: str, screen: Screen) -> str:
    """A key as a column's title; a long one loses its first parts."""
    shown = text.safe(key)
    if screen.width is None or cell_len(shown) <= _HEAD_WIDTH:
        return shown
    parts = re.split(r"(?<=[/.])|(?<=__)", shown)
    while len(parts) > 1 and len("".join(parts)) >= _HEAD_WIDTH:
        parts.pop(0)
    return screen.sign("…") + "".join(parts)[-_HEAD_WIDTH + 1 :]


def _cut(shown: str, width: int, screen: Screen) -> str:
    shown = text.safe(shown, 0)
    width = width if screen.width else _PIPED_CELL
    if cell_len(shown) <= width:
        return shown
    while cell_len(shown) > width - 1:
        shown = shown[:-1]
    return shown + screen.sign("…")
