"""`epochal version`: which epochal, which Python; the quickest command, so it imports nothing."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import click

from . import base


@click.command()
@base.common
def version(*, as_json: bool) -> None:
    """Print the version."""
    from .. import __version__

    found = {
        "epochal": __version__,
        "python": platform.python_version(),
        "path": str(Path(__file__).parents[1]),
    }
    if as_json:
        base.put_json(found)
    else:
        sys.stdout.write(f"epochal {__version__} (Python {found['python']})\n")
