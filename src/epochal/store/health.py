"""What `epochal doctor` shows of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from . import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from .database import Database

_source = schema.source.c


def status(connection: Connection, root: Path, database: Database) -> dict[str, Any]:
    """Where things are, how much there is, which journals could not be read wholly."""
    path = Path(database.path)
    return {
        "root": str(root),
        "database": database.path,
        "home": database.home,
        "why": database.why,
        "version": schema.VERSION,
        "database_bytes": path.stat().st_size if path.exists() else 0,
        "runs": _count(connection, schema.run),
        "journals": _count(connection, schema.source),
        "open_journals": connection.scalar(select(func.count()).where(_source.closed.is_(False))),
        "series": _count(connection, schema.series),
        "points": int(connection.scalar(select(func.sum(schema.series.c.count))) or 0),
        "damage": damaged(connection),
    }


def damaged(connection: Connection) -> list[dict[str, Any]]:
    """The journals with lines that could not be read or records that are missing; at most 1,000."""
    missing = or_(_source.next_other > _source.records, _source.next_point > _source.records)
    query = select(schema.source).where(or_(_source.damaged > 0, missing)).order_by(_source.file).limit(1000)
    names = ("file", "damaged", "damaged_bytes", "records", "offset")
    return [{name: row[name] for name in names} for row in connection.execute(query).mappings()]


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
