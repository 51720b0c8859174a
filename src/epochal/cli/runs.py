"""`epochal runs`: list runs; and, as subcommands, tidy them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..terminal.text import count, safe
from . import base, manage, unknown
from .complete import complete_filter, complete_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import RunView, Store

_SHOWN = 20
_BEGIN = "put 'import epochal; epochal.autolog()' at the top of a training script and run it"


class RunsGroup(click.Group):
    """A group whose first argument may be a filter as well as a subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default subcommand in front, unless one is named."""
        if not ctx.resilient_parsing or args:
            first = args[0] if args else ""
            if first not in self.commands and first not in {"-h", "--help"}:
                args = ["list", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show both ways of use."""
        return ["[OPTIONS] [FILTER]", "| COMMAND RUN..."]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options of the list, then the subcommands."""
        options = [
            param for param in self.commands["list"].get_params(ctx) if isinstance(param, click.Option)
        ]
        with formatter.section("Options"):
            formatter.write_dl([row for param in options if (row := param.get_help_record(ctx))])
        self.format_commands(ctx, formatter)


@click.group(
    "runs",
    cls=RunsGroup,
    short_help="List runs; or delete, rename, tag, annotate them.",
    invoke_without_command=False,
)
def runs() -> None:
    """List runs, newest first; FILTER picks some of them.

    \b
    epochal runs "metrics.accuracy > 0.9 and params.model = 'rf'"
    epochal runs "status = 'failed' order by created desc" --project iris
    epochal runs --sort metrics.loss --columns id,name,metrics.loss,params.lr
    """  # noqa: D301 - click's sign for lines that shall stay as they are


@runs.command("list", hidden=True)
@click.argument("filter_", metavar="[FILTER]", required=False, default="", shell_complete=complete_filter)
@click.option("-p", "--project", help="Only runs of this project.", shell_complete=complete_project)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), help=f"Show at most this many.  [default: {_SHOWN}]"
)
@click.option("-a", "--all", "everything", is_flag=True, help="Show every run, however many.")
@click.option("--children", is_flag=True, help="Include the runs that belong to another run.")
@click.option("--deleted", is_flag=True, help="Show deleted runs instead, which can be undeleted.")
@click.option(
    "-s",
    "--sort",
    metavar="KEY",
    help="Sort by a field, as in the filter; a metric with its best first, '-KEY' descending.",
)
@click.option(
    "-c",
    "--columns",
    metavar="A,B,...",
    help="Columns to show: name, id, status, params.X, metrics.X, tags.X, ...",
)
@base.common
def list_runs(
    filter_: str,
    project: str | None,
    limit: int | None,
    *,
    everything: bool,
    children: bool,
    deleted: bool,
    sort: str | None,
    columns: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first; FILTER picks some of them."""
    from ..store.filters import parse

    if sort:
        filter_ = f"{filter_} order by {_order(sort)}".strip()
    own = parse(filter_).limit is not None
    most = limit if limit or everything or as_json or own else _SHOWN
    store = base.store()
    found = store.runs(filter_, project=project, children=children, deleted=deleted, limit=most)
    shown = list(found)
    if as_json:
        base.put_json([base.brief(run) for run in shown])
        return
    if not shown:
        base.say(_nothing(store, found.hint, project, filtered=bool(filter_ or project or deleted)))
        return
    names = _names(columns)
    total = len(store.runs(filter_, project=project, children=children, deleted=deleted))
    _draw(shown, names, total)


def _names(columns: str | None) -> list[str]:
    from ..terminal.columns import OWN

    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    for name in names:
        if name not in OWN and not name.startswith(("params.", "metrics.", "tags.")):
            raise click.UsageError(unknown("column", name, [*OWN, "params.X", "metrics.X", "tags.X"]))
    return names


def _order(sort: str) -> str:
    """`--sort`'s key in the words of the filter grammar."""
    from ..terminal.text import direction

    key, _, way = sort.strip().partition(" ")
    if key.startswith("-"):
        return f"{key[1:]} desc"
    if way or not key.startswith("metrics."):
        return sort
    return f"{key} desc" if direction(key) > 0 else f"{key} asc"


def _draw(shown: Sequence[RunView], columns: Sequence[str], total: int) -> None:
    from ..terminal.runs import lines, table
    from ..terminal.screen import dim

    screen = base.screen()
    if screen.width is None:
        sys.stdout.writelines(screen.spell(line) + "\n" for line in lines(shown, screen, columns))
    else:
        screen.print(table(shown, screen, columns), dim(_foot(len(shown), total, screen.sign("·"))))


def _nothing(store: Store, hint: str, project: str | None, *, filtered: bool) -> str:
    if project is not None and project not in store.projects():
        hint = unknown("project", project, list(store.projects()))
    if filtered:
        return f"no run matches{f'; {safe(hint)}' if hint else ''}"
    return f"no runs yet in {store.root}; {_BEGIN}"


def _foot(shown: int, total: int, sign: str) -> str:
    if total > shown:
        return f"{shown:,} of {count(total, 'run')} {sign} 'epochal runs --all' shows all of them"
    return f"{count(total, 'run')} {sign} 'epochal show ID' shows one, 'epochal compare ID ID' what differs"


for command in (manage.delete, manage.undelete, manage.purge, manage.rename, manage.tag, manage.notes):
    runs.add_command(command)
