"""One run at a glance: what it was, what it had, what came out, and how to get its models back."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from . import text
from .contents import contents
from .layout import across, grid, indented, listed, pairs, part, section
from .load import load
from .metrics import curves, metrics
from .pictures import side_by_side
from .screen import DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from ..store import RunView

_CHARTS = 6
_ROWS = 12
_PARAMS = 200


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
    for gpu in listed(part(environment, "gpus")):
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
