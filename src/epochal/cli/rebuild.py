"""`epochal rebuild`: make the index anew from the journals, which are the truth."""

from __future__ import annotations

import time

import click

from . import base


@click.command()
@base.common
def rebuild(*, as_json: bool) -> None:
    """Make the store's index anew from the journals; nothing that was logged is lost by it."""
    from .. import store

    started = time.perf_counter()
    with base.progress("reading journals") as tell:
        found = store.Store.open(catch_up=False).rebuild(tell)
    took = time.perf_counter() - started
