"""Any object becomes JSON, exactly where JSON can say it, and nothing ever raises."""

import argparse
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import math
import pathlib
import random
import types
import uuid
from typing import NamedTuple
from unittest import mock

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies

from epochal.plain import DEPTH, NODES, describe, key_text, plain

torch = pytest.importorskip("torch")


class Point(NamedTuple):
    x: int
    y: int


class Color(enum.Enum):
    RED = 1


class Level(enum.StrEnum):
    HIGH = "high"


@dataclasses.dataclass
class Settings:
    rate: float
    inner: object = None


class Record(msgspec.Struct):
    a: int
    b: str


class Named:
    def __repr__(self):
        return f"<Named at 0x7f00deadbeef {'x' * 5000}>"


class Mute:
    def __repr__(self):
        raise RuntimeError

    __str__ = __repr__


class Liar:
    """Every attribute exists and raises."""

    def __getattr__(self, name):
        raise OSError(name)


class Masked:
    """Even its class is not what it says."""

    @property
    def __class__(self):
        raise ValueError


def grow(x):
    return x


EXACT = {
    "None": (None, None),
    "bool": (True, True),
    "int": (2**63 + 1, 2**63 + 1),
    "int of 65 bits": (2**64, "18446744073709551616"),
    "int of 16,610 bits": (10**5000, hex(10**5000)),
    "nan": (math.nan, "NaN"),
    "inf": (math.inf, "Infinity"),
    "-inf": (np.float32(-math.inf), "-Infinity"),
    "float32": (np.float32(0.1), 0.10000000149011612),
    "longdouble": (np.longdouble(0.5), 0.5),
    "int64": (np.int64(3), 3),
    "numpy bool": (np.bool_(False), False),
    "datetime64": (np.datetime64("2026-01-02"), "2026-01-02"),
    "surrogate": ("a\udc80", "a\\udc80"),
    "NUL": ("a\0b", "a\0b"),
    "bytes": (b"\x00a", "b'\\x00a'"),
    "many bytes": (b"a" * 20_000, f"<bytes of 20,000 bytes: {b'a' * 40!r}...>"),
    "tuple": ((1, (2,)), [1, [2]]),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "mixed set": ({"b", 1, "a"}, [1, "a", "b"]),
    "namedtuple": (Point(1, 2), {"x": 1, "y": 2}),
    "dataclass": (Settings(0.1, Settings(0.2)), {"rate": 0.1, "inner": {"rate": 0.2, "inner": None}}),
    "Struct": (Record(1, "b"), {"a": 1, "b": "b"}),
    "Namespace": (argparse.Namespace(a=1), {"a": 1}),
    "SimpleNamespace": (types.SimpleNamespace(a=[1]), {"a": [1]}),
    "OrderedDict": (collections.OrderedDict(a=1), {"a": 1}),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "Enum": (Color.RED, "Color.RED"),
    "StrEnum": (Level.HIGH, "high"),
    "Path": (pathlib.PurePosixPath("/a/b"), "/a/b"),
    "datetime": (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
    "timedelta": (dt.timedelta(seconds=90), "0:01:30"),
    "Decimal": (decimal.Decimal("0.10"), "0.10"),
    "UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "class": (pathlib.PurePath, "pathlib.PurePath"),
    "builtin": (len, "len"),
    "function": (grow, f"{__name__}.grow"),
    "numpy function": (np.sum, "numpy.sum"),
    "lambda": (lambda: 0, f"{__name__}.<lambda>"),
    "method": ("".join, "str.join"),
    "partial": (functools.partial(int, base=2), "partial(int, base=2)"),
    "module": (math, "math"),
    "dtype": (np.dtype("f4"), "dtype('float32')"),
    "torch dtype": (torch.float32, "torch.float32"),
    "few elements": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "object array": (np.array([1, "a", None], dtype=object), [1, "a", None]),
    "many elements": (np.zeros((20, 20), np.float32), "<ndarray float32 (20, 20)>"),
    "tensor": (torch.tensor([1.0, math.nan]), [1.0, "NaN"]),
    "bfloat16": (torch.tensor(0.1, dtype=torch.bfloat16), 0.10009765625),
    "large tensor": (torch.zeros(1000), "<Tensor float32 (1000,)>"),
    "meta tensor": (torch.zeros(2, device="meta"), "<Tensor float32 (2,) meta>"),
    "DataFrame": (pd.DataFrame({"a": [1], 2: [3]}), "<DataFrame of 1 rows x 2 columns: a, 2>"),
    "polars": (pl.DataFrame({"a": [1]}), "<DataFrame of 1 rows x 1 columns: a>"),
    "Arrow": (pa.table({"a": [1]}), "<Table of 1 rows x 1 columns: a>"),
    "Series": (pd.Series([1]), "<Series int64 (1,)>"),
    "NA": (pd.NA, "<NA>"),
    "NaT": (pd.NaT, "NaT"),
    "object": (object(), "<object object>"),
    "range": (range(9), "range(0, 9)"),
    "broken repr": (Mute(), "<Mute: repr failed: RuntimeError>"),
}


@pytest.mark.parametrize(("value", "made"), EXACT.values(), ids=EXACT)
def test_becomes(value, made):
    assert plain(value) == made
    assert type(plain(value)) is type(made)


def test_keys_become_text_and_none_is_lost():
    keyed = {1: "a", "1": "b", 1.5: "c", None: "d", (1, 2): "e", Color.RED: "f", "\udc80": "g", b"k": "h"}
    assert plain(keyed) == {
        "1": "a",
        "1 <2>": "b",
        "1.5": "c",
        "None": "d",
        "(1, 2)": "e",
        "RED": "f",
        "\\udc80": "g",
        "b'k'": "h",
    }


def test_what_holds_itself_is_marked():
    loop = {"a": []}
    loop["a"].append(loop)
    record = Settings(1.0)
    record.inner = record
    shared = [1]
    assert plain(loop) == {"a": ["<cycle>"]}
    assert plain(record) == {"rate": 1.0, "inner": "<cycle>"}
    assert plain([shared, shared]) == [[1], [1]]


def test_depth_is_cut():
    deep = [0]
    for _ in range(100_000):
        deep = [deep]
    made = json.dumps(plain(deep))
    assert made.count("[") == DEPTH
    assert f"deeper than {DEPTH} levels" in made
    while deep:  # CPython frees so deep a list by recursion otherwise
        deep = deep.pop()


def test_length_is_cut_and_counted():
    made = plain(list(range(NODES + 5_000)))
    assert made[:3] == [0, 1, 2]
    assert made[-1] == f"<... {NODES + 5_000 - len(made) + 1:,} more>"
    many = plain({n: n for n in range(NODES + 5)})
    assert many["<...>"] == "<... more>"


def test_ten_megabytes_of_text_are_kept_whole():
    text = "0123456789" * 1_000_000
    assert plain({"prompt": text})["prompt"] == text


def test_a_long_repr_is_cut_and_has_no_address():
    made = plain(Named())
    assert made.startswith("<Named xxx")
    assert made.endswith("more>")
    assert len(made) < 1100


def test_iterators_are_not_consumed():
    iterator = iter([1, 2, 3])
    generator = (n for n in [4, 5])
    plain([iterator, generator])
    assert list(iterator) == [1, 2, 3]
    assert list(generator) == [4, 5]


@pytest.mark.parametrize(
    "make", [Liar, Masked, mock.MagicMock, lambda: Liar], ids=["liar", "masked", "mock", "class"]
)
def test_objects_that_lie_do_no_harm(make):
    json.dumps(plain({"value": make(), "in": [make()]}))
    assert isinstance(describe(make()), str)
    assert isinstance(key_text(make()), str)


def test_with_hardly_any_stack_left():
    made = []

    def deeper():
        try:
            deeper()
        except RecursionError:
            made.append(plain({"a": [{"b": [1]}]}))
            raise

    with pytest.raises(RecursionError):
        deeper()
    assert all(isinstance(one, dict | str) for one in made)
    assert {"a": [{"b": [1]}]} in made


def test_an_endless_mapping_ends():
    class Endless(collections.abc.Mapping):
        def __getitem__(self, key):
            return key

        def __iter__(self):
            number = 0
            while True:
                yield number
                number += 1

        def __len__(self):
            return 3

    assert plain(Endless())["<...>"] == "<... more>"


def random_states():
    return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()


def test_no_random_state_is_touched():
    before = random_states()
    for value, _ in EXACT.values():
        plain(value)
    assert random_states() == before


lone = strategies.text(strategies.characters(codec=None, exclude_categories=()))
leaves = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.binary(),
    lone,
    strategies.decimals(),
    strategies.fractions(),
    strategies.datetimes(),
    strategies.timedeltas(),
    strategies.uuids(),
    strategies.complex_numbers(),
    strategies.sets(strategies.integers()),
    strategies.builds(Mute),
    strategies.builds(Liar),
    strategies.builds(lambda: np.zeros(3)),
    strategies.builds(lambda: torch.zeros(2)),
)
keys = strategies.one_of(lone, strategies.integers(), strategies.none(), strategies.floats())
anything = strategies.recursive(
    leaves,
    lambda inner: strategies.one_of(
        strategies.lists(inner),
        strategies.tuples(inner, inner),
        strategies.builds(Settings, inner, inner),
        strategies.dictionaries(keys, inner),
    ),
    max_leaves=30,
)
as_json = strategies.recursive(
    strategies.one_of(
        strategies.none(),
        strategies.booleans(),
        strategies.text(),
        strategies.floats(allow_nan=False, allow_infinity=False),
        strategies.integers(-(2**63), 2**64 - 1),
    ),
    lambda inner: strategies.one_of(
        strategies.lists(inner), strategies.dictionaries(strategies.text(), inner)
    ),
)


@settings(deadline=None)
@given(anything)
def test_whatever_it_is_both_encoders_write_it_and_read_the_same(value):
    made = plain(value)
    written = json.dumps(made, allow_nan=False)
    assert msgspec.json.decode(msgspec.json.encode(made)) == json.loads(written) == made


@settings(deadline=None)
@given(as_json)
def test_json_stays_what_it_is(value):
    assert plain(value) == value
