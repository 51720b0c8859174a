"""What every command has in common: `--json`, `--store`, a screen, and finding a run."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import NotFound, StoreError
from ..terminal.text import iso, jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..store import RunView, Store
    from ..terminal.screen import Screen

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")

_LAST = re.compile(r"last(?:~(\d{1,6}))?")
_PATIENCE = 1.0


def use_store(ctx: click.Context, path: str) -> None:
    """Let everything below ``ctx`` use the store at ``path``; it must be there."""
    from .. import settings

    folder = Path(path).expanduser().absolute()
    inner = folder / ".epochal"
    folder = inner if inner.is_dir() else folder
    if not folder.is_dir() or not _looks_like_a_store(folder):
        raise StoreError(f"no store at {folder}; 'epochal init {path}' makes one there")
    ctx.with_resource(settings.override(store=str(folder)))


def _looks_like_a_store(folder: Path) -> bool:
    """Whether runs were kept in it, or may be; a folder of other things is nobody's store."""
    return any((folder / part).exists() for part in ("runs", "epochal.db", ".gitignore")) or not any(
        folder.iterdir()
    )


def _store(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None and not ctx.resilient_parsing:
        use_store(ctx, path)


def common(function: F) -> F:
    """Add `--json` (passed on as ``as_json``) and `--store` to a command."""
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")(function)
    return click.option(
        "--store",
        metavar="PATH",
        type=click.Path(),
        expose_value=False,
        is_eager=True,
        callback=_store,
        help="The store to use; see 'epochal --help'.",
    )(function)


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


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, total); a bar shows on standard error once it has taken a second."""
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        bar: list[Callable[[int, int], None]] = []

        def tell(done: int, total: int) -> None:
            if not bar and sys.stderr.isatty() and time.monotonic() - started > _PATIENCE:
                bar.append(_bar(doing, stack))
            for show in bar:
                show(done, total)

        yield tell


def _bar(doing: str, stack: contextlib.ExitStack) -> Callable[[int, int], None]:
    """A bar that stays until ``stack`` is left; rich is imported only for whoever has to wait."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = stack.enter_context(Progress(*parts, console=Console(stderr=True), transient=True))
    task = bar.add_task(doing, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def track(items: Sequence[T], doing: str) -> Iterator[T]:
    """Go through ``items`` with a progress bar on standard error once it has taken a second."""
    with progress(doing) as tell:
        for number, item in enumerate(items):
            tell(number, len(items))
            yield item
            tell(number + 1, len(items))


def store() -> Store:
    """The store of the settings, caught up with its journals; with a progress bar if that takes a while."""
    from ..store import Store

    found = Store.open(catch_up=False)
    with progress("reading journals") as tell:
        found.catch_up(tell)
    return found


def find(ref: str) -> RunView:
    """The run that ``ref`` means: an id or the start of one, a name, or ``last`` (``last~1`` the one before).

    Raises `NotFound`, naming near ones, where there is no such run or more than one.
    """
    back = _LAST.fullmatch(ref)
    if back:
        return _recent(int(back[1] or 0))
    return store().run(ref.removeprefix("runs:/").partition("/")[0] if ref.startswith("runs:/") else ref)


def find_all(refs: Iterable[str]) -> list[RunView]:
    """`find` for each of ``refs``, each run once."""
    return list({run.id: run for run in map(find, refs)}.values())


def _recent(back: int) -> RunView:
    found = list(store().runs(limit=back + 1))
    if len(found) <= back:
        have = f"there are only {len(found)}" if found else f"the store {store().root} has no runs yet"
        raise NotFound(f"no run last~{back}: {have}" if back else f"no last run: {have}")
    return found[back]


def brief(run: RunView) -> dict[str, Any]:
    """A run as one row of JSON; the keys are stable."""
    return {
        "id": run.id,
        "name": run.name,
        "project": run.project,
        "status": run.status,
        "created": iso(run.created),
        "ended": iso(run.ended),
        "duration": run.duration,
        "parent": run.parent,
        "source": run.source,
        "group": run.group,
        "notes": run.notes,
        "params": dict(run.params),
        "metrics": dict(run.metrics),
        "tags": dict(run.tags),
    }
