"""One run at a glance: what it was, what it had, what came out, and how to get its models back."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import text
from .curves import Line, sparkline
from .pictures import chart, related, side_by_side
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from ..store import RunView

_CHART_WIDTH = 58
_CHARTS = 6
_CURVE_POINTS = 3
_ROWS = 12


def overview(run: RunView, screen: Screen, *, charts: int = _CHARTS) -> Iterator[RenderableType]:
    """The sections of a run's page, from top to bottom; sections without content are left out."""
    yield title(run, screen)
    yield indented(facts(run, screen))
    failed = failure(run)
    if failed is not None:
        yield from section("Error", failed)
    if run.notes:
        yield from section("Notes", Text("\n".join(text.safe_lines(run.notes, 4000))))
    if run.params:
        yield from section("Parameters", grid(run.params, screen))
    if run.metrics:
        yield from section("Metrics", metrics(run, screen))
    pictures = list(curves(run, screen, charts)) if charts else []
    if pictures:
        across = max(1, min(3, (screen.columns - 2) // (_CHART_WIDTH // 2 * 2 - 10)))
        yield from section("Curves", side_by_side(pictures, across))
    from .contents import contents

    yield from contents(run, screen)
    yield Text()


def title(run: RunView, screen: Screen) -> RenderableType:
    """The run's name, id and status."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append_text(screen.status(run.status, word=False))
    line.append(f" {text.safe(run.name or 'unnamed')}", style="bold")
    line.append(f"  {run.id}", style=DIM)
    return line


def indented(thing: RenderableType) -> RenderableType:
    """A section's body, two spaces in."""
    return Padding(thing, (0, 0, 0, 2), expand=False)


def section(name: str, *body: RenderableType) -> Iterator[RenderableType]:
    """A heading and what stands under it."""
    yield Text()
    yield Text(name, style="bold")
    yield from (indented(thing) for thing in body)


def pairs(rows: list[tuple[str, Text | str]]) -> Table:
    """Names and values in two columns."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(style=DIM, no_wrap=True)
    out.add_column(overflow="fold")
    for name, shown in rows:
        out.add_row(Text(text.safe(name)), shown if isinstance(shown, Text) else Text(shown))
    return out


def part(found: Any, *path: str) -> Any:
    """What lies at ``path`` in nested mappings or objects; None where it ends early."""
    for name in path:
        found = found.get(name) if hasattr(found, "get") else getattr(found, name, None)
        if found is None:
            return None
    return found


def facts(run: RunView, screen: Screen) -> RenderableType:
    """Status, project, times, command, commit, machine, tags."""
    rows: list[tuple[str, Text | str]] = [
        ("status", screen.status(run.status)),
        ("project", text.safe(run.project or "-")),
    ]
    for name in ("group", "job_type", "source", "parent"):
        if getattr(run, name, None):
            rows.append((name.replace("_", " "), text.safe(getattr(run, name))))
    rows.append(("created", f"{text.local(run.created)} ({text.ago(run.created, time.time())})"))
    rows.append(("duration", text.duration(run.duration)))
    environment, git = run.note("environment") or {}, run.note("git") or {}
    rows += [(name, shown) for name, shown in _surroundings(environment, git) if shown]
    if run.tags:
        rows.append(("tags", _tags(run.tags)))
    children = len(run.children)
    if children:
        rows.append(
            ("children", f"{text.count(children, 'run')}; epochal runs \"parent = '{run.id}'\" --children")
        )
    return pairs(rows)


def _tags(tags: Mapping[str, Any]) -> Text:
    out = Text()
    for key, value in tags.items():
        out.append(
            text.safe(key) + (f"={text.value(value)}" if value not in {"", None} else "") + "  ", style="cyan"
        )
    return out


def _surroundings(environment: Any, git: Any) -> Iterator[tuple[str, str]]:
    command = part(environment, "command")
    if command:
        yield (
            "command",
            text.safe(" ".join(map(str, command)) if isinstance(command, (list, tuple)) else command, 300),
        )
    commit = part(git, "commit")
    if commit:
        branch = part(git, "branch")
        dirty = part(git, "dirty")
        yield (
            "git",
            text.safe(
                f"{str(commit)[:12]}{f' on {branch}' if branch else ''}{', with uncommitted changes' if dirty else ''}"
            ),
        )
    yield "host", text.safe(", ".join(str(x) for x in _machine(environment) if x))


def _machine(environment: Any) -> Iterator[str]:
    yield (
        part(environment, "host", "name") or part(environment, "hostname") or part(environment, "host") or ""
    )
    python = part(environment, "python", "version") or part(environment, "python")
    yield f"Python {str(python).split()[0]}" if python else ""
    yield part(environment, "platform") or ""


def failure(run: RunView) -> RenderableType | None:
    """What ended the run, with the end of its traceback; None if nothing did."""
    error = run.error
    if not error:
        return (
            Text("the process died before the run ended", style="magenta")
            if run.status == "crashed"
            else None
        )
    if isinstance(error, str):
        return Text("\n".join(text.safe_lines(error, 4000)), style="red")
    lines = text.safe_lines(part(error, "traceback") or "", 20_000)
    shown = [Text(line, style=DIM) for line in lines[-_ROWS:] if line.strip()]
    head = Text(
        f"{text.safe(part(error, 'type') or 'error')}: {text.safe(part(error, 'text') or '', 2000)}",
        style="red",
    )
    return Group(head, *shown)


def grid(values: Mapping[str, Any], screen: Screen, most: int | None = None) -> RenderableType:
    """Names and values in as many columns as fit, read downwards; a very long value gets what is left of its line."""
    rows = [(text.safe(key), text.value(value)) for key, value in values.items()]
    left = max(0, len(rows) - most) if most else 0
    rows = rows[:most] if most else rows
    if screen.width is None:
        return pairs([(key, value) for key, value in rows])
    wide = (
        max((len(key) for key, _ in rows), default=0),
        min(28, max((len(value) for _, value in rows), default=0)),
    )
    each = sum(wide) + 6
    across = max(1, min(4, (screen.width - 2) // each, math.ceil(len(rows) / 4)))
    down = math.ceil(len(rows) / across)
    out = Table.grid(padding=(0, 4 if across > 1 else 0, 0, 0))
    for _ in range(across):
        out.add_column(no_wrap=across > 1)
    blocks = [rows[i * down : (i + 1) * down] for i in range(across)]
    cut = wide[1] if across > 1 else 10_000
    out.add_row(*(pairs([(key, _short(value, cut, screen)) for key, value in block]) for block in blocks))
    return Group(out, Text(f"and {left} more", style=DIM)) if left else out


def _short(shown: str, width: int, screen: Screen) -> str:
    return shown if len(shown) <= width else shown[: width - 1] + screen.sign("…")


def metrics(run: RunView, screen: Screen) -> RenderableType:
    """Each metric's summary value; of those with a curve its range and its shape, the best value marked."""
    series = {key: run.history(key) for key in run.keys()}  # noqa: SIM118 - not a mapping
    keys = list(dict.fromkeys([*run.metrics, *series]))
    curved = any(len(one.values) > 1 for one in series.values())
    if not curved:
        return _values(run, keys, screen)
    out = screen.table()
    for head in ("metric", "value", "min", "max", "points"):
        out.add_column(
            Text(head), justify="left" if head == "metric" else "right", no_wrap=True, overflow="fold"
        )
    out.add_column(Text("curve"), no_wrap=True)
    for key in keys:
        values = series[key].values if key in series else ()
        out.add_row(*_metric(key, run.metrics.get(key), values, screen))
    return out


def _metric(key: str, summary: Any, values: Any, screen: Screen) -> list[Text]:
    finite = [float(v) for v in (values if len(values) < 100_000 else ()) if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else _range(values)
    many = len(values) > 1 and low is not None and low != high
    value, small, large = text.numbers([_as_number(summary), low, high])
    way = text.direction(key) if many else 0
    return [
        Text(text.safe(key)), Text(value, style="bold"), Text(small if many else "", style=BEST if way < 0 else ""),
        Text(large if many else "", style=BEST if way > 0 else ""), Text(str(len(values)) if len(values) else "", style=DIM),
        Text(sparkline(values, 16, ascii_only=not screen.unicode) if many else "", style="cyan"),
    ]  # fmt: skip


def _range(values: Any) -> tuple[float | None, float | None]:
    if not len(values):
        return None, None
    import numpy as np

    found = np.asarray(values)
    found = found[np.isfinite(found)]
    return (float(found.min()), float(found.max())) if len(found) else (None, None)


def _as_number(summary: Any) -> Any:
    spelled = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return spelled.get(summary, summary) if isinstance(summary, str) else summary


def _values(run: RunView, keys: list[str], screen: Screen) -> RenderableType:
    """Metrics that have one value each, with a bar for those between 0 and 1."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column(no_wrap=True, style=DIM)
    out.add_column(justify="right", no_wrap=True, style="bold")
    out.add_column(no_wrap=True)
    found = [_as_number(run.metrics.get(key)) for key in keys]
    for key, value in zip(keys, found, strict=True):
        out.add_row(Text(text.safe(key)), Text(text.number(value)), _bar(key, value, screen))
    return out


def _bar(key: str, value: Any, screen: Screen, width: int = 20) -> Text:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value <= 1
        or not text.direction(key)
    ):
        return Text()
    full = round(value * width)
    colour = "green" if text.direction(key) > 0 else "yellow"
    sign = screen.sign("━")
    return Text(sign * full, style=colour).append(
        sign * (width - full) if screen.colour else "", style="grey23"
    )


def curves(run: RunView, screen: Screen, most: int) -> Iterator[RenderableType]:
    """Charts of the metrics that have enough points; training and validation together."""
    series = {key: run.history(key) for key in run.keys()}  # noqa: SIM118 - not a mapping
    groups = related(key for key, one in series.items() if len(one.values) >= _CURVE_POINTS)
    across = max(1, min(3, (screen.columns - 2) // (_CHART_WIDTH // 2 * 2 - 10)))
    width = min(80, (screen.columns - 2) // across - 3)
    for name, names in list(groups.items())[:most]:
        lines = [Line(label, series[key].steps, series[key].values) for key, label in names.items()]
        yield chart(name, lines, screen, width, 9)
    if len(groups) > most:
        yield Text(
            f"and {text.count(len(groups) - most, 'more curve')}: epochal plot {run.id} KEY", style=DIM
        )
