"""Input examples: what is kept is read back exactly, and what could not be is not kept."""

from __future__ import annotations

import datetime as dt
import logging
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from epochal import errors
from epochal.models import examples
from epochal.models.examplevalues import NotExact
from epochal.testing.flavors import identical

ODD = [0.1, -0.0, 5e-324, 1e308, math.nan, math.inf, -math.inf]
SINGLE = [0.1, -0.0, 1e-45, 3e38, math.nan, math.inf, -math.inf]


def there_and_back(data, rows=100):
    return examples.decode(examples.encode(data, rows))


def same_array(one, other):
    return type(one) is type(other) and one.dtype == other.dtype and one.tobytes() == other.tobytes()


ARRAYS = [
    np.array(ODD),
    np.array(SINGLE, dtype="float32"),
    np.array([0.5, 6e-8, np.inf], dtype="float16"),
    np.array([-(2**63), 2**63 - 1]),
    np.array([2**64 - 1], dtype="uint64"),
    np.array([True, False]),
    np.array(["a", "", "\N{GRINNING FACE}\x00b"]),
    np.array(["2020-01-01T00:00:00.123456789", "NaT"], dtype="M8[ns]"),
    np.array([1, -1], dtype="m8[s]"),
    np.array([1 + 2j, complex(math.nan, -0.0)]),
    np.arange(24, dtype="int16").reshape(2, 3, 4),
    np.zeros((0, 3)),
    np.array(1.5),
    np.array([1, 2], dtype=">i4"),
]


@pytest.mark.parametrize("data", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays(data):
    assert same_array(there_and_back(data), data)


@given(
    hnp.arrays(
        hnp.scalar_dtypes().filter(lambda d: d.itemsize <= 8 or d.kind in "US"), hnp.array_shapes(max_side=3)
    )
)
def test_any_array_or_none(data):
    try:
        content = examples.encode(data)
    except NotExact:
        assert data.dtype.kind == "S"
        return
    found = examples.decode(content)
    assert found.dtype == data.dtype
    assert identical(found, data)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int64", "uint8", "bool"])
def test_tensors(dtype):
    data = torch.tensor([[0.1, 1e-3, 3], [0, 1, 2]]).to(getattr(torch, dtype))
    found = there_and_back(data)
    assert found.dtype == data.dtype
    assert torch.equal(found, data)


def test_a_tensor_that_needs_gradients():
    data = torch.ones(7, 2, requires_grad=True)
    assert there_and_back(data, 5).shape == (5, 2)


TABLES = {
    "plain": pd.DataFrame({"a": [1, 2], "b": [0.1, math.nan], "c": ["x", None], "d": [True, False]}),
    "floats": pd.DataFrame({"a": ODD, "b": np.array(SINGLE, "float32")}),
    "times": pd.DataFrame(
        {
            "naive": pd.to_datetime(["2020-01-01", None]),
            "zone": pd.date_range("2020-03-29", periods=2, freq="h", tz="Europe/Berlin"),
            "utc": pd.date_range("2020", periods=2, tz="UTC"),
            "took": pd.to_timedelta([1, None], unit="s"),
        }
    ),
    "masked": pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int64"),
            "u": pd.array([255, None], dtype="UInt8"),
            "b": pd.array([True, None], dtype="boolean"),
            "s": pd.array(["x", None], dtype="string[python]"),
        }
    ),
    "categories": pd.DataFrame(
        {
            "words": pd.Categorical(["b", None], categories=["b", "a"], ordered=True),
            "numbers": pd.Categorical([2, 1]),
        }
    ),
    "objects": pd.DataFrame(
        {"o": pd.Series([1, "a"], dtype=object), "l": pd.Series([[1], {"k": None}], dtype=object)}
    ),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index([17, 4], name="row")),
    "dates": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2)),
    "labels": pd.DataFrame(np.zeros((2, 3)), columns=[2, 0, 1]),
    "twice": pd.DataFrame([[1, 0.5]], columns=["a", "a"]),
    "empty": pd.DataFrame({"a": np.zeros(0, "int8")}),
}


@pytest.mark.parametrize("data", TABLES.values(), ids=TABLES)
def test_frames(data):
    found = there_and_back(data)
    pd.testing.assert_frame_equal(found, data, check_exact=True, check_freq=False)
    for column in found:
        if found[column].ndim == 1 and found[column].dtype.kind == "f":
            assert found[column].to_numpy().tobytes() == data[column].to_numpy().tobytes()


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
        pd.DataFrame({"a": pd.period_range("2020", periods=1)}),
        pd.DataFrame({"a": [{1, 2}]}),
        pd.DataFrame({"a": pd.Series([math.nan, "x"], dtype=object)}),
        pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("a", "b")])),
        np.array([object()]),
        np.zeros(1, [("a", "i4")]),
        np.ma.masked_array([1], [True]),
        np.array([1], dtype="longdouble"),
        [{"a": math.nan}],
        [{"a": object()}],
        {1: 2},
        object(),
        torch.zeros(2).to_sparse(),
        pl.DataFrame({"a": [[1]]}),
        pl.LazyFrame({"a": [1]}),
        pa.table({"a": [[1]]}),
        pa.table({"a": [dt.date(2020, 1, 1)]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_not_come_back_is_not_kept(data):
    with pytest.raises(NotExact):
        examples.encode(data)


def test_series_and_rows():
    data = pd.Series(range(10), name="y", index=range(10, 0, -1))
    pd.testing.assert_series_equal(there_and_back(data, 3), data.head(3))
    assert there_and_back(np.arange(10), 5).tolist() == [0, 1, 2, 3, 4]
    assert there_and_back([{"a": 1}] * 9, 5) == [{"a": 1}] * 5
    assert there_and_back(["x"] * 9, 5) == ["x"] * 5


def test_nestings():
    data = {"x": np.ones((9, 2)), "more": (np.zeros(9, "int8"), [np.ones(9)]), "n": 3, "t": "text"}
    found = there_and_back(data, 5)
    assert identical(
        found, {"x": np.ones((5, 2)), "more": (np.zeros(5, "int8"), [np.ones(5)]), "n": 3, "t": "text"}
    )
    assert type(found["more"]) is tuple


@pytest.mark.parametrize(
    "data",
    [
        pl.DataFrame({"a": [1, None], "b": [0.1, math.inf], "c": ["x", None], "d": [True, None]}),
        pl.DataFrame({"a": [dt.date(2020, 1, 1)], "b": [dt.timedelta(seconds=1)], "c": [dt.time(1, 2)]}),
        pl.DataFrame(
            {"a": pl.Series([dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], dtype=pl.Datetime("ns", "Asia/Tokyo"))}
        ),
        pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))}),
        pl.DataFrame({"a": pl.Series(["x", None], dtype=pl.Categorical)}),
        pl.DataFrame({"a": pl.Series([1], dtype=pl.UInt8), "b": pl.Series([0.1], dtype=pl.Float32)}),
    ],
    ids=lambda data: ",".join(map(str, data.dtypes)),
)
def test_polars(data):
    found = there_and_back(data)
    assert found.schema == data.schema
    assert found.equals(data)


def test_arrow():
    data = pa.table({"a": [1, None], "b": [0.1, math.nan], "c": ["x", None], "d": [True, None]})
    found = there_and_back(data)
    assert found.schema == data.schema
    assert repr(found.to_pydict()) == repr(data.to_pydict())


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_any_json(data):
    assert repr(there_and_back(data)) == repr(data)


def test_large_rows_are_fewer_or_none(tmp_path, caplog):
    errors.forget()
    images = np.random.default_rng(0).normal(size=(5, 3, 100, 100))
    found = examples.decode(examples.encode(images))
    assert found.shape == (1, 3, 100, 100)
    with caplog.at_level(logging.WARNING, "epochal"):
        for _ in range(2):
            assert examples.write(np.zeros((1, 2_000_000)) + 0.1, tmp_path) is None
    said = [record.getMessage() for record in caplog.records if record.name == "epochal"]
    assert len(said) == 1
    assert "the input example is not kept: 2000000 values are more than the 100000" in said[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b'{"kind": "os"}',
        b'{"kind": "numpy", "dtype": "O,O", "shape": [1], "values": [1]}',
        b'{"kind": "numpy", "dtype": "V1000000000000", "shape": [1], "values": [1]}',
        b'{"kind": "numpy", "dtype": "<f8", "shape": [99999999999], "values": [1]}',
        b'{"kind": "torch", "dtype": "load", "shape": [1], "values": ["x"]}',
        b'{"kind": "polars", "columns": [{"name": "a", "dtype": "read_csv", "parts": {}, "values": []}]}',
        b'{"kind": "polars", "columns": [{"name": "a", "dtype": "Int8", "parts": {"x": 1}, "values": []}]}',
        b'{"kind": "pyarrow", "schema": [{"name": "a", "dtype": "extension"}], "values": [[1]]}',
        b'{"kind": "pandas", "columns": [{"name": "a", "dtype": "nothing", "values": []}], "index": null}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:60].decode(),
)
def test_a_damaged_example_is_one_clear_error(content):
    with pytest.raises(errors.FormatError, match="the example in there cannot be read"):
        examples.decode_safely(content, "there")
