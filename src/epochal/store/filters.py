"""The search language: text -> syntax tree.  `query` makes SQL of the tree; nothing is ever pasted into it.

A comparison with something that a run does not have is false, `!=` and `not in` too; `not (...)` turns that
round, and `is null` asks for it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lark import (
    Lark,
    Token,
    Transformer,
    UnexpectedCharacters,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)
from lark.exceptions import VisitError

from epochal.errors import QueryError

KINDS: Final = {
    "metric": "metrics", "metrics": "metrics", "param": "params", "params": "params", "parameter": "params",
    "parameters": "params", "tag": "tags", "tags": "tags",
}  # fmt: skip

ATTRIBUTES: Final = {
    "id": "text",
    "name": "text",
    "project": "text",
    "status": "text",
    "created": "time",
    "ended": "time",
    "duration": "span",
    "group": "text",
    "job_type": "text",
    "source": "text",
    "parent": "text",
    "notes": "text",
    "user": "text",
    "host": "text",
}
"""What a run has of itself, with its type."""

_ALSO: Final = {
    "run_id": "id", "run_name": "name", "start_time": "created", "started": "created", "end_time": "ended",
    "user_id": "user", "experiment": "project", "experiment_name": "project", "parent_id": "parent",
}  # fmt: skip
"""Other trackers' words for them."""

_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True)
class Field:
    """A metric, param or tag by its name, or one of `ATTRIBUTES`."""

    kind: str  # metrics, params, tags, attribute
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: 7d, -12h."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Number:
    """A number, and how it was written."""

    value: float
    text: str


Literal = Number | Span | str | bool


@dataclass(frozen=True, slots=True)
class Compare:
    """op is one of = != < <= > >=."""

    field: Field
    op: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Member:
    """Is it one of these."""

    field: Field
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Like:
    """% stands for any text, _ for any character, a backslash before them for themselves."""

    field: Field
    pattern: str
    any_case: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Present:
    """Does the run have it."""

    field: Field
    negated: bool


@dataclass(frozen=True, slots=True)
class Both:
    """All of these."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of these."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Inverse:
    """Not this."""

    part: Node


Node = Compare | Member | Like | Present | Both | Either | Inverse


@dataclass(frozen=True, slots=True)
class Order:
    """One key of the order."""

    field: Field
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole search."""

    where: Node | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a search; raises `QueryError` with the place marked and what was expected there."""
    if not text.strip():
        return Query()
    try:
        tree = _parser().parse(text)
        query: Query = _Build(text).transform(tree)
    except UnexpectedInput as error:
        raise _complain(text, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise QueryError("the filter is nested too deeply") from None
    return query


@cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("filters.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True)


@v_args(inline=True)
class _Build(Transformer[Token, Any]):
    """Tree of tokens -> tree of dataclasses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, where: Node | None, *rest: Any) -> Query:
        limit = None if rest[-1] is None else int(rest[-1])
        if limit is not None and limit < 0:
            raise _at(self._text, rest[-1].start_pos, f"a limit of {limit}", ["0 or more"])
        return Query(where, tuple(part for part in rest[:-1] if part is not None), limit)

    def either(self, *parts: Node) -> Node:
        return parts[0] if len(parts) == 1 else Either(parts)

    def both(self, *parts: Node) -> Node:
        return parts[0] if len(parts) == 1 else Both(parts)

    def inverse(self, part: Node) -> Node:
        return Inverse(part)

    def compare(self, field: Field, op: Token, value: Literal) -> Node:
        return Compare(field, {"==": "=", "<>": "!="}.get(op, str(op)), value)

    def member(self, field: Field, *values: Literal | None) -> Node:
        return Member(field, tuple(value for value in values if value is not None), negated=False)

    def stranger(self, field: Field, *values: Literal | None) -> Node:
        return Member(field, tuple(value for value in values if value is not None), negated=True)

    def like(self, field: Field, how: Token, pattern: Token) -> Node:
        return Like(field, _unquote(pattern), how.lower() == "ilike", negated=False)

    def unlike(self, field: Field, how: Token, pattern: Token) -> Node:
        return Like(field, _unquote(pattern), how.lower() == "ilike", negated=True)

    def between(self, field: Field, low: Literal, high: Literal) -> Node:
        return Both((Compare(field, ">=", low), Compare(field, "<=", high)))

    def absent(self, field: Field) -> Node:
        return Present(field, negated=True)

    def present(self, field: Field) -> Node:
        return Present(field, negated=False)

    def ordering(self, field: Field, direction: Token | None) -> Order:
        return Order(field, direction is not None and direction.lower() == "desc")

    def literal(self, token: Token) -> Literal:
        if token.type in {"NUMBER", "INTEGER"}:
            return Number(float(token), str(token))
        if token.type == "SPAN":
            unit = token.lstrip("-+0123456789.")
            return Span(float(token.removesuffix(unit)) * _SECONDS[unit])
        return token.lower() == "true" if token.type == "TRUTH" else _unquote(token)

    def field(self, token: Token) -> Field:
        prefix, _, name = token.partition(".")
        if token.type == "FIELD":
            name = _unquote(name) if name[0] in '`"' else name
            kind = KINDS.get(prefix.lower())
            if kind is not None:
                return Field(kind, name)
        else:
            name = str(token)
        found = _ALSO.get(name.lower(), name.lower())
        if found not in ATTRIBUTES:
            raise _unknown(self._text, token, name)
        return Field("attribute", found)


def _unquote(text: str) -> str:
    """The text between quotes; a quote in it is doubled or follows a backslash, which may be doubled too."""
    quote = text[0]
    pattern = rf"{quote}{quote}|\\[{quote}\\]" if quote != "`" else "``"
    return re.sub(pattern, lambda found: found.group()[1], text[1:-1])


# -- complaints --------------------------------------------------------------------

_WORDS: Final = {
    "FIELD": "a field such as metrics.loss",
    "NAME": "status",
    "COMPARISON": "a comparison (=, !=, <, <=, >, >=)",
    "TEXT": "a text in quotes",
    "NUMBER": "a number",
    "INTEGER": "a number",
    "SPAN": "a time such as 7d",
    "TRUTH": "true",
    "LIKE": "like",
    "DIRECTION": "asc or desc",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "$END": "the end",
}


def _complain(text: str, error: UnexpectedInput) -> QueryError:
    expected: set[str] = set()
    found = ""
    if isinstance(error, UnexpectedCharacters):
        expected, found = set(error.allowed or ()), text[error.pos_in_stream :].split(maxsplit=1)[0]
    elif isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        found = "" if error.token.type == "$END" else str(error.token)
    expected -= {"WS"}
    position = (getattr(error, "pos_in_stream", None) or 0) if found else len(text)
    words = list(dict.fromkeys(_WORDS.get(name, name.lower()) for name in sorted(expected)))
    if "TEXT" in expected and found and (found[0].isalpha() or found[0] in "'\""):
        word = found.strip("'\"")
        return _at(text, position, found, [f"a number, or a text in quotes: '{word}'"])
    return _at(text, position, found, words)


def _at(text: str, position: int, found: str, expected: list[str]) -> QueryError:
    line = text.replace("\n", " ").replace("\t", " ")
    begin = max(0, position - 60)
    what = f"found {found[:40]!r}" if found else "it ends too early"
    return QueryError(
        f"cannot read the filter at column {position + 1}: {what}, expected {', '.join(expected)}\n"
        f"  {line[begin : begin + 100]}\n  {' ' * (position - begin)}^"
    )


def _unknown(text: str, token: Token, name: str) -> QueryError:
    near = difflib.get_close_matches(name.lower(), [*ATTRIBUTES, *KINDS], 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    first = (
        f"nothing is called {name!r}; {hint}"
        f"There are metrics.NAME, params.NAME, tags.NAME, {', '.join(ATTRIBUTES)}"
    )
    mark = str(_at(text, token.start_pos or 0, name, [])).split("\n", maxsplit=1)[1]
    return QueryError(f"{first}\n{mark}")
