"""`epochal config`: every setting, its value, and where the value comes from."""

from __future__ import annotations

import click

from . import base

_WHERE = (
    "set them in epochal.toml, in [tool.epochal] of pyproject.toml, or as EPOCHAL_NAME in the environment"
)


@click.command(short_help="Show the settings and where they come from.")
@base.common
def config(*, as_json: bool) -> None:
    """Show the settings, their values and where these come from."""
    from .. import settings

    rows = settings.explain()
    if as_json:
        base.put_json({name: {"value": value, "source": source} for name, value, source in rows})
        return
    from rich.text import Text

    from ..terminal import text
    from ..terminal.screen import DIM

    screen = base.screen()
    table = screen.table()
    for title in ("setting", "value", "from"):
        table.add_column(title, overflow="fold", no_wrap=title == "setting")
    for name, value, source in rows:
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else text.value(value)
        given = source != "default"
        table.add_row(
            Text(name),
            Text(text.safe(shown), style="bold" if given else ""),
            Text(text.safe(source), style="" if given else DIM),
        )
    screen.print(table)
    if screen.terminal:
        screen.print(Text(_WHERE, style=DIM))
