from __future__ import annotations

import math
import operator
import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import QueryError
from epochal.store.filters import (
    Both,
    Compare,
    Either,
    Field,
    Inverse,
    Like,
    Member,
    Number,
    Order,
    Present,
    Query,
    Span,
    parse,
)

# -- reading -----------------------------------------------------------------------


def field(kind, name):
    return Field(kind, name)


LOSS, MODEL = Field("metrics", "loss"), Field("params", "model")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("metrics.loss > 0.9", Compare(LOSS, ">", Number(0.9, "0.9"))),
        ("metric.loss<-1e-3", Compare(LOSS, "<", Number(-0.001, "-1e-3"))),
        ("metrics.loss >= .5", Compare(LOSS, ">=", Number(0.5, ".5"))),
        ("metrics.loss < inf", Compare(LOSS, "<", Number(math.inf, "inf"))),
        ("metrics.`val/loss` == 1", Compare(field("metrics", "val/loss"), "=", Number(1.0, "1"))),
        ("metrics.val/loss <> 1", Compare(field("metrics", "val/loss"), "!=", Number(1.0, "1"))),
        ("metrics.top-5@acc > 1", Compare(field("metrics", "top-5@acc"), ">", Number(1.0, "1"))),
        ('parameter."a b" = "x"', Compare(field("params", "a b"), "=", "x")),
        ("params.model.depth = 3", Compare(field("params", "model.depth"), "=", Number(3.0, "3"))),
        ("param.model = 'it''s'", Compare(MODEL, "=", "it's")),
        (r"param.model = 'it\'s \\ here'", Compare(MODEL, "=", r"it's \ here")),
        ("PARAMS.model = TRUE", Compare(MODEL, "=", value=True)),
        ("tags.`a``b` = ''", Compare(field("tags", "a`b"), "=", "")),
        ("tag.\N{ROCKET} IN ('a', 'b',)", Member(field("tags", "\N{ROCKET}"), ("a", "b"), negated=False)),
        ("params.model not  in (1,'b')", Member(MODEL, (Number(1.0, "1"), "b"), negated=True)),
        ("params.model LIKE 'r%'", Like(MODEL, "r%", any_case=False, negated=False)),
        ("params.model NOT ILIKE 'r%'", Like(MODEL, "r%", any_case=True, negated=True)),
        ("params.model is not null", Present(MODEL, negated=False)),
        ("params.model IS NULL", Present(MODEL, negated=True)),
        (
            "metrics.loss between 1 and 2",
            Both((Compare(LOSS, ">=", Number(1.0, "1")), Compare(LOSS, "<=", Number(2.0, "2")))),
        ),
        ("attributes.status = 'FINISHED'", Compare(field("attribute", "status"), "=", "FINISHED")),
        ("run.run_id = 'x'", Compare(field("attribute", "id"), "=", "x")),
        ("created > -7d", Compare(field("attribute", "created"), ">", Span(-7 * 86400))),
        ("duration < 1.5h", Compare(field("attribute", "duration"), "<", Span(5400))),
        ("not name = 'x'", Inverse(Compare(field("attribute", "name"), "=", "x"))),
        ("name='a' or name='b' and name='c'", None),
    ],
)
def test_reading(text, where):
    read = parse(text).where
    if where is None:
        assert isinstance(read, Either)
        assert isinstance(read.parts[1], Both)
    else:
        assert read == where


def test_order_and_limit():
    assert parse(" ") == Query()
    assert parse("order by metrics.loss desc, created ASC, params.model limit 50") == Query(
        None, (Order(LOSS, True), Order(Field("attribute", "created"), False), Order(MODEL, False)), 50
    )
    assert parse("limit 3").limit == 3


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("metrics.a >", "expected a number", 12),
        ("metrics.a > foo", "'foo'", 13),
        ("statsu = 'a'", "did you mean 'status'", 1),
        ("metric = 1", "nothing is called 'metric'; did you mean", 1),
        ("metrics.a > 3 && metrics.b > 1", "found '&&'", 15),
        ("metrics.a like 3", "expected a text in quotes", 16),
        ("(metrics.a = 1", "expected", 15),
        ("params.a = 'x", "in quotes", 12),
        ("metrics.a = 1 limit -3", "0 or more", 21),
        ("metrics.a = 1 order metrics.b", "expected by", 21),
        ("metrics.a in ()", "expected a number", 15),
        ("metrics. = 1", "found '.'", 8),
        ("; drop table run", "found ';'", 1),
        ("params.a = 1 order by", "it ends too early", 22),
    ],
)
def test_mistakes_are_marked(text, message, column):
    with pytest.raises(QueryError) as caught:
        parse(text)
    first, line, mark = str(caught.value).split("\n")
    assert message in first
    assert line.strip() == text.strip()
    assert mark.index("^") - 1 == column


def test_a_mistake_in_a_long_filter_is_marked_in_an_excerpt():
    text = " or ".join(f"params.p{i} = 'x'" for i in range(100)) + " or params.q ~ 3"
    with pytest.raises(QueryError) as caught:
        parse(text)
    _, line, mark = str(caught.value).split("\n")
    assert line[mark.index("^")] == "~"


def test_nesting_has_an_end():
    with pytest.raises(QueryError):
        parse("not " * 100_000 + "metrics.a = 1")


# -- finding -----------------------------------------------------------------------

METRICS = [0.0, -1.0, 0.5, 1.0, 3.0, math.nan, math.inf, None]
PARAMS = [
    1,
    2.5,
    "1",
    "rf",
    "R%f",
    "",
    True,
    "True",
    None,
    "absent",
    "it's",
    "x" * 250,
    "x" * 250 + "y",
    -3,
    "a\\b",
]
TAGS = ["a", "b", "", "None", "absent", "A_b"]
GROUPS = [None, "g", "h"]


def _runs():
    for number in range(60):
        yield {
            "number": number,
            "metrics": {
                k: v
                for k, v in (("a", METRICS[number % 8]), ("b c", METRICS[number // 8 % 8]))
                if v is not None
            },
            "params": {
                k: v
                for k, v in (("x", PARAMS[number % 15]), ("y/z", PARAMS[number // 3 % 15]))
                if v != "absent"
            },
            "tags": {"t": TAGS[number % 6]} if TAGS[number % 6] != "absent" else {},
            "group": GROUPS[number % 3],
            "name": f"run{number % 7}",
        }


RUNS = list(_runs())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from epochal import ids, journal
    from epochal.store import Store

    from .conftest import Book

    root = tmp_path_factory.mktemp("filters")
    book = Book(root)
    for run in RUNS:
        uuid = ids.new()
        run["id"] = uuid
        values = {
            k: "NaN" if math.isnan(v) else "Infinity" if math.isinf(v) else v
            for k, v in run["metrics"].items()
        }
        lines = book.lines(
            ("params", {"values": run["params"]}),
            ("metrics", {"step": 0, "values": values}),
            ("tags", {"values": run["tags"]}),
            ("end", {"status": "finished"}),
            run=uuid,
            name=run["name"],
            group=run["group"],
            begin=1_763_900_000.0 + run["number"],
        )
        book.write(lines, uuid)
    assert journal.run_folder(root, RUNS[0]["id"]).is_dir()
    made = Store.open(root)
    yield made
    made.close()


OPS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _text(value):
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else str(value)


def _as_number(value):
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _compare(node_field, have, op, want):
    """What one comparison means: the reference that SQL is held to."""
    if have is None:
        return False
    if node_field.kind == "metrics":
        return not math.isnan(have[0]) and OPS[op](have[0], want.value)
    value = have[0]
    if node_field.kind == "params" and isinstance(want, Number):
        number = _as_number(value)
        return op == "!=" if number is None else OPS[op](number, want.value)
    return OPS[op](str(value), _text(want))


def _like(pattern, text, any_case):
    parts = re.split(r"(\\.|%|_)", pattern, flags=re.DOTALL)
    made = "".join(
        {"%": ".*", "_": "."}.get(p, re.escape(p[1:] if p[:1] == "\\" and len(p) == 2 else p)) for p in parts
    )
    if any_case:
        return re.fullmatch(made.lower(), text.lower(), re.DOTALL) is not None
    return re.fullmatch(made, text, re.DOTALL) is not None


def holds(node, run):
    if isinstance(node, Both):
        return all(holds(part, run) for part in node.parts)
    if isinstance(node, Either):
        return any(holds(part, run) for part in node.parts)
    if isinstance(node, Inverse):
        return not holds(node.part, run)
    if node.field.kind == "attribute":
        value = run[node.field.name]
        have = None if value is None else [value]
    else:
        values = run[node.field.kind]
        have = [values[node.field.name]] if node.field.name in values else None
    if isinstance(node, Present):
        return (have is None) == node.negated
    if isinstance(node, Compare):
        return _compare(node.field, have, node.op, node.value)
    if have is None:
        return False
    if isinstance(node, Like):
        return _like(node.pattern, str(have[0]), node.any_case) != node.negated
    if node.field.kind == "metrics" and math.isnan(have[0]):
        return False
    return any(_compare(node.field, have, "=", value) for value in node.values) != node.negated


def spelled(node, draw):
    """The filter as a user may write it."""
    if isinstance(node, Both | Either):
        word = draw(st.sampled_from([" and ", " AND "] if isinstance(node, Both) else [" or ", " Or "]))
        return word.join(f"({spelled(part, draw)})" for part in node.parts)
    if isinstance(node, Inverse):
        return f"not ({spelled(node.part, draw)})"
    name = spelled_field(node.field, draw)
    if isinstance(node, Present):
        return f"{name} is null" if node.negated else f"{name} IS NOT NULL"
    negated = "not " if not isinstance(node, Compare) and node.negated else ""
    if isinstance(node, Like):
        return f"{name} {negated}{'ilike' if node.any_case else 'LIKE'} {spelled_literal(node.pattern, draw)}"
    if isinstance(node, Member):
        return f"{name} {negated}in ({', '.join(spelled_literal(value, draw) for value in node.values)})"
    op = draw(st.sampled_from({"=": ["=", "=="], "!=": ["!=", "<>"]}.get(node.op, [node.op])))
    return f"{name} {op} {spelled_literal(node.value, draw)}"


def spelled_field(node, draw):
    if node.kind == "attribute":
        return draw(st.sampled_from(["", "attributes.", "run."])) + node.name
    prefix = draw(st.sampled_from([node.kind, node.kind[:-1], node.kind.upper()]))
    quoted = [f"`{node.name}`", f'"{node.name}"']
    return f"{prefix}.{draw(st.sampled_from(quoted if ' ' in node.name else [*quoted, node.name]))}"


def spelled_literal(value, draw):
    if isinstance(value, Number):
        return value.text
    if isinstance(value, bool):
        return str(value).lower()
    quote = draw(st.sampled_from("'\""))
    return quote + value.replace("\\", "\\\\").replace(quote, quote * 2) + quote


def _numbers():
    texts = st.sampled_from(["0", "1", "-1", "0.5", "2.5", "-3", "3", "1e0", "inf", "100"])
    return texts.map(lambda text: Number(float(text), text))


def _texts():
    return st.sampled_from(
        [*[p for p in PARAMS if isinstance(p, str)], "a", "b", "g", "run3", "2.5", "True", "None", "zz"]
    )


def _predicates():
    texts, numbers = _texts(), _numbers()
    params = st.sampled_from([Field("params", "x"), Field("params", "y/z"), Field("params", "nowhere")])
    metrics = st.sampled_from([Field("metrics", "a"), Field("metrics", "b c"), Field("metrics", "nowhere")])
    words = st.sampled_from([Field("tags", "t"), Field("attribute", "group"), Field("attribute", "name")])
    ops = st.sampled_from(list(OPS))
    patterns = st.sampled_from(["%", "r%", "R\\%f", "_", "%s", "x%y", "", "a_b", "A\\_b", "run_", "%e"])
    any_params = st.one_of(texts, numbers, st.booleans())
    return st.one_of(
        st.builds(Compare, metrics, ops, numbers),
        st.builds(Compare, params, ops, any_params),
        st.builds(Compare, words, ops, texts),
        st.builds(Member, metrics, st.lists(numbers, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(Member, params, st.lists(any_params, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(Member, words, st.lists(texts, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(Like, st.one_of(params, words), patterns, st.booleans(), st.booleans()),
        st.builds(Present, st.one_of(params, words, metrics), st.booleans()),
    )


def _nodes():
    def more(inner):
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(Both, parts), st.builds(Either, parts), st.builds(Inverse, inner))

    return st.recursive(_predicates(), more, max_leaves=5)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(node=_nodes(), data=st.data())
def test_what_is_found_is_what_the_words_mean(store, node, data):
    text = spelled(node, data.draw)
    assert parse(text).where == node
    found = {run.id for run in store.runs(text)}
    assert found == {run["id"] for run in RUNS if holds(node, run)}, text


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except QueryError as error:
        assert str(error)


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "metrics.a",
                "params.",
                "`",
                "'",
                '"',
                "(",
                ")",
                "in",
                "not",
                "like",
                "=",
                ">",
                "1",
                "7d",
                "null",
                "is",
                "and",
                "or",
                "order",
                "by",
                "limit",
                "desc",
                ",",
                "name",
                "\\",
                "true",
                "between",
                "x",
            ]
        ),
        max_size=12,
    )
)
def test_any_words_are_read_or_refused(words):
    try:
        parse(" ".join(words))
    except QueryError as error:
        assert str(error)


def test_orders(store):
    values = {run["id"]: run["metrics"].get("a", math.nan) for run in RUNS}
    found = [values[run.id] for run in store.runs("order by metrics.a desc")]
    numbers = [value for value in found if not math.isnan(value)]
    assert numbers == sorted(numbers, reverse=True)
    assert all(math.isnan(value) for value in found[len(numbers) :])
    names = [run.name for run in store.runs("order by name, created desc")]
    assert names == sorted(names)
    assert [run.id for run in store.runs()] == [run["id"] for run in reversed(RUNS)]


def test_times_and_spans(store):
    assert len(store.runs("created >= '2025-11-23'")) + len(store.runs("created < '2025-11-23'")) == 60
    assert len(store.runs(f"start_time >= {((1_763_900_000 + 30) * 1000)}")) == 30
    assert len(store.runs("created > -1d")) == 0
    age = datetime.now(UTC) - datetime.fromtimestamp(1_763_900_000, UTC)
    assert len(store.runs(f"created > -{age.days + 2}d")) == 60
    assert len(store.runs("duration < 1s")) == 60
    assert len(store.runs("duration between 0 and 1m")) == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics.a = 'x'", "metrics are numbers"),
        ("metrics.a like 'x'", "metrics are numbers"),
        ("status = 'done'", "no status 'done'; there are: running"),
        ("created > 'yesterday'", "created is a time"),
        ("duration > 'long'", "length of time"),
        ("params.x = 7d", "created, ended and duration only"),
        ("name = true", "put the value in quotes"),
        ("created like 'x'", "no text"),
    ],
)
def test_wrong_types_are_said(store, text, message):
    with pytest.raises(QueryError, match=re.escape(message)):
        list(store.runs(text))


def test_a_hint_where_nothing_has_that_name(store):
    found = store.runs("metrics.b_c > 0")
    assert list(found) == []
    assert found.hint == "no run has a metric named 'b_c'; there are: b c, a"
    assert "b c" in repr(found)
    assert store.runs("metrics.a > 1000").hint == ""
