"""Finding one run by what a user remembers of it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from epochal.errors import NotFound

from . import schema

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_run = schema.run.c
_HEXADECIMAL = frozenset("0123456789abcdef")


def find(connection: Connection, root: Path, name: str) -> int:
    """The number of the run with this id, with an id that begins so, or else with this name.

    Raises `NotFound`, naming the runs that it could be or that are close.
    """
    found = _by_id(connection, name.strip().lower().replace("-", "")) or _by_name(connection, name)
    if len(found) == 1:
        return int(found[0][0])
    if found:
        some = ", ".join(f"{row[1]} ({row[2]})" for row in found[:5])
        more = ", ..." if len(found) > 5 else ""
        raise NotFound(f"{name!r} is more than one run: {some}{more}; give more of the id")
    raise NotFound(_not_found(connection, root, name))


def _by_id(connection: Connection, text: str) -> list[Any]:
    if not text or not set(text) <= _HEXADECIMAL:
        return []
    query = select(_run.id, _run.uuid, _run.name).where(_run.uuid >= text, _run.uuid < text + "g")
    return list(connection.execute(query.limit(6)))


def _by_name(connection: Connection, name: str) -> list[Any]:
    query = select(_run.id, _run.uuid, _run.name).where(_run.name == name).order_by(_run.created.desc())
    return list(connection.execute(query.limit(6)))


def _not_found(connection: Connection, root: Path, name: str) -> str:
    query = select(_run.uuid, _run.name).order_by(_run.created.desc()).limit(1000)
    latest = connection.execute(query).all()
    near = difflib.get_close_matches(name, [part for row in latest for part in row], 3)
    if near:
        return f"no run {name!r} in {root}; did you mean {' or '.join(near)}?"
    if not latest:
        return f"no run {name!r}: the store {root} has no runs yet"
    some = ", ".join(f"{row[0][:12]} ({row[1]})" for row in latest[:3])
    return f"no run {name!r} in {root}; the latest are {some}"
