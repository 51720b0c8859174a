"""Whatever a table may be made of, as names, types and columns of cells; and as Parquet."""

from __future__ import annotations

import datetime as dt
import importlib.util
import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from epochal.errors import ValueRefused
from epochal.plain import plain

from .encoded import as_array, is_array, refused

WORTH_PYARROW = 50_000  # cells
TAKES = (
    "a pandas, polars or Arrow table, a dict of columns, a list of dicts, rows with columns=[...], "
    "or an array of rows x columns"
)
_SIMPLE = (str, int, float, bytes, dt.date, dt.timedelta, type(None))


def columns_of(data: Any, names: list[str] | None = None) -> tuple[list[str], list[str], list[list[Any]]]:
    """Return names, types (may be empty) and cells of each column; ``names`` replace the names found.

    Raises `ValueRefused` if ``data`` is no table, or its columns are of different lengths.
    """
    root = type(data).__module__.partition(".")[0]
    if data is None and names is not None:
        data = []
    if root == "pandas":
        found, cells = _of_pandas(data)
    elif root == "polars":
        found = [(name, str(dtype)) for name, dtype in data.schema.items()]
        cells = [column.to_list() for column in data.get_columns()]
    elif root == "pyarrow" and hasattr(data, "schema"):
        found = [(field.name, str(field.type)) for field in data.schema]
        cells = [data.column(index).to_pylist() for index in range(len(found))]
    elif isinstance(data, Mapping):
        found = [(plain(str(name)), "") for name in data]
        cells = [as_array(column).tolist() if is_array(column) else list(column) for column in data.values()]
    elif is_array(data):
        found, cells = _of_array(data)
    elif isinstance(data, list | tuple):
        found, cells = _of_rows(data, names)
    else:
        raise refused("table", data, TAKES)
    if names is not None:
        if len(names) != len(found):
            raise ValueRefused(f"a table of {len(found)} columns got {len(names)} names: {', '.join(names)}")
        found = [(name, dtype) for name, (_, dtype) in zip(names, found, strict=True)]
    if len({len(column) for column in cells}) > 1:
        sizes = ", ".join(f"{name}: {len(column)}" for (name, _), column in zip(found, cells, strict=True))
        raise ValueRefused(f"the columns of a table must be equally long; these are {sizes[:300]}")
    return _distinct([name for name, _ in found]), [dtype for _, dtype in found], cells


def frame_of(data: Any) -> Any | None:
    """Return a frame of pandas, polars or Arrow as one, also for a series or a lazy frame; else None."""
    root = type(data).__module__.partition(".")[0]
    if root == "polars" and hasattr(data, "collect"):
        return data.collect()
    if root in ("pandas", "polars") and not hasattr(data, "columns") and hasattr(data, "to_frame"):
        return data.to_frame()
    is_table = hasattr(data, "columns") if root in ("pandas", "polars") else hasattr(data, "schema")
    return data if root in ("pandas", "polars", "pyarrow") and is_table else None


def first_rows(frame: Any, count: int) -> Any:
    """Return the beginning of a frame."""
    return frame.slice(0, count) if type(frame).__module__.startswith("pyarrow") else frame.head(count)


def parquet_of_frame(frame: Any) -> bytes | None:
    """Return Parquet, or None if it would not be worth it or could not hold every cell."""
    written = io.BytesIO()
    root = type(frame).__module__.partition(".")[0]
    if root == "polars":
        try:
            frame.write_parquet(written)
        except Exception:  # a column of Python objects
            return None
        return written.getvalue()
    if not frame.shape[1] or not _is_worth_it(frame.shape[0] * frame.shape[1]):
        return None
    import pyarrow as pa

    try:
        if root == "pandas":
            table = _arrow_of_pandas(frame)
        else:
            table = frame if isinstance(frame, pa.Table) else pa.Table.from_batches([frame])
        return _written(table)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):  # a column of many kinds of cells
        return None


def parquet_of_columns(names: list[str], columns: list[list[Any]]) -> bytes | None:
    """Return Parquet, or None if it would not be worth it or could not hold every cell."""
    if not columns or not _is_worth_it(len(columns) * len(columns[0])):
        return None
    if not all(isinstance(cell, _SIMPLE) for cells in columns for cell in cells):
        return None  # Arrow would give each mapping the keys of all
    import pyarrow as pa

    try:
        return _written(pa.table(dict(zip(names, [pa.array(cells) for cells in columns], strict=True))))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):  # a column of many kinds of cells
        return None


def missing(cell: Any) -> Any:
    """Return None for a missing value of pandas, and everything else, NaN too, as it is."""
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell


def _is_worth_it(cells: int) -> bool:
    if not cells or ("pyarrow" not in sys.modules and cells < WORTH_PYARROW):
        return False
    return importlib.util.find_spec("pyarrow") is not None


def _written(table: Any) -> bytes:
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def _arrow_of_pandas(frame: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    table = pa.Table.from_pandas(frame)
    for index, dtype in enumerate(frame.dtypes):  # Arrow would take NaN for missing
        if isinstance(dtype, np.dtype) and dtype.kind == "f":
            exact = pa.array(frame.iloc[:, index].to_numpy(), from_pandas=False)
            table = table.set_column(index, table.field(index), exact)
    return table


def _of_pandas(data: Any) -> tuple[list[tuple[str, str]], list[list[Any]]]:
    frame = data.to_frame() if not hasattr(data, "columns") else data
    if not (type(frame.index).__name__ == "RangeIndex" and frame.index.name is None):
        frame = frame.reset_index(
            names=[str(n) if n is not None else f"index {i}" for i, n in enumerate(frame.index.names)]
        )
    found = [(plain(str(name)), str(dtype)) for name, dtype in zip(frame.columns, frame.dtypes, strict=True)]
    columns = [frame.iloc[:, index] for index in range(len(found))]
    # in a column of text, pandas has NaN where nothing is
    return found, [
        cells.tolist()
        if cells.dtype.kind in "fc"
        else cells.astype(object).where(cells.notna(), None).tolist()
        for cells in columns
    ]


def _of_array(data: Any) -> tuple[list[tuple[str, str]], list[list[Any]]]:
    array = as_array(data)
    if array.dtype.names:
        return [(n, str(array.dtype[n])) for n in array.dtype.names], [
            array[n].tolist() for n in array.dtype.names
        ]
    if array.ndim not in (1, 2):
        raise refused("table", data, TAKES)
    columns = array.reshape(len(array), -1).T
    return [(str(index), str(array.dtype)) for index in range(len(columns))], [
        list(c.tolist()) for c in columns
    ]


def _of_rows(rows: Sequence[Any], names: list[str] | None) -> tuple[list[tuple[str, str]], list[list[Any]]]:
    if rows and all(isinstance(row, Mapping) for row in rows):
        keys = list(dict.fromkeys(key for row in rows for key in row))
        return [(plain(str(key)), "") for key in keys], [[row.get(key) for row in rows] for key in keys]
    listed = [list(row) if isinstance(row, Sequence) and not isinstance(row, str) else row for row in rows]
    listed = [as_array(row).tolist() if is_array(row) else row for row in listed]
    if not all(isinstance(row, list) for row in listed):
        raise refused("table", rows, TAKES)
    width = len(names) if names is not None else len(listed[0]) if listed else 0
    for number, row in enumerate(listed):
        if len(row) != width:
            raise ValueRefused(f"row {number} of the table has {len(row)} cells, not {width}")
    return [(str(index), "") for index in range(width)], [
        [row[index] for row in listed] for index in range(width)
    ]


def _distinct(names: list[str]) -> list[str]:
    made: dict[str, None] = {}
    for name in names:
        number = 2
        unique = name
        while unique in made:
            unique, number = f"{name} <{number}>", number + 1
        made[unique] = None
    return list(made)
