"""Signatures: inferred from real data of every library, held against other real data."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import SignatureMismatch
from epochal.models import Signature, infer_signature
from epochal.models.matching import fits
from epochal.models.signature import Array, Column, Dict, Opaque, Scalar, Series, Table, Tuple, describe

WIDE = pd.DataFrame(
    {
        "whole": [1, 2],
        "real": [0.5, np.nan],
        "flag": [True, False],
        "text": ["a", "b"],
        "kind": pd.Categorical(["u", "v"]),
        "when": pd.date_range("2020-01-01", periods=2, tz="Europe/Berlin"),
        "took": pd.to_timedelta([1, 2], unit="s"),
        "maybe": pd.array([1, None], dtype="Int64"),
        "perhaps": pd.array([True, None], dtype="boolean"),
        "small": np.array([1, 2], dtype="uint8"),
        "narrow": np.array([1, 2], dtype="float32"),
        "mixed": [1, "a"],
        "words": pd.Series(["x", None], dtype=object),
        "days": pd.Series([dt.date(2020, 1, 1)] * 2, dtype=object),
    }
)
WIDE_TYPES = {
    "whole": "int64",
    "real": "float64",
    "flag": "bool",
    "text": "string",
    "kind": "category",
    "when": "datetime",
    "took": "timedelta",
    "maybe": "int64",
    "perhaps": "bool",
    "small": "uint8",
    "narrow": "float32",
    "mixed": "object",
    "words": "string",
    "days": "date",
}


def types(signature):
    return {column.name: column.type for column in signature.inputs.columns}


def back(signature):
    return msgspec.json.decode(msgspec.json.encode(signature), type=Signature)


# -- inferring ----------------------------------------------------------------------------------------


def test_pandas_columns_of_every_type():
    signature = infer_signature(WIDE)
    assert types(signature) == WIDE_TYPES
    assert signature.inputs.columns[5].dtype == str(WIDE["when"].dtype)
    assert back(signature) == signature


@pytest.mark.parametrize("to", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "pyarrow"])
def test_other_tables_use_the_same_words(to):
    plain = WIDE.drop(columns=["mixed"])
    assert types(infer_signature(to(plain))) == {name: WIDE_TYPES[name] for name in plain}


@pytest.mark.parametrize("dtype", ["int64[pyarrow]", "double[pyarrow]", "float[pyarrow]", "bool[pyarrow]"])
def test_pandas_on_arrow(dtype):
    frame = pd.DataFrame({"a": pd.array([1, 0], dtype=dtype)})
    expected = {"int64": "int64", "double": "float64", "float": "float32", "bool": "bool"}
    assert types(infer_signature(frame)) == {"a": expected[dtype.partition("[")[0]]}


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.Datetime("us", "UTC"), "datetime"),
        (pl.Date, "date"),
        (pl.Time, "time"),
        (pl.Duration("ms"), "timedelta"),
        (pl.Categorical, "category"),
        (pl.Enum(["a"]), "category"),
        (pl.List(pl.Int64), "list"),
        (pl.Struct({"a": pl.Int8}), "struct"),
        (pl.Null, "null"),
        (pl.Decimal(10, 2), "decimal"),
        (pl.UInt16, "uint16"),
    ],
    ids=str,
)
def test_polars_types(dtype, expected):
    assert types(infer_signature(pl.DataFrame({"a": pl.Series([], dtype=dtype)}))) == {"a": expected}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((5, 3), "float32"), Array("numpy", "float32", [-1, 3])),
        (np.zeros(7, "int8"), Array("numpy", "int8", [-1])),
        (np.float64(1.5), Array("numpy", "float64", [])),
        (np.array(["a", "bcd"]), Array("numpy", "string", [-1])),
        (np.array(["a", None], dtype=object), Array("numpy", "string", [-1])),
        (np.array([1, "a"], dtype=object), Array("numpy", "object", [-1])),
        (np.array(["2020-01-01"], "M8[D]"), Array("numpy", "datetime64[D]", [-1])),
        (torch.zeros(2, 3, 4, dtype=torch.bfloat16), Array("torch", "bfloat16", [-1, 3, 4])),
        (torch.zeros(2, dtype=torch.long), Array("torch", "int64", [-1])),
        ([[1, 2], [3, 4]], Array("list", "int64", [-1, 2])),
        ([1, 2.5, None], Array("list", "float64", [-1])),
        (["a", "b"], Array("list", "string", [-1])),
        ([[1], [2, 3]], Tuple([Array("list", "int64", [-1]), Array("list", "int64", [-1])])),
        (
            [{"a": 1, "b": "x"}, {"a": 2.5, "b": "y"}],
            Table("records", [Column("a", "float64"), Column("b", "string")]),
        ),
        (
            {"x": np.zeros((2, 3)), "n": 3},
            Dict({"x": Array("numpy", "float64", [-1, 3]), "n": Scalar("int64")}),
        ),
        (
            (np.zeros(2), np.ones((2, 1))),
            Tuple([Array("numpy", "float64", [-1]), Array("numpy", "float64", [-1, 1])]),
        ),
        ("a question", Scalar("string")),
        (pd.Series([1.5], name="y"), Series("pandas", Column("y", "float64", "float64"))),
        (pl.Series("y", [1]), Series("polars", Column("y", "int64", "Int64"))),
        (None, Opaque("builtins:NoneType")),
        (Fraction(1, 2), Opaque("fractions:Fraction")),
        ([], Opaque("builtins:list")),
        ({}, Dict({})),
    ],
    ids=repr,
)
def test_arrays_records_and_nestings(data, expected):
    signature = infer_signature(data)
    assert signature.inputs == expected
    assert back(signature) == signature
    assert describe(expected)


def test_sparse_matrices_are_arrays():
    from scipy import sparse

    assert infer_signature(sparse.eye(4, format="csr")).inputs == Array("scipy", "float64", [-1, 4])


def test_labels_of_any_kind_survive():
    frame = pd.DataFrame(np.zeros((1, 4)), columns=pd.Index([0, ("a", 1), "b", None], dtype=object))
    signature = back(infer_signature(frame))
    assert [column.name for column in signature.inputs.columns] == [0, ["a", 1], "b", None]
    assert signature.check(frame) is frame
    assert signature.check(frame.iloc[:, ::-1]).equals(frame)


def test_outputs_are_kept():
    signature = infer_signature(np.zeros((2, 3)), np.zeros(2, "int64"))
    assert signature.outputs == Array("numpy", "int64", [-1])
    assert str(signature) == "inputs: numpy float64[-1, 3]\noutputs: numpy int64[-1]"


def test_deep_nesting_ends():
    data = leaf = {}
    for _ in range(100):
        leaf["a"] = leaf = {}
    assert back(infer_signature(data)) == infer_signature(data)


# -- matching tables ------------------------------------------------------------------------------------

frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"]})
TABLES = {"pandas": lambda f: f, "polars": pl.from_pandas, "lazy": lambda f: pl.from_pandas(f).lazy(),
          "pyarrow": lambda f: pa.Table.from_pandas(f, preserve_index=False)}  # fmt: skip


def columns(table):
    if isinstance(table, pa.Table):
        return table.column_names
    return list(table.collect_schema().names() if isinstance(table, pl.LazyFrame) else table.columns)


@pytest.mark.parametrize("kind", TABLES)
def test_what_fits_is_returned_as_it_is(kind):
    table = TABLES[kind](frame)
    assert infer_signature(table).check(table) is table


@pytest.mark.parametrize("kind", TABLES)
def test_columns_are_put_in_order(kind):
    table = TABLES[kind](frame[["c", "a", "b"]])
    assert columns(infer_signature(TABLES[kind](frame)).check(table)) == ["a", "b", "c"]
    assert columns(table) == ["c", "a", "b"], "the user's table is left alone"


@pytest.mark.parametrize("kind", TABLES)
def test_all_faults_are_named_at_once(kind):
    wrong = TABLES[kind](frame.assign(a=[0.5, 1.5], b=["p", "q"]))
    with pytest.raises(SignatureMismatch) as caught:
        infer_signature(TABLES[kind](frame)).check(wrong)
    assert "column 'a' is float64 where int64 is expected" in str(caught.value)
    assert "column 'b' is string where float64 is expected" in str(caught.value)
    with pytest.raises(SignatureMismatch, match=r"missing columns 'b'; unexpected columns 'z'"):
        infer_signature(TABLES[kind](frame)).check(TABLES[kind](frame.rename(columns={"b": "z"})))


@pytest.mark.parametrize("kind", TABLES)
def test_whole_numbers_become_real(kind):
    table = TABLES[kind](frame.assign(b=[1, 2]))
    cast = infer_signature(TABLES[kind](frame)).check(table)
    assert types(infer_signature(cast))["b"] == "float64"
    assert types(infer_signature(table))["b"] == "int64", "the user's table is left alone"


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_narrowing_looks_at_the_values(kind):
    signature = infer_signature(TABLES[kind](frame.astype({"a": "int8"})))
    assert types(infer_signature(signature.check(TABLES[kind](frame))))["a"] == "int8"
    with pytest.raises(SignatureMismatch, match="column 'a'"):
        signature.check(TABLES[kind](frame.assign(a=[1, 1000])))


def test_real_with_gaps_is_not_whole():
    with pytest.raises(SignatureMismatch, match="column 'a' is float64 where int64"):
        infer_signature(frame).check(frame.assign(a=[1.0, np.nan]))


def test_masked_and_plain_integers_are_one():
    masked = frame.astype({"a": "Int64"})
    assert infer_signature(frame).check(masked) is masked


def test_masked_integers_with_gaps_become_real():
    gaps = pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})
    cast = infer_signature(pd.DataFrame({"a": [0.5]})).check(gaps)
    assert cast["a"].dtype == "float64"
    assert cast["a"].isna().tolist() == [False, True]


def test_one_library_for_another():
    table = pl.from_pandas(frame[["b", "c", "a"]])
    assert infer_signature(frame).check(table).columns == ["a", "b", "c"]


def test_plain_json_becomes_the_table():
    signature = infer_signature(frame)
    rows = [{"c": "x", "b": 2, "a": 1}, {"a": 2, "b": 0.5, "c": "y"}]
    for given_data in (rows, {"c": ["x", "y"], "a": [1, 2], "b": [2, 0.5]}):
        table = signature.check(given_data)
        assert isinstance(table, pd.DataFrame)
        assert list(table.columns) == ["a", "b", "c"]
    with pytest.raises(SignatureMismatch, match="missing columns 'b', 'c'"):
        signature.check([{"a": 1}])
    with pytest.raises(SignatureMismatch, match="no table can be made"):
        signature.check({"a": [1], "b": [1, 2], "c": ["x"]})


def test_an_array_for_a_table():
    signature = infer_signature(frame[["a", "b"]].astype("float64"))
    data = np.zeros((3, 2))
    assert signature.check(data) is data
    with pytest.raises(SignatureMismatch, match="3 columns where 2"):
        signature.check(np.zeros((1, 3)))
    with pytest.raises(SignatureMismatch, match="expected as float64"):
        signature.check(np.array([["a", "b"]]))
    with pytest.raises(SignatureMismatch, match="pandas table"):
        signature.check(np.zeros(2))


def test_repeated_labels_go_by_position():
    twice = pd.DataFrame([[1, 2.5]], columns=["a", "a"])
    signature = infer_signature(twice)
    assert signature.check(twice) is twice
    with pytest.raises(SignatureMismatch, match="column 'a' is float64 where int64"):
        signature.check(twice.iloc[:, ::-1])
    with pytest.raises(SignatureMismatch, match="same name"):
        signature.check(pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a"]))


def test_an_empty_column_fits_every_type():
    empty = frame.assign(c=pd.Series([None, None], dtype=object))
    assert infer_signature(frame).check(empty) is empty


def test_long_messages_are_cut():
    wide = pd.DataFrame(np.zeros((1, 500)), columns=[f"c{i}" for i in range(500)])
    with pytest.raises(SignatureMismatch, match="and 489 more") as caught:
        infer_signature(wide).check(wide[["c0"]])
    assert len(str(caught.value)) < 1000


# -- matching arrays and the rest -------------------------------------------------------------------------


@pytest.mark.parametrize("data", [np.zeros((3, 2)), torch.zeros(3, 2)], ids=["numpy", "torch"])
def test_any_batch_fits(data):
    signature = infer_signature(data)
    assert signature.check(data[:1]) is not None
    assert signature.check(data[:0]) is not None
    with pytest.raises(SignatureMismatch, match=r"shape \[3, 1\] where \[-1, 2\]"):
        signature.check(data[:, :1])
    with pytest.raises(SignatureMismatch, match="shape"):
        signature.check(data[0])


def test_tensors_are_cast_where_nothing_is_lost():
    signature = infer_signature(torch.zeros(1, 2))
    assert signature.check(torch.ones(1, 2, dtype=torch.int16)).dtype == torch.float32
    with pytest.raises(SignatureMismatch, match="float64 where float32"):
        signature.check(torch.ones(1, 2, dtype=torch.float64))
    with pytest.raises(SignatureMismatch, match="cannot hold"):
        signature.check(torch.full((1, 2), 2**24 + 1))
    with pytest.raises(SignatureMismatch, match="float32 where int64"):
        infer_signature(torch.zeros(1, dtype=torch.long)).check(torch.zeros(1))


def test_lists_become_arrays():
    signature = infer_signature(np.zeros((1, 2)))
    found = signature.check([[1, 2], [3, 4]])
    assert found.dtype == np.float64
    assert found.tolist() == [[1, 2], [3, 4]]
    assert signature.check([]).shape == (0, 2)
    with pytest.raises(SignatureMismatch):
        signature.check([[1], [2, 3]])
    with pytest.raises(SignatureMismatch, match="string where float64"):
        signature.check([["a", "b"]])


def test_floats_of_json_have_no_width():
    assert infer_signature(np.zeros((1, 2), "float32")).check([[0.1, 2]]).dtype == np.float32
    found = infer_signature(torch.zeros(1, 2)).check([[0.1, 2.0]])
    assert torch.equal(found, torch.tensor([[0.1, 2.0]]))
    assert infer_signature(torch.zeros(1, 2)).check([]).shape == (0, 2)
    assert infer_signature(torch.zeros(1, dtype=torch.long)).check([1, 2]).dtype == torch.int64
    with pytest.raises(SignatureMismatch, match="float32 where int64"):
        infer_signature(torch.zeros(1, dtype=torch.long)).check([0.5])
    narrow = pd.DataFrame({"a": np.zeros(1, "float32")})
    assert infer_signature(narrow).check([{"a": 0.1}])["a"].dtype == np.float32
    with pytest.raises(SignatureMismatch, match="float64 where float32"):
        infer_signature(narrow).check(narrow.astype("float64"))


def test_a_table_for_an_array():
    signature = infer_signature(np.zeros((1, 2)))
    numbers = frame[["a", "b"]]
    assert signature.check(numbers) is numbers
    with pytest.raises(SignatureMismatch, match=r"3 columns where 2.*column 'c' is string"):
        signature.check(frame)


def test_a_series_for_a_vector():
    texts = pd.Series(["a", "b"])
    assert infer_signature(np.array(["x"])).check(texts) is texts
    assert infer_signature(texts).check(["a"]) is not None
    with pytest.raises(SignatureMismatch, match="float64 where string"):
        infer_signature(texts).check(pd.Series([0.5]))


def test_inputs_by_name():
    signature = infer_signature({"ids": torch.zeros(1, 4, dtype=torch.long), "mask": np.ones((1, 4))})
    data = {"mask": np.ones((2, 4), int), "ids": torch.ones(2, 4, dtype=torch.long)}
    found = signature.check(data)
    assert list(found) == ["ids", "mask"]
    assert found["mask"].dtype == np.float64
    assert data["mask"].dtype != np.float64
    with pytest.raises(SignatureMismatch) as caught:
        signature.check({"ids": torch.ones(2, 3, dtype=torch.long), "masks": 1})
    assert "missing keys 'mask'" in str(caught.value)
    assert "unexpected keys 'masks'" in str(caught.value)
    assert "['ids']: shape [2, 3]" in str(caught.value)
    with pytest.raises(SignatureMismatch, match="where a dict"):
        signature.check(np.ones((1, 4)))


def test_inputs_in_order():
    signature = infer_signature((np.zeros(1), np.zeros((1, 2))))
    assert isinstance(signature.check((np.zeros(3), np.zeros((3, 2)))), tuple)
    with pytest.raises(SignatureMismatch, match=r"\[1\]: shape"):
        signature.check((np.zeros(3), np.zeros((3, 3))))
    with pytest.raises(SignatureMismatch, match="1 where a sequence of 2"):
        signature.check((np.zeros(3),))


def test_records():
    signature = infer_signature([{"a": 1, "b": "x"}])
    rows = [{"b": "y", "a": 2}]
    assert signature.check(rows) is rows
    for wrong, words in (
        ([{"a": 1}], "missing keys 'b'"),
        ([{"a": 1, "b": "x", "c": 0}], "unexpected keys 'c'"),
        ([{"a": 0.5, "b": "x"}], "column 'a' is float64"),
        (3, "where a list of dicts"),
    ):
        with pytest.raises(SignatureMismatch, match=words):
            signature.check(wrong)


def test_scalars_and_unknowns():
    assert infer_signature("a").check("b") == "b"
    with pytest.raises(SignatureMismatch, match="int where string"):
        infer_signature("a").check(1)
    assert infer_signature(1.5).check(2) == 2
    anything = object()
    assert infer_signature(Fraction(1)).check(anything) is anything
    assert Signature().check(anything) is anything


# -- properties -------------------------------------------------------------------------------------------

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES))
def test_what_numpy_calls_safe_fits(one, other):
    if np.can_cast(one, other, "safe"):
        assert fits(one, other)
    if np.dtype(one).kind in "fc" and np.dtype(other).kind in "biu":
        assert not fits(one, other)


@given(
    st.sampled_from([d for d in DTYPES if d != "bool"]),
    st.sampled_from(DTYPES),
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5),
)
def test_a_cast_never_changes_a_value(wanted, given_dtype, values):
    with np.errstate(over="ignore", invalid="ignore"):
        data = np.array(values).astype(given_dtype)
    try:
        found = infer_signature(np.zeros(1, wanted)).check(data)
    except SignatureMismatch:
        return
    assert found.dtype == wanted
    assert found.tolist() == data.tolist() or np.array_equal(found, data, equal_nan=True)


DAYS = dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1)  # noqa: DTZ001 - naive ones are the subject


@st.composite
def frames(draw):
    names = draw(st.lists(st.text(max_size=5), min_size=1, max_size=6, unique=True))
    rows = draw(st.integers(1, 4))
    kinds = {
        "int64": st.integers(-(2**63), 2**63 - 1),
        "float64": st.floats(width=64),
        "bool": st.booleans(),
        "str": st.text(max_size=5),
        "Int8": st.none() | st.integers(-128, 127),
        "category": st.sampled_from("abc"),
        "datetime64[us]": st.datetimes(*DAYS),
    }
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(sorted(kinds)))
        columns[name] = pd.Series(draw(st.lists(kinds[kind], min_size=rows, max_size=rows)), dtype=kind)
    return pd.DataFrame(columns)


@given(frames(), st.randoms(use_true_random=False))
def test_shuffled_columns_come_back_in_order(data, random):
    signature = back(infer_signature(data))
    names = list(data.columns)
    random.shuffle(names)
    pd.testing.assert_frame_equal(signature.check(data[names]), data)
