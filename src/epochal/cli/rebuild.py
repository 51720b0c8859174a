"""`epochal rebuild`: make the index anew from the journals, which are the truth."""

from __future__ import annotations

import sys
import time

import click

from ..terminal.text import count, duration
from . import base


@click.command(short_help="Make the index anew from the journals.")
@base.common
def rebuild(*, as_json: bool) -> None:
    """Make the store's index anew from the journals; nothing that was logged is lost by it."""
    from ..store import Store

    started = time.perf_counter()
    store = Store.open(catch_up=False)
    with base.progress("reading journals") as tell:
        store.rebuild(tell)
    took, found = time.perf_counter() - started, store.status()
    if as_json:
        base.put_json({"seconds": took} | found)
        return
    amount = f"{count(found['runs'], 'run')}, {count(found['points'], 'point')}"
    sys.stdout.write(
        f"made the index anew from {count(found['journals'], 'journal')}: {amount}, in {duration(took)}\n"
    )
    if found["damage"]:
        base.say(
            f"{count(len(found['damage']), 'journal')} had lines that could not be read; see 'epochal doctor'"
        )
