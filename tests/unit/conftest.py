from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from epochal import journal, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A store of its own, without probes and samples."""
    with settings.override(store=tmp_path / "store", environment=False, system_interval=0):
        yield settings.store_root()


@pytest.fixture
def records(root: Path) -> Callable[[str], list[journal.Record]]:
    """What the journals of a run hold, file by file."""

    def read(run_id: str) -> list[journal.Record]:
        files = sorted(journal.run_folder(root, run_id).glob("*.jsonl"), key=lambda f: f.stat().st_ctime_ns)
        return [record for file in files for record in journal.read(file)]

    return read
