"""Tidying: delete (to a bin), undelete, purge (for good), rename, tag and annotate finished runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..terminal.text import count, safe
from . import base
from .complete import complete_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..store import RunView

_RUNS = click.argument("refs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
_RUN = click.argument("ref", metavar="RUN", shell_complete=complete_run)
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command()
@_RUNS
@base.common
def delete(refs: tuple[str, ...], *, as_json: bool) -> None:
    """Put runs into the bin; 'undelete' brings them back."""
    _each(
        base.find_all(refs),
        lambda run: run.delete(),
        "deleted",
        as_json=as_json,
        after="'epochal runs undelete' brings them back",
    )


@click.command(short_help="Delete runs; they can be undeleted.")
@_RUNS
@_YES
@base.common
def rm(refs: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Put runs into the bin, after asking; 'epochal runs undelete' brings them back."""
    found = base.find_all(refs)
    if not yes:
        _ask(found, "Delete")
    _each(
        found,
        lambda run: run.delete(),
        "deleted",
        as_json=as_json,
        after="'epochal runs undelete' brings them back",
    )


@click.command()
@_RUNS
@base.common
def undelete(refs: tuple[str, ...], *, as_json: bool) -> None:
    """Bring deleted runs back."""
    _each(base.find_all(refs), lambda run: run.undelete(), "undeleted", as_json=as_json)


@click.command()
@click.argument("refs", metavar="RUN...", nargs=-1, shell_complete=complete_run)
@click.option("--deleted", is_flag=True, help="Purge every run that is in the bin.")
@_YES
@base.common
def purge(refs: tuple[str, ...], *, deleted: bool, yes: bool, as_json: bool) -> None:
    """Remove runs for good; files that they logged stay, as other runs may have them too."""
    if deleted == bool(refs):
        raise click.UsageError("name the runs to purge, or give --deleted for all that are in the bin")
    found = list(base.store().runs(deleted=True, children=True)) if deleted else base.find_all(refs)
    if found and not yes:
        _ask(found, "Remove for good")
    _each(found, lambda run: run.purge(), "purged", as_json=as_json)


@click.command()
@_RUN
@click.argument("name")
@base.common
def rename(ref: str, name: str, *, as_json: bool) -> None:
    """Give a run another name."""
    if not name.strip():
        raise click.UsageError("a name cannot be empty")
    _each([base.find(ref)], lambda run: run.rename(name), "renamed", as_json=as_json)


@click.command()
@_RUN
@click.argument("tags", metavar="TAG|KEY=VALUE|KEY-...", nargs=-1, required=True)
@base.common
def tag(ref: str, tags: tuple[str, ...], *, as_json: bool) -> None:
    """Set tags of a run; KEY- removes one.

    \b
    epochal runs tag last baseline team=vision
    epochal runs tag last -- baseline-
    """  # noqa: D301 - click's sign for lines that shall stay as they are
    values: dict[str, str | None] = {}
    for one in tags:
        key, equals, value = one.partition("=")
        if not key.strip("-"):
            raise click.UsageError(f"{one!r} is no tag; write KEY, KEY=VALUE or KEY-")
        if not equals and key.endswith("-"):
            values[key[:-1]] = None
        else:
            values[key] = value
    _each([base.find(ref)], lambda run: run.set_tags(values), "tagged", as_json=as_json)


@click.command(short_help="Set or show the notes of a run.")
@_RUN
@click.argument("text", required=False)
@base.common
def notes(ref: str, text: str | None, *, as_json: bool) -> None:
    """Set the notes of a run; without TEXT, show them; '-' reads them from standard input."""
    run = base.find(ref)
    if text is None:
        if as_json:
            base.put_json({"id": run.id, "notes": run.notes})
        else:
            _show_notes(run.notes)
        return
    content = sys.stdin.read() if text == "-" else text
    _each([run], lambda one: one.set_notes(content), "annotated", as_json=as_json)


def _show_notes(text: str | None) -> None:
    from rich.text import Text

    from ..terminal.text import safe_lines

    base.screen().print(*(Text(line) for line in safe_lines(text or "")))


def _ask(found: list[RunView], doing: str) -> None:
    for run in found[:10]:
        base.say(f"  {run.id}  {safe(run.name or '')}  {run.status}")
    if len(found) > 10:
        base.say(f"  and {len(found) - 10} more")
    click.confirm(f"{doing} {count(len(found), 'run')}?", abort=True, err=True)


def _each(
    found: list[RunView], act: Callable[[RunView], Any], done: str, *, as_json: bool, after: str = ""
) -> None:
    for run in base.track(found, done):
        act(run)
    if as_json:
        base.put_json({done: [run.id for run in found]})
        return
    names = f": {safe(found[0].name or found[0].id)}" if len(found) == 1 else ""
    base.say(f"{done} {count(len(found), 'run')}{names}{f' ({after})' if after else ''}")
