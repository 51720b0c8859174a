"""Changing runs that may have ended long ago: by adding to their journals, or by deleting those."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
from typing import TYPE_CHECKING, Any

from epochal import events, journal
from epochal.errors import StoreError

from . import settle

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


def append(root: Path, run_id: str, kind: str, data: dict[str, Any]) -> None:
    """Add a record to a run, whatever its state, in a journal of its own."""
    user = ""
    with contextlib.suppress(KeyError, OSError):
        user = getpass.getuser()
    host = os.uname().nodename
    start = events.Start(run=run_id, writer="", attach=True, host=host, pid=os.getpid(), user=user)
    try:
        writer = journal.Writer(root, start)
    except OSError as error:
        raise StoreError(
            f"cannot change run {run_id}: {root} cannot be written ({error.strerror})"
        ) from error
    writer.write(kind, data)
    writer.close()
    if writer.dropped:
        raise StoreError(f"cannot change run {run_id}: {writer.path} cannot be written")


def purge(connection: Connection, root: Path, run_id: str) -> None:
    """Delete a run for good: journals, markers, rows.  The files it logged stay in the object store.

    Raises `StoreError` while the run is being written, and where its files cannot be deleted.
    """
    folder = journal.run_folder(root, run_id)
    if any(journal.is_alive(path) for path in folder.glob("*.jsonl")):
        raise StoreError(f"run {run_id} is being written; end it first")
    settle.forget(connection, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise StoreError(f"cannot delete {folder}")
    for marker in (root / "live").glob(f"{run_id}.*"):
        marker.unlink(missing_ok=True)
