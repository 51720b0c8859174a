"""Searching: a syntax tree of `filters` -> one SQL statement with bound parameters.

Each condition on a metric, param or tag is "the run is among those that ...", answered from an index that
begins with the name's number, so that it costs what has that name and not what the store has.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import operator
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, false, func, literal, not_, or_, select, true

from epochal.errors import QueryError

from . import schema
from .cells import SHORT
from .filters import (
    ATTRIBUTES,
    Both,
    Compare,
    Either,
    Field,
    Inverse,
    Like,
    Member,
    Node,
    Number,
    Order,
    Present,
    Query,
    Span,
)
from .rows import find_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import ColumnElement, Connection, Select, Table

_TABLES: Final[dict[str, Table]] = {"metrics": schema.metric, "params": schema.param, "tags": schema.tag}

_STATUSES: Final = ("running", "finished", "failed", "crashed", "preempted", "superseded")

_NOWHERE: Final = -1
"""The number of a name that no run has."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which runs are searched at all; ``deleted`` None means those in the bin and the others."""

    project: str | None = None
    children: bool = False
    deleted: bool | None = False


class Search:
    """A search within one connection's view of the store."""

    def __init__(self, connection: Connection, query: Query, scope: Scope) -> None:
        self._query, self._now = query, time.time()
        names = {field.name for field in fields(query) if field.kind != "attribute"}
        self._keys = find_keys(connection, names)
        self._where: list[ColumnElement[bool]] = []
        if scope.deleted is not None:
            self._where.append(schema.run.c.deleted.is_(scope.deleted))
        if not scope.children:
            self._where.append(schema.run.c.parent.is_(None))
        if scope.project is not None:
            self._where.append(schema.run.c.project == scope.project)
        if query.where is not None:
            self._where.append(self._node(query.where))

    def ids(self, limit: int | None = None, offset: int = 0) -> Select[Any]:
        """The runs' numbers, in order."""
        statement = select(schema.run.c.id).where(*self._where)
        order: list[Any] = []
        for number, key in enumerate(self._query.order):
            column: ColumnElement[Any]
            if key.field.kind == "attribute":
                column = self._attribute(key.field)
            else:
                table = _TABLES[key.field.kind].alias(f"order_{number}")
                match = and_(table.c.key == self._key(key.field), table.c.run == schema.run.c.id)
                statement = statement.outerjoin(table, match)
                column = table.c.value if key.field.kind == "metrics" else table.c.text
                if key.field.kind == "params":
                    order.append(_sorted(table.c.num, key))
            order.append(_sorted(column, key))
        statement = statement.order_by(*order, schema.run.c.created.desc(), schema.run.c.id.desc())
        return statement.limit(limit).offset(offset or None)

    def count(self) -> Select[Any]:
        """How many there are."""
        return select(func.count()).select_from(schema.run).where(*self._where)

    # -- conditions --------------------------------------------------------------------

    def _node(self, node: Node) -> ColumnElement[bool]:
        if isinstance(node, Both):
            return and_(*map(self._node, node.parts))
        if isinstance(node, Either):
            return or_(*map(self._node, node.parts))
        if isinstance(node, Inverse):
            return not_(self._node(node.part))
        if node.field.kind == "attribute":
            return func.coalesce(self._about_run(node), false())
        return self._about_key(node)

    def _about_key(self, node: Compare | Member | Like | Present) -> ColumnElement[bool]:
        table = _TABLES[node.field.kind]
        there = select(table.c.run).where(table.c.key == self._key(node.field))
        if node.field.kind != "metrics":
            there = there.where(table.c.text.is_not(None))
        if isinstance(node, Present):
            among = schema.run.c.id.in_(there)
            return not_(among) if node.negated else among
        condition = self._on_metric(node) if node.field.kind == "metrics" else self._on_text(node, table)
        return schema.run.c.id.in_(there.where(condition))

    def _on_metric(self, node: Compare | Member | Like) -> ColumnElement[bool]:
        column = schema.metric.c.value
        if isinstance(node, Like):
            raise QueryError(f"metrics are numbers: 'like' cannot compare metrics.{node.field.name}")
        if isinstance(node, Compare):
            return _compare(column, node.op, _number(node.field, node.value))
        values = [_number(node.field, value) for value in node.values]
        return and_(column.is_not(None), column.not_in(values)) if node.negated else column.in_(values)

    def _on_text(self, node: Compare | Member | Like, table: Table) -> ColumnElement[bool]:
        if isinstance(node, Like):
            return _like(func.coalesce(table.c.text + table.c.rest, table.c.text), node)
        if isinstance(node, Compare):
            return _cell(table, node.op, node.value)
        same = or_(false(), *(_cell(table, "=", value) for value in node.values))
        return not_(func.coalesce(same, false())) if node.negated else same

    def _about_run(self, node: Compare | Member | Like | Present) -> ColumnElement[Any]:
        column = self._attribute(node.field)
        if isinstance(node, Present):
            return column.is_(None) if node.negated else column.is_not(None)
        if isinstance(node, Like):
            if ATTRIBUTES[node.field.name] != "text":
                raise QueryError(f"{node.field.name} is no text: 'like' cannot compare it")
            return _like(column, node)
        if isinstance(node, Compare):
            return _compare(column, node.op, self._value(node.field, node.value))
        values = [self._value(node.field, value) for value in node.values]
        return column.not_in(values) if node.negated else column.in_(values)

    def _attribute(self, field: Field) -> ColumnElement[Any]:
        columns = schema.run.c
        if field.name == "duration":
            return func.coalesce(columns.ended, literal(self._now)) - columns.created
        return columns["uuid" if field.name == "id" else field.name]

    def _value(self, field: Field, value: Any) -> Any:
        """A literal in the type of a run's attribute."""
        kind = ATTRIBUTES[field.name]
        if kind == "text":
            text = value.text if isinstance(value, Number) else value
            if not isinstance(text, str):
                raise QueryError(f"{field.name} is a text: put the value in quotes")
            return _status(text) if field.name == "status" else text
        if kind == "span":
            if isinstance(value, Span | Number):
                return value.seconds if isinstance(value, Span) else value.value
            raise QueryError(
                f"{field.name} is a length of time: write 90s, 15m, 2h, 1d or seconds, not {value!r}"
            )
        return self._moment(field, value)

    def _moment(self, field: Field, value: Any) -> float:
        if isinstance(value, Span):
            return self._now - abs(value.seconds)
        if isinstance(value, Number):
            return (
                value.value / 1000 if value.value > 1e11 else value.value
            )  # milliseconds, as others have them
        try:
            return dt.datetime.fromisoformat(value).astimezone().timestamp()
        except (ValueError, TypeError, OverflowError):
            message = f"{field.name} is a time: write '2026-11-01', '2026-11-01 18:30' or -7d, not {value!r}"
            raise QueryError(message) from None

    def _key(self, field: Field) -> int:
        return self._keys.get(field.name, _NOWHERE)


def fields(query: Query) -> Iterator[Field]:
    """All fields that a query names."""

    def within(node: Node | None) -> Iterator[Field]:
        if isinstance(node, Both | Either):
            for part in node.parts:
                yield from within(part)
        elif isinstance(node, Inverse):
            yield from within(node.part)
        elif node is not None:
            yield node.field

    yield from within(query.where)
    yield from (order.field for order in query.order)


def hint(connection: Connection, query: Query) -> str:
    """Why nothing may have been found: a name in the query that no run has, and those like it."""
    for field in fields(query):
        if field.kind == "attribute":
            continue
        table = _TABLES[field.kind]
        key = find_keys(connection, [field.name]).get(field.name, _NOWHERE)
        if connection.scalar(select(true()).where(select(table.c.run).where(table.c.key == key).exists())):
            continue
        used = select(schema.key.c.name).where(
            select(table.c.run).where(table.c.key == schema.key.c.id).exists()
        )
        names = sorted(connection.scalars(used.limit(10_000)))
        near = difflib.get_close_matches(field.name, names, 5, 0.5)
        rest = [name for name in names if name not in near]
        some = [name if len(name) <= 60 else name[:59] + "…" for name in [*near, *rest][:8]]
        more = ", ..." if len(names) > len(some) else ""
        kind = field.kind.removesuffix("s")
        return (
            f"no run has a {kind} named {field.name!r}; there are: {', '.join(some)}{more}"
            if some
            else f"no run has any {kind}"
        )
    return ""


def _sorted(column: ColumnElement[Any], key: Order) -> Any:
    return (column.desc() if key.descending else column.asc()).nulls_last()


_OPERATORS: Final[dict[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(column: ColumnElement[Any], op: str, value: Any) -> ColumnElement[bool]:
    return _OPERATORS[op](column, value)


def _cell(table: Table, op: str, value: Any) -> ColumnElement[bool]:
    """A param or tag against a literal: as numbers if it is one, else as texts."""
    if isinstance(value, Number) and "num" in table.c:
        number = table.c.num
        if op == "!=":
            return or_(number.is_(None), number != value.value)
        return _compare(number, op, value.value)
    text = value.text if isinstance(value, Number) else str(value) if isinstance(value, bool) else value
    if not isinstance(text, str):
        raise QueryError("a length of time can be compared with created, ended and duration only")
    if op in {"=", "!="}:
        same = and_(
            table.c.text == text[:SHORT],
            case((table.c.rest.is_(None), ""), else_=table.c.rest) == text[SHORT:],
        )
        if len(text) < SHORT:
            same = table.c.text == text
        return same if op == "=" else not_(same)
    return _compare(func.coalesce(table.c.text + table.c.rest, table.c.text), op, text)


def _like(column: ColumnElement[Any], node: Like) -> ColumnElement[bool]:
    if node.any_case:
        match = func.lower(column).like(func.lower(node.pattern), escape="\\")
    else:
        match = column.like(node.pattern, escape="\\")
    return not_(match) if node.negated else match


def _number(field: Field, value: Any) -> float:
    if isinstance(value, Number) and not math.isnan(value.value):
        return value.value
    said = f"'{value}'" if isinstance(value, str) else value
    raise QueryError(f"metrics are numbers: metrics.{field.name} cannot be compared with {said}")


def _status(text: str) -> str:
    status = text.lower()
    if status not in _STATUSES:
        raise QueryError(f"no status {text!r}; there are: {', '.join(_STATUSES)}")
    return status
