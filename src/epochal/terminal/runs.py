"""The list of runs as a table that fits: what tells the runs apart comes first.

Metrics that most runs share and parameters that differ between the runs get the room
there is; the best value of a metric whose good direction is known is marked.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from . import text
from .curves import sparkline
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
_NAME_WIDTH = 30
_HEAD_WIDTH = 20
_CELL_WIDTH = 24
_CURVE_SECONDS = 0.25
_FIRST = ("test", "val", "valid", "eval")


@dataclass(slots=True)
class Column:
    """A column before it is drawn: what stands in it, and how wide that is."""

    title: str
    cells: list[Text]
    right: bool = False
    dim: bool = False
    width: int = field(init=False)

    def __post_init__(self) -> None:
        """Measure."""
        self.width = max([cell_len(self.title), *(cell.cell_len for cell in self.cells)])


def table(runs: Sequence[RunView], screen: Screen, columns: Sequence[str] = ()) -> Table:
    """``runs`` as a table for ``screen``; ``columns`` names the columns, else those that say most are chosen."""
    chosen = [named(name, runs, screen) for name in columns] or _chosen(runs, screen)
    out = screen.table()
    for column in chosen:
        out.add_column(Text(column.title, style=f"bold {DIM}" if column.dim else "bold"), no_wrap=True,
                       justify="right" if column.right else "left", overflow="ellipsis" if screen.width else "ignore")  # fmt: skip
    for row in zip(*(column.cells for column in chosen), strict=True):
        out.add_row(*row)
    return out


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
    fixed = [_status(runs, screen), _name(runs, screen)]
    if len({run.project for run in runs}) > 1:
        fixed.append(named("project", runs, screen))
    fixed += [_id(runs, screen), _created(runs, screen), _duration(runs, screen)]
    if screen.width is None:
        metrics, params = ranked_metrics(runs)[:_PIPED_KEYS], varying(runs)[:_PIPED_KEYS]
        return [
            *fixed,
            *(_metric(key, runs, screen) for key in metrics),
            *(_param(key, runs, screen) for key in params),
        ]
    room = screen.width - sum(column.width + 2 for column in fixed) + 2
    return [*fixed, *_fill(runs, screen, room)]


def _fill(runs: Sequence[RunView], screen: Screen, room: int) -> list[Column]:
    """As many metrics and parameters as fit into ``room`` characters, in turn; two metrics, then one of each."""
    metrics = [_metric(key, runs, screen) for key in ranked_metrics(runs)[:12]]
    params = [_param(key, runs, screen) for key in varying(runs)[:12]]
    kept: tuple[list[Column], list[Column]] = ([], [])
    curve = _curve(runs, screen) if room >= 40 else None
    if curve is not None:
        room -= curve.width + 2
    while metrics or params:
        for source, target in ((metrics, kept[0]), (params, kept[1])):
            if source and source[0].width + 2 <= room:
                target.append(source.pop(0))
                room -= target[-1].width + 2
            elif source:
                source.pop(0)
    return [*kept[0], *([curve] if curve is not None else []), *kept[1]]


def ranked_metrics(runs: Iterable[RunView]) -> list[str]:
    """The metrics' keys, those that say most first: shared by most runs, of known direction, on held-out data."""
    shared = Counter(key for run in runs for key in run.metrics)
    place = {key: i for i, key in enumerate(shared)}

    def rank(key: str) -> tuple[int, bool, bool, int]:
        return -shared[key], not key.lower().startswith(_FIRST), text.direction(key) == 0, place[key]

    return sorted(shared, key=rank)


def varying(runs: Sequence[RunView]) -> list[str]:
    """The parameters that differ between ``runs``, those that most runs have first."""
    values: dict[str, set[str]] = {}
    present: Counter[str] = Counter()
    for run in runs:
        for key, value in run.params.items():
            values.setdefault(key, set()).add(repr(value))
            present[key] += 1
    differ = [key for key, seen in values.items() if len(seen) > 1 or present[key] < len(runs)]
    return sorted(differ, key=lambda key: (len(values[key]) < 2, -present[key], len(key) > _HEAD_WIDTH))


def _status(runs: Sequence[RunView], screen: Screen) -> Column:
    word = screen.width is None
    return Column("status" if word else "", [screen.status(run.status, word=False) if not word else Text(run.status)
                                             for run in runs])  # fmt: skip


def _name(runs: Sequence[RunView], screen: Screen) -> Column:
    return Column("name", [Text(_cut(run.name or "-", _NAME_WIDTH, screen), style="bold") for run in runs])


def _id(runs: Sequence[RunView], screen: Screen) -> Column:
    short = text.shortest(run.id for run in runs) if screen.width else {run.id: run.id for run in runs}
    return Column("id", [Text(short[run.id], style=DIM) for run in runs])


def _created(runs: Sequence[RunView], screen: Screen) -> Column:
    if screen.width is None:
        return Column("created", [Text((text.iso(run.created) or "-")[:19]) for run in runs])
    now = time.time()
    return Column("created", [Text(text.ago(run.created, now)) for run in runs])


def _duration(runs: Sequence[RunView], screen: Screen) -> Column:
    if screen.width is None:
        return Column(
            "seconds",
            [Text("-" if run.duration is None else f"{run.duration:.3f}") for run in runs],
            right=True,
        )
    return Column("took", [Text(text.duration(run.duration)) for run in runs], right=True)


def _metric(key: str, runs: Sequence[RunView], screen: Screen) -> Column:
    found = [run.metrics.get(key) for run in runs]
    way = text.direction(key)
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
    return Column(_head(key, screen) + screen.sign(arrow), cells, right=True)


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
    shown = ["-" if x is _ABSENT else _cut(text.value(x), _CELL_WIDTH, screen) for x in found]
    numeric = all(
        isinstance(x, (int, float)) and not isinstance(x, bool)
        for x in found
        if x is not _ABSENT and x is not None
    )
    return Column(_head(key, screen), [Text(x) for x in shown], right=numeric, dim=True)


_ABSENT = object()


def _curve(runs: Sequence[RunView], screen: Screen) -> Column | None:
    """Sparklines of the metric that has the most points, for as many runs as a quarter of a second allows."""
    key = next(
        (k for run in runs[:5] for k in ranked_metrics([run])[:8] if len(run.history(k).values) > 2), None
    )
    if key is None:
        return None
    start = time.monotonic()
    cells = []
    for run in runs:
        late = time.monotonic() - start > _CURVE_SECONDS
        values = [] if late or key not in run.metrics else run.history(key).values
        cells.append(Text(sparkline(values, 10, ascii_only=not screen.unicode), style="cyan"))
    return Column(_head(key, screen), cells)


def _head(key: str, screen: Screen) -> str:
    shown = text.safe(key)
    if screen.width is None or cell_len(shown) <= _HEAD_WIDTH:
        return shown
    return screen.sign("…") + shown[-_HEAD_WIDTH + 1 :]


def _cut(shown: str, width: int, screen: Screen) -> str:
    shown = text.safe(shown)
    if screen.width is None or cell_len(shown) <= width:
        return shown
    while cell_len(shown) > width - 1:
        shown = shown[:-1]
    return shown + screen.sign("…")
