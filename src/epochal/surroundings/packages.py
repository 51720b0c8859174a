"""Installed packages and their versions, from the names of their metadata folders.

`importlib.metadata` reads and parses a file for every package, about a third of a millisecond each; the names
of the folders on `sys.path` say the same, by the specification of "recording installed projects" of
https://packaging.python.org.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def packages() -> dict[str, str]:
    """Return {normalized name: version} of what is installed; the first on `sys.path` counts."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = list(Path(folder or ".").iterdir())
        except OSError:  # a zip file, or gone
            continue
        for entry in entries:
            if entry.suffix in {".dist-info", ".egg-info"}:
                package, version = _identity(entry)
                if package and version:
                    found.setdefault(package, version)
    return dict(sorted(found.items()))


def _identity(entry: Path) -> tuple[str, str]:
    package, _, version = entry.stem.partition("-")
    if entry.suffix == ".egg-info":  # name[-version[-pyX.Y]], a folder or a file
        version = version.partition("-py")[0] or _written_version(entry)
    return re.sub(r"[-_.]+", "-", package).lower(), version


def _written_version(entry: Path) -> str:
    source = entry / "PKG-INFO" if entry.is_dir() else entry
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Version:")), "")
