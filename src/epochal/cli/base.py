"""What every command has in common: `--json`, `--store`, a screen, and finding a run by what one remembers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import NotFound, StoreError
from ..terminal.text import iso, jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..store import RunView
    from ..terminal.screen import Screen

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")


def use_store(ctx: click.Context, path: str) -> None:
    """Let everything below ``ctx`` use the store at ``path``; it must be there."""
    from .. import settings

    folder = Path(path).expanduser().absolute()
    inner = folder / ".epochal"
    folder = inner if inner.is_dir() else folder
    if not folder.is_dir():
        raise StoreError(f"no store at {folder}; 'epochal init {path}' makes one")
    ctx.with_resource(settings.override(store=str(folder)))


def _store(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None and not ctx.resilient_parsing:
        use_store(ctx, path)


def common(function: F) -> F:
    """Add `--json` (passed on as ``as_json``) and `--store` to a command."""
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")(function)
    return click.option("--store", metavar="PATH", expose_value=False, is_eager=True, callback=_store,
                        help="The store to use; see 'epochal --help'.")(function)  # fmt: skip


def screen() -> Screen:
    """Standard output, as rich shall draw on it."""
    from ..terminal.screen import Screen

    return Screen.on(sys.stdout)


def put_json(data: Any) -> None:
    """Print ``data`` as JSON in ASCII; NaN and infinities as strings."""
    sys.stdout.write(json.dumps(jsonable(data), indent=2) + "\n")


def say(message: str) -> None:
    """Tell how something went, on standard error, so that a pipe gets data only."""
    click.echo(message, err=True)


def track(items: Iterable[T], doing: str, total: int | None = None) -> Iterator[T]:
    """Go through ``items`` with a progress bar on standard error once it has taken a second."""
    import time

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())  # fmt: skip
    started, shown = time.monotonic(), False
    task = bar.add_task(doing, total=total)
    try:
        for item in items:
            if not shown and time.monotonic() - started > 1.0:
                bar.start()
                shown = True
            yield item
            bar.advance(task)
    finally:
        if shown:
            bar.stop()


def find(ref: str) -> RunView:
    """The run that ``ref`` means: an id or the start of one, ``last`` (``last~1`` the one before), or a name.

    Raises `NotFound`, naming near ones, where there is no such run or more than one.
    """
    import epochal

    if ref == "last" or (ref.startswith("last~") and ref[5:].isdecimal()):
        return _recent(int(ref[5:] or 0))
    if ref.startswith("runs:/"):
        ref = ref[6:].split("/", maxsplit=1)[0]
    try:
        return epochal.run(ref)
    except NotFound as error:
        found = _named(ref)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(run.id for run in found[:5])
            message = f"{len(found)} runs are named {ref!r}; give the id of one: {ids}{', ...' if len(found) > 5 else ''}"
            raise NotFound(message) from None
        raise NotFound(_near(ref, str(error))) from None


def find_all(refs: Iterable[str]) -> list[RunView]:
    """`find` for each of ``refs``, each run once."""
    return list({run.id: run for run in map(find, refs)}.values())


def _recent(back: int) -> RunView:
    import epochal

    found = list(epochal.runs(limit=back + 1))
    if len(found) <= back:
        have = f"there are only {len(found)} runs" if found else "there are no runs yet"
        raise NotFound(f"no run last~{back}: {have}" if back else f"no last run: {have}")
    return found[back]


def _named(name: str) -> list[RunView]:
    import epochal

    return list(epochal.runs(f"name = {quoted(name)}", children=True)) if name and "\0" not in name else []


def quoted(text: str) -> str:
    """``text`` as a string of the filter language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _near(ref: str, message: str) -> str:
    import difflib

    import epochal

    recent = list(epochal.runs(limit=500, children=True))
    near = difflib.get_close_matches(ref, [run.name for run in recent if run.name], n=3)
    near += [
        run.id
        for run in recent
        if len(ref) >= 6 and difflib.SequenceMatcher(None, run.id[: len(ref)], ref).ratio() > 0.8
    ][:3]
    if near and "did you mean" not in message:
        return f"no run {ref!r}; did you mean {' or '.join(near)}?"
    return message


def brief(run: RunView) -> dict[str, Any]:
    """A run as one row of JSON; the keys are stable."""
    return {
        "id": run.id, "name": run.name, "project": run.project, "status": run.status, "created": iso(run.created),
        "ended": iso(run.ended), "duration": run.duration, "parent": run.parent, "source": run.source, "group": run.group,
        "notes": run.notes, "params": dict(run.params), "metrics": dict(run.metrics), "tags": dict(run.tags),
    }  # fmt: skip
