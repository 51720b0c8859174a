"""`epochal tail`: what a run printed, and prints."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from ..terminal.text import safe, safe_lines
from . import base
from .complete import complete_run

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAUSE = 0.5


@click.command(short_help="Show what a run printed.")
@click.argument("ref", metavar="[RUN]", default="last", shell_complete=complete_run)
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="How many lines."
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only this one.")
@base.common
def tail(ref: str, *, lines: int, follow: bool, stream: str | None, as_json: bool) -> None:
    """Show the end of what a run printed, if it was started with console=True."""
    run = base.find(ref)
    if as_json:
        base.put_json({"id": run.id, "status": run.status, "text": run.console(stream)})
        return
    text = run.console(stream)
    if not text and not follow:
        base.say(f"{safe(run.name)} kept nothing of what it printed; start_run(console=True) does")
    _write(_settled(text)[-lines:] if lines else [])
    while follow and run.status == "running":
        time.sleep(_PAUSE)
        run = base.find(run.id)
        later = run.console(stream)
        _write(_settled(later)[len(_settled(text)) :])
        text = later


def _settled(text: str) -> list[str]:
    """Lines as they stood in the end: of what a progress bar wrote over itself, the last state."""
    whole = text[: text.rfind("\n") + 1] if "\n" in text else text
    return (
        [line.rstrip("\r").rpartition("\r")[2] for line in whole.removesuffix("\n").split("\n")]
        if whole
        else []
    )


def _write(lines: Sequence[str]) -> None:
    screen = base.screen()
    for line in lines:
        sys.stdout.write(screen.spell(safe_lines(line)[0]) + "\n")
    sys.stdout.flush()
