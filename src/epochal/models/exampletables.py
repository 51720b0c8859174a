"""How the rows of an example's tables are written as JSON and read back, per library.

A column carries its dtype; dates and durations are written as the integers they are, odd
floats by name, missing values as null.  A reader takes a dtype only from a closed list or
through the library's own parser of names: nothing here is looked up by a file's word.
"""

from __future__ import annotations

from typing import Any

from .examplevalues import ODD, NotExact, flat, from_flat, number, plain
from .inference import label


def write_pandas(data: Any, rows: int) -> dict[str, Any]:
    """Rows of a frame or series; raises where they would not come back with dtypes and index."""
    import pandas as pd

    head: Any = data.head(rows)
    if type(data) is pd.Series:
        tree = {"kind": "pandas-series", "column": _pandas_column(head), "index": _pandas_index(head)}
        pd.testing.assert_series_equal(read_pandas_series(tree), head, check_exact=True, check_freq=False)
        return tree
    if type(data) is not pd.DataFrame:
        raise NotExact(f"no form for a pandas.{type(data).__name__}")
    columns = [_pandas_column(head.iloc[:, at]) for at in range(head.shape[1])]
    tree = {"kind": "pandas", "columns": columns, "index": _pandas_index(head)}
    pd.testing.assert_frame_equal(read_pandas(tree), head, check_exact=True, check_freq=False)
    return tree


def _pandas_index(head: Any) -> Any:
    import pandas as pd

    if head.index.equals(pd.RangeIndex(len(head))) and head.index.name is None:
        return None
    return _pandas_column(head.index.to_series())


def _pandas_column(column: Any) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    name, dtype = plain(label(column.name)), column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _pandas_column(dtype.categories.to_series(name=None))
        codes = column.cat.codes.tolist()
        return {
            "name": name,
            "dtype": "category",
            "categories": categories,
            "ordered": dtype.ordered,
            "values": codes,
        }
    if isinstance(dtype, np.dtype) and dtype.kind in "biufmM":
        return {"name": name, "dtype": str(dtype), "values": flat(column.to_numpy())}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"name": name, "dtype": str(dtype), "values": column.array.asi8.tolist()}
    if str(dtype) == "object":  # where None and NaN are two things
        return {"name": name, "dtype": "object", "values": plain(column.tolist())}
    missing = pd.isna(column).tolist()
    values = [None if gone else item for gone, item in zip(missing, column.tolist(), strict=True)]
    word = f"string[{dtype.storage}]" if str(dtype) == "string" else str(dtype)
    return {"name": name, "dtype": word, "values": plain(values)}


def _read_pandas_column(tree: Any) -> Any:
    import pandas as pd

    dtype, values = tree["dtype"], tree["values"]
    if dtype == "category":
        categories = pd.Index(_read_pandas_column(tree["categories"]))
        kept: Any = pd.Categorical.from_codes(values, categories=categories, ordered=tree["ordered"])
    elif dtype.startswith("datetime64["):
        unit, _, zone = dtype.removeprefix("datetime64[").removesuffix("]").partition(", ")
        kept = pd.Series(from_flat(values, f"M8[{unit}]", [len(values)]))
        kept = kept.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else kept
    elif dtype.startswith("timedelta64[") or dtype in {"float16", "float32", "float64"}:
        kept = from_flat(values, dtype, [len(values)])
    else:
        kept = pd.Series(values, dtype=dtype)
    return pd.Series(kept, name=tree["name"])


def _read_pandas_index(tree: Any) -> Any:
    import pandas as pd

    return None if tree is None else pd.Index(_read_pandas_column(tree))


def read_pandas_series(tree: Any) -> Any:
    """The series that was written."""
    column = _read_pandas_column(tree["column"])
    index = _read_pandas_index(tree["index"])
    return column if index is None else column.set_axis(index)


def read_pandas(tree: Any) -> Any:
    """The frame that was written."""
    import pandas as pd

    columns = [_read_pandas_column(column) for column in tree["columns"]]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index([column["name"] for column in tree["columns"]])
    index = _read_pandas_index(tree["index"])
    return frame if index is None else frame.set_axis(index)


_POLARS = (
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"),
    *("Boolean", "String", "Date", "Datetime", "Duration", "Time", "Categorical", "Enum"),
)
_POLARS_PARTS = ("time_unit", "time_zone")


def write_polars(data: Any, rows: int) -> dict[str, Any]:
    """Rows of a frame or series."""
    import polars as pl

    if isinstance(data, pl.Series):
        return {"kind": "polars-series", "column": _polars_column(data.head(rows))}
    if not isinstance(data, pl.DataFrame):
        raise NotExact(f"no form for a polars.{type(data).__name__}")
    return {"kind": "polars", "columns": [_polars_column(column) for column in data.head(rows).get_columns()]}


def _polars_column(column: Any) -> dict[str, Any]:
    kind = str(column.dtype.base_type())
    if kind not in _POLARS:
        raise NotExact(f"no form for a column of {column.dtype}")
    parts = {part: getattr(column.dtype, part) for part in _POLARS_PARTS if hasattr(column.dtype, part)}
    if kind == "Enum":
        parts = {"categories": column.dtype.categories.to_list()}
    physical = column.to_physical() if kind in {"Date", "Datetime", "Duration", "Time"} else column
    values = [number(item) if type(item) is float else item for item in physical.to_list()]
    return {"name": column.name, "dtype": kind, "parts": parts, "values": values}


def read_polars_column(tree: Any) -> Any:
    """The column, or series, that was written."""
    import polars as pl

    kind = tree["dtype"]
    if kind not in _POLARS or not set(tree["parts"]) <= {*_POLARS_PARTS, "categories"}:
        raise NotExact(f"no form for a column of {kind}")
    dtype = getattr(pl, kind)(**tree["parts"])
    values = (
        [ODD[v] if isinstance(v, str) else v for v in tree["values"]]
        if kind.startswith("Float")
        else tree["values"]
    )
    if kind in {"Date", "Datetime", "Duration", "Time"}:
        return pl.Series(tree["name"], values, pl.Int32 if kind == "Date" else pl.Int64).cast(dtype)
    return pl.Series(tree["name"], values, dtype)


def read_polars(tree: Any) -> Any:
    """The frame that was written."""
    import polars as pl

    return pl.DataFrame([read_polars_column(column) for column in tree["columns"]])


def write_arrow(data: Any, rows: int) -> dict[str, Any]:
    """Rows of a table."""
    import pyarrow as pa

    if not isinstance(data, pa.Table):
        raise NotExact(f"no form for a pyarrow.{type(data).__name__}")
    head = data.slice(0, rows)
    schema = [{"name": field.name, "dtype": str(field.type)} for field in head.schema]
    columns = [[number(v) if type(v) is float else v for v in column.to_pylist()] for column in head.columns]
    tree = {"kind": "pyarrow", "schema": schema, "values": plain(columns)}
    back = read_arrow(tree)
    if back.schema != head.schema.remove_metadata() or repr(back.to_pydict()) != repr(head.to_pydict()):
        raise NotExact("no form for a column of it")
    return tree


def read_arrow(tree: Any) -> Any:
    """The table that was written."""
    import pyarrow as pa

    types = [pa.type_for_alias(field["dtype"]) for field in tree["schema"]]
    columns = []
    for kind, values in zip(types, tree["values"], strict=True):
        odd = pa.types.is_floating(kind)
        columns.append(pa.array([ODD[v] if odd and isinstance(v, str) else v for v in values], kind))
    return pa.table(columns, names=[field["name"] for field in tree["schema"]])
