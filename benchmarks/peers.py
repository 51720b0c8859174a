"""The peers' environments: each tracker in a virtual environment of its own, made once and kept.

They lie below `.nox/bench-peers/` of the repository, or where EPOCHAL_BENCH_PEERS says. A peer whose
environment cannot be made is not dropped: the table names it with the reason.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from children import HERE, Home
from trackers import PEERS, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable

CACHE = pathlib.Path(os.environ.get("EPOCHAL_BENCH_PEERS") or HERE.parent / ".nox" / "bench-peers").resolve()


def homes(names: Iterable[str]) -> tuple[dict[str, Home], dict[str, str]]:
    """Make what is missing; return the peers that are there and, for the others, why they are not."""
    there: dict[str, Home] = {}
    missing: dict[str, str] = {}
    for name in names:
        peer = PEERS[name]
        try:
            there[name] = Home(peer, _environment_of(peer))
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = f"not installed: {_reason(error)}"
    return there, missing


def _environment_of(peer: type[Tracker]) -> pathlib.Path:
    """Return the interpreter of a peer's environment; it is complete if it names the packages wanted now."""
    folder = CACHE / peer.name
    python, wanted = folder / "bin" / "python", "\n".join(peer.packages)
    stamp = folder / "installed.txt"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing {', '.join(peer.packages)} in {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    stamp.write_text(wanted)
    return python


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = [line for line in (error.stderr or "").splitlines() if line.startswith("ERROR")]
        return said[-1] if said else f"pip ended with {error.returncode}"
    return str(error)
