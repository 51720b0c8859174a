"""Numbers are kept exactly or refused with a reason; keys are kept as they are."""

import decimal
import enum
import fractions
import math
import numbers

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies

from epochal import values
from epochal.errors import ValueRefused

torch = pytest.importorskip("torch")


class Color(enum.IntEnum):
    RED = 3


class Half(float):
    pass


class Floating:
    def __float__(self):
        return 2.5


class Indexing:
    def __index__(self):
        return 7


class Broken:
    def __float__(self):
        raise RuntimeError("the sensor\nis gone")


class Vague:
    """Says that it is another number than its own float."""

    def __float__(self):
        return 1.0

    def __eq__(self, other):
        return False

    __hash__ = None


numbers.Real.register(Vague)


KEPT = {
    "float": (0.1, 0.1),
    "int": (3, 3),
    "True": (True, 1),
    "tiny": (1e-320, 1e-320),
    "2**53": (2**53, 2**53),
    "2**63": (2**63, 2**63),
    "-2**63": (-(2**63), -(2**63)),
    "2**64": (2**64, float(2**64)),
    "2**1000": (2**1000, float(2**1000)),
    "IntEnum": (Color.RED, 3),
    "float subclass": (Half(0.5), 0.5),
    "__float__": (Floating(), 2.5),
    "__index__": (Indexing(), 7),
    "float16": (np.float16(0.1), 0.0999755859375),
    "float32": (np.float32(0.1), 0.10000000149011612),
    "float64": (np.float64(0.1), 0.1),
    "int8": (np.int8(-3), -3),
    "uint64": (np.uint64(2**63), 2**63),
    "numpy bool": (np.bool_(True), 1),
    "longdouble, exact": (np.longdouble("0.5"), 0.5),
    "0-d array": (np.array(1.5), 1.5),
    "array of one": (np.array([[1.5]]), 1.5),
    "Series of one": (pd.Series([2]), 2),
    "polars Series of one": (pl.Series([2.5]), 2.5),
    "object array of one": (np.array([fractions.Fraction(1, 4)], dtype=object), 0.25),
    "tensor": (torch.tensor(1.5), 1.5),
    "tensor with gradient": (torch.tensor([1.5], requires_grad=True), 1.5),
    "bfloat16": (torch.tensor(0.1, dtype=torch.bfloat16), 0.10009765625),
    "torch float16": (torch.tensor(0.1, dtype=torch.float16), 0.0999755859375),
    "float8": (torch.tensor(1.5).to(torch.float8_e4m3fn), 1.5),
    "torch bool": (torch.tensor(True), 1),
    "torch int64": (torch.tensor(2**53), 2**53),
    "Decimal, shortest": (decimal.Decimal("0.1"), 0.1),
    "Decimal, exact": (decimal.Decimal("0.1000000000000000055511151231257827021181583404541015625"), 0.1),
    "Decimal, infinite": (decimal.Decimal("-Infinity"), -math.inf),
    "Fraction, shortest": (fractions.Fraction(1, 10), 0.1),
    "Fraction, exact": (fractions.Fraction(1, 1024), 1 / 1024),
}

REFUSED = {
    "2**53 + 1": (2**53 + 1, "no exact float64"),
    "10**400": (10**400, "integer of 1329 bits"),
    "int64 2**53 + 1": (np.int64(2**53 + 1), "no exact float64"),
    "torch 2**53 + 1": (torch.tensor(2**53 + 1), "no exact float64"),
    "longdouble 0.1": (np.longdouble("0.1"), "no exact float64"),
    "Decimal, long": (decimal.Decimal("0.12345678901234567890123"), "no exact float64"),
    "Decimal, large": (decimal.Decimal("1e400"), "no exact float64"),
    "Fraction 1/3": (fractions.Fraction(1, 3), "0.3333333333333333 will do"),
    "Fraction, large": (fractions.Fraction(10**400), "gives no number: OverflowError"),
    "vague": (Vague(), "no exact float64"),
    "text": ("0.5", r"log_text\(\)"),
    "numpy text": (np.str_("0.5"), "is no number"),
    "bytes": (b"0.5", "is no number"),
    "None": (None, "leave the key out"),
    "complex": (1j, ".real and .imag"),
    "numpy complex": (np.complex64(1), "is complex"),
    "complex tensor": (torch.tensor(1j), "is complex"),
    "array": (np.zeros(3), r"ndarray float64 \(3,\) holds 3 numbers"),
    "empty array": (np.zeros((0, 4)), "holds 0 numbers"),
    "tensor of 12": (torch.zeros(3, 4), r"Tensor float32 \(3, 4\) holds 12 numbers"),
    "meta tensor": (torch.empty((), device="meta"), "gives no number"),
    "datetime64": (np.datetime64("2026-01-01", "ns"), "is no number"),
    "timedelta64": (np.timedelta64(3, "ns"), "is no number"),
    "masked": (np.ma.masked, "masked"),
    "NA": (pd.NA, "is no number"),
    "NaT": (pd.NaT, "is no number"),
    "Timestamp": (pd.Timestamp(0), "is no number"),
    "list": ([1], "is no number"),
    "dict": ({}, "is no number"),
    "object": (object(), "is no number"),
    "broken __float__": (Broken(), "RuntimeError: the sensor is gone"),
    "class": (float, "is no number"),
}


@pytest.mark.parametrize(("value", "kept"), KEPT.values(), ids=KEPT)
def test_is_kept_exactly(value, kept):
    number = values.scalar(value)
    assert type(number) is type(kept)
    assert number == kept


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        np.nan,
        np.float16("nan"),
        torch.tensor(math.nan),
        decimal.Decimal("NaN"),
        decimal.Decimal("sNaN"),
    ],
    ids=["float", "numpy", "float16", "tensor", "Decimal", "signalling Decimal"],
)
def test_nan_is_kept(value):
    assert type(values.scalar(value)) is float
    assert math.isnan(values.scalar(value))


@pytest.mark.parametrize(
    "value", [-0.0, np.float32(-0.0), torch.tensor(-0.0), decimal.Decimal("-0")], ids=repr
)
def test_the_sign_of_zero_is_kept(value):
    assert math.copysign(1, values.scalar(value)) == -1


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_is_refused_in_one_line(value, reason):
    with pytest.raises(ValueRefused, match=reason) as caught:
        values.scalar(value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@given(strategies.one_of(strategies.floats(), strategies.integers()))
def test_a_number_comes_back_equal_or_not_at_all(value):
    try:
        number = values.scalar(value)
    except ValueRefused:
        assert float(value) != value
    else:
        assert number == value or math.isnan(value)
        assert float(number) == number or math.isnan(value)


@given(strategies.decimals(allow_nan=False))
def test_a_decimal_comes_back_as_its_own_spelling_or_not_at_all(value):
    try:
        number = values.scalar(value)
    except ValueRefused:
        return
    assert decimal.Decimal(number) == value or decimal.Decimal(repr(number)) == value


KEYS = {
    "dots": "../../x",
    "slash": "a/b",
    "emoji": "\N{GRINNING FACE}",
    "NUL": "\0",
    "10,000": "x" * 10_000,
    "blank": " ",
    "newline": "a\nb",
    "sql": "'; drop table runs --",
    "format": "%s{}\\",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_kept_as_it_is(key):
    assert values.check_key(key) == key


def test_a_key_of_a_text_subclass_becomes_plain_text():
    assert type(values.check_key(np.str_("loss"))) is str
    assert values.check_key(3) == "3"


@pytest.mark.parametrize(
    ("key", "reason"),
    [("", "empty"), ("a\udc80", "surrogate pair at position 1"), ("x" * 100_000, "100,000 characters"),
     (None, "must be text"), (True, "must be text"), (("a",), "must be text"), (b"a", "must be text")],
    ids=["empty", "surrogate", "long", "None", "bool", "tuple", "bytes"],
)  # fmt: skip
def test_a_key_is_refused(key, reason):
    with pytest.raises(ValueRefused, match=reason):
        values.check_key(key)


def test_nested_mappings_are_opened():
    nested = {"a": {"b": 1, "c": {"d": 2}}, 3: {4: 5}, "e": [6], "f": {}}
    assert values.flatten(nested, "/") == {"a/b": 1, "a/c/d": 2, "3/4": 5, "e": [6], "f": {}}


def test_no_value_is_lost_where_keys_meet():
    assert values.flatten({"a/b": 1, "a": {"b": 2}, "a/b <2>": 3}, "/") == {
        "a/b": 1, "a/b <2>": 2, "a/b <2> <2>": 3,
    }  # fmt: skip


def test_a_mapping_inside_itself_is_marked():
    loop = {"x": 1}
    loop["self"] = loop
    twice = {"y": 2}
    assert values.flatten({"loop": loop, "first": twice, "second": twice}, ".") == {
        "loop.x": 1, "loop.self": "<cycle>", "first.y": 2, "second.y": 2,
    }  # fmt: skip


def test_a_mapping_nested_too_deep_stays_a_value():
    deep = {"end": 1}
    for _ in range(10_000):
        deep = {"in": deep}
    flat = values.flatten(deep, ".")
    assert len(flat) == 1
    assert isinstance(next(iter(flat.values())), dict)


def test_a_mapping_whose_items_fail_is_kept_as_a_value():
    class Odd(dict):
        def items(self):
            raise OSError

    odd = Odd(a=1)
    assert values.flatten({"odd": odd}, ".") == {"odd": odd}
