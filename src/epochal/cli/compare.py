"""`epochal compare`: what differs between runs."""

from __future__ import annotations

from typing import Any

import click

from . import base
from .complete import complete_run


@click.command(short_help="Show what differs between runs.")
@click.argument("refs", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("-a", "--all", "everything", is_flag=True, help="Show what is equal, too.")
@base.common
def compare(refs: tuple[str, ...], *, everything: bool, as_json: bool) -> None:
    """Show what differs between runs: parameters, metrics, tags, environment."""
    runs = base.find_all(refs)
    if len(runs) < 2:
        raise click.UsageError("name at least two different runs")
    from ..terminal.compared import compared, comparison

    if as_json:
        found = compared(runs, everything=everything)
        ids = [run.id for run in runs]
        base.put_json({"runs": ids} | {section: _by_run(ids, rows) for section, rows in found.items()})
        return
    screen = base.screen()
    things: list[Any] = list(comparison(runs, screen, everything=everything))
    screen.print(*things)


def _by_run(ids: list[str], rows: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    from ..terminal.compared import ABSENT

    present = {key: zip(ids, row, strict=True) for key, row in rows.items()}
    return {key: {run: value for run, value in row if value is not ABSENT} for key, row in present.items()}
