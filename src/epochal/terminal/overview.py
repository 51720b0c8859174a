"""One run at a glance: what it was, what it had, what came out, and how to get its models back."""

from __future__ import annotations

import math
import shlex
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
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from ..store import RunView
    from ..store.views import Metric

_CHART_WIDTH = 48
_CHARTS = 6
_CURVE_POINTS = 3
_ROWS = 12
_LONG = 300
_METRICS = 60
_PARAMS = 200
_SCANNED = 2000


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
        yield from section("Parameters", grid(run.params, screen, _PARAMS))
    if run.metrics:
        yield from section("Metrics", metrics(run, screen))
    pictures = list(curves(run, screen, charts)) if charts else []
    if pictures:
        yield from section("Curves", side_by_side(pictures, across(screen)))
    from .contents import contents
    from .load import load

    yield from contents(run, screen)
    course = load(run.system(), screen)
    if course is not None:
        yield from section("Load", course)
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
    own = ((name, getattr(run, name)) for name in ("group", "job_type", "source", "parent"))
    rows += [(name.replace("_", " "), text.safe(value)) for name, value in own if value]
    rows.append(("created", f"{text.local(run.created)} ({text.ago(run.created, time.time())})"))
    rows.append(("duration", text.duration(run.duration)))
    environment, git = run.note("environment") or {}, run.note("git") or {}
    rows += [(name, shown) for name, shown in _surroundings(environment, git) if shown]
    if run.damage:
        lost = text.count(run.damage.lines, "line"), text.count(run.damage.missing, "record")
        said = f"{lost[0]} could not be read, {lost[1]} missing"
        rows.append(("damage", Text(said, style="red")))
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
            text.safe(shlex.join(map(str, command)) if isinstance(command, list) else command, 300),
        )
    commit = part(git, "commit")
    if commit:
        branch, dirty = part(git, "branch"), part(git, "dirty")
        where = f"{str(commit)[:12]}{f' on {branch}' if branch else ''}"
        yield "git", text.safe(where + (", with uncommitted changes" if dirty else ""))
    machine = ", ".join(str(fact) for fact in _machine(environment) if fact)
    if machine:
        yield "ran on", text.safe(machine)


def _machine(environment: Any) -> Iterator[str]:
    yield part(environment, "host") or ""
    python = part(environment, "python", "version")
    yield f"Python {python}" if python else ""
    cpus, memory = part(environment, "cpu", "count"), part(environment, "memory", "total")
    yield text.count(cpus, "CPU") if isinstance(cpus, int) else ""
    yield f"{text.size(memory)} memory" if isinstance(memory, int) else ""
    for gpu in part(environment, "gpus") or ():
        yield str(part(gpu, "name") or gpu)
    yield str(part(environment, "platform") or "").partition(",")[0]


def failure(run: RunView) -> RenderableType | None:
    """What ended the run, with the end of its traceback; None if nothing did."""
    error = run.error
    if not error:
        return (
            Text("the process died before the run ended", style="magenta")
            if run.status == "crashed"
            else None
        )
    lines = text.safe_lines(part(error, "traceback") or "", 20_000)
    shown = [Text(line, style=DIM) for line in lines[-_ROWS:] if line.strip()]
    kind, said = str(part(error, "type") or "error"), str(part(error, "text") or "")
    head = said if said.startswith(kind) else f"{kind}: {said}"
    return Group(Text(text.safe(head, 2000), style="red"), *shown)


def grid(values: Mapping[str, Any], screen: Screen, most: int | None = None) -> RenderableType:
    """Names and values in as many columns as fit, read downwards."""
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
    beside = max(1, min(4, (screen.width - 2) // each, math.ceil(len(rows) / 4)))
    down = math.ceil(len(rows) / beside)
    out = Table.grid(padding=(0, 4 if beside > 1 else 0, 0, 0))
    for _ in range(beside):
        out.add_column(no_wrap=beside > 1)
    blocks = [rows[i * down : (i + 1) * down] for i in range(beside)]
    cut = wide[1] if beside > 1 else _LONG
    out.add_row(*(pairs([(key, _short(value, cut, screen)) for key, value in block]) for block in blocks))
    return Group(out, Text(f"and {left} more", style=DIM)) if left else out


def _short(shown: str, width: int, screen: Screen) -> str:
    return shown if len(shown) <= width else shown[: width - 1] + screen.sign("…")


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


def across(screen: Screen) -> int:
    """How many charts fit side by side."""
    return max(1, min(3, (screen.columns - 2) // _CHART_WIDTH))


def points(run: RunView, key: str) -> tuple[Any, Any]:
    """A metric's curve: where along its x axis (steps, or what `define_metric` said), and its values."""
    history, other = run.history(key), run.metric(key).step_metric
    if other is None or other not in run.keys():  # noqa: SIM118 - not a mapping
        return history.steps, history.values
    axis = run.history(other)
    at = dict(zip(axis.steps.tolist(), axis.values.tolist(), strict=True))
    return [at.get(step, math.nan) for step in history.steps.tolist()], history.values
