"""`epochal show`: everything about one run."""

from __future__ import annotations

import click

from . import base
from .complete import complete_run


@click.command(short_help="Show everything about a run.")
@click.argument("ref", metavar="[RUN]", default="last", shell_complete=complete_run)
@click.option(
    "--curves",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="Draw at most this many charts.",
)
@base.common
def show(ref: str, *, curves: int, as_json: bool) -> None:
    """Show a run: parameters, metrics, curves, tables, data, models, files.

    RUN is an id, the beginning of one, or a name; without it the newest run is shown.
    """
    run = base.find(ref)
    if as_json:
        from .full import full

        base.put_json(full(run))
        return
    from ..terminal.overview import overview

    screen = base.screen()
    screen.print(*overview(run, screen, charts=curves))
