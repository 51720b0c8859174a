"""Writing rows: upserts on both databases, names as small numbers."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, tuple_

from . import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Table

_AT_ONCE = 500
"""Names in one `IN (...)`; SQLite takes some thousands."""


def upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], order: Sequence[str] = ()
) -> None:
    """Insert rows, or replace those with the same primary key.

    With ``order`` (stamp, or stamp and seq) a row is replaced only by one that is not older.
    """
    if rows:
        connection.execute(_upsert(table, connection.dialect.name, tuple(order), tuple(rows[0])), rows)


@cache
def _upsert(table: Table, dialect: str, order: tuple[str, ...], names: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_or
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_or  # type: ignore[assignment]
    statement = insert_or(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    newer = None
    if order:
        newer = tuple_(*(table.c[name] for name in order)) <= tuple_(
            *(statement.excluded[name] for name in order)
        )
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)


def next_id(connection: Connection, table: Table) -> int:
    """The least number above all in use; ours to give out, since nobody else writes."""
    return (connection.scalar(select(func.max(table.c.id))) or 0) + 1


def parts(items: Iterable[Any], size: int = _AT_ONCE) -> Iterator[list[Any]]:
    """Lists of at most ``size`` items."""
    whole = list(items)
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


def digest(name: str) -> bytes:
    """What a name is looked up by: names may be longer than an index takes."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Keys:
    """The numbers of names, new ones given out, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers of these names (and of all asked for before)."""
        missing = [name for name in dict.fromkeys(names) if name not in self._known]
        if missing:
            self._known |= find_keys(self._connection, missing)
            fresh = [name for name in missing if name not in self._known]
            if fresh:
                numbers = range(next_id(self._connection, schema.key), 1 << 62)
                rows = [
                    {"id": n, "digest": digest(k), "name": k} for n, k in zip(numbers, fresh, strict=False)
                ]
                self._connection.execute(insert(schema.key), rows)
                self._known |= {row["name"]: row["id"] for row in rows}
        return self._known


def find_keys(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The numbers of those names that are in use."""
    found: dict[str, int] = {}
    for some in parts(names):
        by_digest = {digest(name): name for name in some}
        query = select(schema.key.c.digest, schema.key.c.id).where(schema.key.c.digest.in_(list(by_digest)))
        found |= {by_digest[bytes(row[0])]: row[1] for row in connection.execute(query)}
    return found
