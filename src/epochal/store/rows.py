"""Writing rows: upserts on both databases, names as small numbers."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, tuple_

from . import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Table

_AT_ONCE = 500
"""Names in one `IN (...)`; SQLite takes some thousands."""


def upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], order: Sequence[str] = ()
) -> None:
    """Insert rows, or replace those with the same primary key.

    With ``order`` (stamp, or stamp and seq) a row is replaced only by one that is not older.
    """
    if rows:
        execute(connection, _upsert(table, connection.dialect.name, tuple(order), tuple(rows[0])), rows)


@cache
def _upsert(table: Table, dialect: str, order: tuple[str, ...], names: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_or
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_or  # type: ignore[assignment]
    statement = insert_or(table).values({name: bindparam(name) for name in names})
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    newer = None
    if order:
        newer = tuple_(*(table.c[name] for name in order)) <= tuple_(
            *(statement.excluded[name] for name in order)
        )
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)


@cache
def inserting(table: Table) -> Any:
    """Insert whole rows."""
    return insert(table).values({column.name: bindparam(column.name) for column in table.c})


_text: dict[tuple[Any, str], tuple[str, Callable[[Mapping[str, Any]], Any]]] = {}


def execute(
    connection: Connection, statement: Any, values: Mapping[str, Any] | list[dict[str, Any]]
) -> CursorResult[Any]:
    """Execute a statement that is made once, with these values, or with each of these rows.

    What SQLAlchemy does for a statement costs more than what SQLite does for it; here its SQL is made once,
    and the values go to the driver as they are (a Boolean comes back as SQLite has it, as 0 or 1).
    """
    known = (statement, connection.dialect.name)
    if known not in _text:
        compiled = statement.compile(dialect=connection.dialect)
        names: list[str] = compiled.positiontup or []
        _text[known] = (
            str(compiled),
            (lambda row: tuple([row[n] for n in names])) if compiled.positional else dict,
        )
    sql, arrange = _text[known]
    if isinstance(values, list):
        return connection.exec_driver_sql(sql, [arrange(row) for row in values])
    return connection.exec_driver_sql(sql, arrange(values))


def parts(items: Iterable[Any], size: int = _AT_ONCE) -> Iterator[list[Any]]:
    """Lists of at most ``size`` items."""
    whole = list(items)
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


def digest(name: str) -> bytes:
    """What a name is looked up by: names may be longer than an index takes."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Numbers:
    """The numbers of names, and new numbers for rows, within one transaction that is alone in writing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}
        self._next: dict[str, int] = {}

    def next(self, table: Table) -> int:
        """A number that no row of this table has."""
        if table.name not in self._next:
            self._next[table.name] = (self._connection.scalar(select(func.max(table.c.id))) or 0) + 1
        self._next[table.name] += 1
        return self._next[table.name] - 1

    def of(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers of these names (and of all asked for before), new ones given out."""
        missing = [name for name in dict.fromkeys(names) if name not in self._known]
        if missing:
            self._known |= find_keys(self._connection, missing)
            fresh = [name for name in missing if name not in self._known]
            numbers = {name: self.next(schema.key) for name in fresh}
            rows = [{"id": number, "digest": digest(name), "name": name} for name, number in numbers.items()]
            if rows:
                execute(self._connection, inserting(schema.key), rows)
            self._known |= numbers
        return self._known


def find_keys(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The numbers of those names that are in use."""
    found: dict[str, int] = {}
    for some in parts(names):
        by_digest = {digest(name): name for name in some}
        query = select(schema.key.c.digest, schema.key.c.id).where(schema.key.c.digest.in_(list(by_digest)))
        found |= {by_digest[bytes(row[0])]: row[1] for row in connection.execute(query)}
    return found
