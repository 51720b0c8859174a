"""The metrics of one run: their values in a table, their curves in charts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from . import text
from .curves import Line, sparkline
from .layout import across
from .pictures import chart, related
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from ..store import RunView
    from ..store.views import Metric

_CURVE_POINTS = 3
_METRICS = 60
_SCANNED = 2000


def metrics(run: RunView, screen: Screen) -> RenderableType:
    """Each metric's summary value; of those with a curve its range and its shape, the best value marked."""
    found = known(run)
    everything = telling({*run.summary, *found})
    keys = everything[:_METRICS]
    left = len(everything) - len(keys)
    more = [Text(f"and {left:,} more: epochal show {run.id} --json", style=DIM)] if left else []
    if not any(found[key].count > 1 for key in keys if key in found):
        return Group(_values(run, keys, screen), *more)
    out = screen.table()
    for head in ("metric", "value", "min", "max", "points"):
        left = head == "metric"
        out.add_column(Text(head), justify="left" if left else "right", no_wrap=left, overflow="fold")
    out.add_column(Text("curve"), no_wrap=True)
    for key in keys:
        out.add_row(*_metric(run, key, found.get(key), screen))
    return Group(out, *more)


def known(run: RunView) -> dict[str, Metric]:
    """What is known of each metric that has points; of very many, of those that one wants to see first."""
    return {key: run.metric(key) for key in telling(run.keys())[:_SCANNED]}


def _metric(run: RunView, key: str, known: Metric | None, screen: Screen) -> list[Text]:
    summary = _as_number(run.summary.get(key, known.value if known else None))
    if known is None or known.count < 2 or not known.min < known.max:
        points = "" if known is None else f"{known.count:,}"
        return [
            Text(text.safe(key)),
            Text(text.single(key, summary), style="bold"),
            Text(),
            Text(),
            Text(points, style=DIM),
        ]
    value, small, large = text.numbers([summary, known.min, known.max])
    way = text.direction(key, known.goal)
    shape = run.history(key, buckets=16).mean
    return [
        Text(text.safe(key)),
        Text(value, style="bold"),
        Text(small, style=BEST if way < 0 else ""),
        Text(large, style=BEST if way > 0 else ""),
        Text(f"{known.count:,}", style=DIM),
        Text(sparkline(shape, 16, ascii_only=not screen.unicode), style="cyan"),
    ]


def _as_number(summary: Any) -> Any:
    spelled = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return spelled.get(summary, summary) if isinstance(summary, str) else summary


def _values(run: RunView, keys: list[str], screen: Screen) -> RenderableType:
    """Metrics that have one value each, with a bar for those between 0 and 1."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(no_wrap=True)
    out.add_column(justify="right", no_wrap=True, style="bold")
    out.add_column(no_wrap=True)
    for key in keys:
        value = _as_number(run.summary.get(key))
        out.add_row(Text(text.safe(key)), Text(text.single(key, value)), _bar(key, value, screen))
    return out


def _bar(key: str, value: Any, screen: Screen, width: int = 20) -> Text:
    way = text.direction(key)
    if not way or isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return Text()
    full = round(value * width)
    sign = screen.sign("━")
    bar = Text(sign * full, style="green" if way > 0 else "yellow")
    return bar.append(sign * (width - full) if screen.colour else "", style="grey23")


def telling(keys: Iterable[str]) -> list[str]:
    """Metrics in the order in which one wants to read them: held-out data, training data, the rest."""

    def rank(key: str) -> tuple[bool, bool, str]:
        return not text.direction(key), key.lower().startswith("train"), key

    return sorted(keys, key=rank)


def curves(run: RunView, screen: Screen, most: int) -> Iterator[RenderableType]:
    """Charts of the metrics that have enough points; training and validation together."""
    found = known(run)
    groups = related(telling(key for key, metric in found.items() if metric.count >= _CURVE_POINTS))
    width = min(80, (screen.columns - 2) // across(screen) - 3)
    for name, names in list(groups.items())[:most]:
        first = next(iter(names))
        lines = [Line(label, *points(run, key)) for key, label in names.items()]
        yield chart(name, lines, screen, width, 9, label_x=found[first].step_metric or "step")
    if len(groups) > most:
        more = text.count(len(groups) - most, "more chart")
        yield Text(f"and {more}: epochal plot {run.id} KEY", style=DIM)


def points(run: RunView, key: str) -> tuple[Any, Any]:
    """A metric's curve: where along its x axis (steps, or what `define_metric` said), and its values."""
    history, other = run.history(key), run.metric(key).step_metric
    if other is None or other not in run.keys():  # noqa: SIM118 - not a mapping
        return history.steps, history.values
    axis = run.history(other)
    at = dict(zip(axis.steps.tolist(), axis.values.tolist(), strict=True))
    return [at.get(step, math.nan) for step in history.steps.tolist()], history.values
