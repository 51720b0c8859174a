"""`epochal init`: keep the runs of a folder, and of all below it, in that folder."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import StoreError
from ..terminal.text import safe
from . import base

_IGNORE = "# made by epochal init: runs stay out of version control\n*\n"


@click.command(short_help="Make a store in a folder.")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False))
@base.common
def init(folder: str, *, as_json: bool) -> None:
    """Make a store, .epochal/, in DIR; what runs there or below keeps its runs in it."""
    root = Path(folder).expanduser().absolute() / ".epochal"
    made = not root.is_dir()
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        root.chmod(0o700)
        ignore = root / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot make a store at {root} ({error.strerror}); choose a folder that you can write to"
        ) from error
    if as_json:
        base.put_json({"store": str(root), "made": made})
    else:
        sys.stdout.write(f"{'made' if made else 'there is already'} the store {safe(root, 0)}\n")
