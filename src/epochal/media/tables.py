"""Tables and histograms: numbers to look at in rows and in bars.

A table is kept as Parquet where pyarrow is at hand and can hold it exactly, and as JSON lines, one object a
row, otherwise. Parquet is not worth loading pyarrow for a few rows, so small tables use it only once it is
loaded already; polars writes its own.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

from .encoded import Encoded, Media, as_array, is_array, refused

if TYPE_CHECKING:
    from pathlib import Path

PREVIEW = 20  # rows beside the file, so that a list of runs can show them without opening it
PREVIEW_COLUMNS = 50
WORTH_PYARROW = 50_000  # cells
TAKES = (
    "a pandas, polars or Arrow table, a dict of columns, a list of dicts, rows with columns=[...], "
    "or an array of rows x columns"
)
BINS, MOST_BINS = 64, 4096


class Table(Media):
    """Rows and columns, from a frame of pandas, polars or Arrow, a dict of columns, rows, or an array."""

    type = "table"

    def __init__(
        self,
        data: Any = None,
        columns: Sequence[str] | None = None,
        *,
        rows: Iterable[Any] | None = None,
        caption: str | None = None,
    ) -> None:
        """Hold the table until it is logged; ``rows`` is another name for ``data`` beside ``columns``.

        Cells may be anything that JSON or Parquet can say, and images, figures or other media.
        """
        super().__init__(caption)
        self.data = rows if data is None else data
        self.columns = None if columns is None else [str(name) for name in columns]
        if isinstance(self.data, Iterable) and not hasattr(self.data, "__len__"):
            self.data = list(self.data)

    def add_row(self, *cells: Any) -> None:
        """Append a row to a table made of rows; give as many cells as there are columns."""
        if self.data is None:
            self.data = []
        if not isinstance(self.data, list):
            raise ValueRefused(
                f"rows are added to a table of rows; this one was made of {describe(self.data)}"
            )
        if self.columns is not None and len(cells) != len(self.columns):
            raise ValueRefused(f"a row of {len(cells)} cells for {len(self.columns)} columns: {cells!r:.200}")
        self.data.append(list(cells))

    def encode(self) -> Encoded:
        """Return the table's file, its columns, and its first rows."""
        names, dtypes, columns = _columns(self.data, self.columns)
        data: dict[str, Any] = {"columns": names, "dtypes": dtypes, "rows": len(columns[0]) if columns else 0}
        parquet = _parquet(self.data, names, columns, self.columns)
        extra: list[tuple[str, bytes | Path, str]] = []
        if parquet is None:
            data["numbers"] = [
                name for name, cells in zip(names, columns, strict=True) if _all_numbers(cells)
            ]
            columns = [_cells(cells, index, extra) for index, cells in enumerate(columns)]
            rows = zip(*columns, strict=True)
            lines = [msgspec.json.encode(dict(zip(names, row, strict=True))) for row in rows]
            file = ("table.jsonl", b"\n".join([*lines, b""]), "application/x-ndjson")
        else:
            file = ("table.parquet", parquet, "application/vnd.apache.parquet")
        shown = columns[:PREVIEW_COLUMNS]
        preview = zip(
            *[[_short(plain(_missing(c))) for c in cells[:PREVIEW]] for cells in shown], strict=True
        )
        data["preview"] = [list(row) for row in preview]
        return Encoded(self.type, [file, *extra], data, self.caption)

    def about(self) -> str:
        """Say how large the table is."""
        return describe(self.data)


class Histogram(Media):
    """A distribution: how many of the values fall between two edges."""

    type = "histogram"

    def __init__(
        self,
        values: Any = None,
        *,
        bins: int | Sequence[float] = BINS,
        range: tuple[float, float] | None = None,  # noqa: A002  # as numpy.histogram calls it
        np_histogram: tuple[Any, Any] | None = None,
        caption: str | None = None,
    ) -> None:
        """Count ``values`` (an array, tensor or list of any shape) now, or take (counts, edges) as counted.

        NaN and infinities are left out of the bars and counted apart. Raises `ValueRefused` if nothing finite
        is left, or if edges and counts do not fit.
        """
        super().__init__(caption)
        self.facts: dict[str, Any] = {}
        if np_histogram is not None:
            self.counts, self.edges = _given(np_histogram)
        else:
            self.counts, self.edges, self.facts = _count(values, bins, range)

    def encode(self) -> Encoded:
        """Return counts and edges as data; there is no file."""
        data = {"counts": self.counts, "edges": self.edges, **self.facts}
        return Encoded(self.type, [], data, self.caption)

    def about(self) -> str:
        """Say how many bars there are, and from where to where."""
        return f"{len(self.counts)} bins from {self.edges[0]:g} to {self.edges[-1]:g}"


def _given(histogram: tuple[Any, Any]) -> tuple[list[float], list[float]]:
    counts, edges = (as_array(part).ravel() for part in histogram)
    if len(counts) > MOST_BINS:
        raise ValueRefused(f"a histogram may have {MOST_BINS} bins, not {len(counts)}")
    if len(edges) != len(counts) + 1 or not len(counts):
        raise ValueRefused(
            f"a histogram of {len(counts)} counts needs {len(counts) + 1} edges, not {len(edges)}"
        )
    numbers = [*counts.tolist(), *edges.tolist()]
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueRefused("counts and edges of a histogram must be finite numbers")
    if any(b <= a for a, b in itertools.pairwise(edges.tolist())):
        raise ValueRefused("the edges of a histogram must increase")
    return counts.tolist(), edges.tolist()


def _count(
    values: Any, bins: int | Sequence[float], span: tuple[float, float] | None
) -> tuple[list[float], list[float], dict[str, Any]]:
    import numpy as np

    try:
        array = as_array(values).ravel()
        numbers = array.astype(np.float64) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None:
        raise refused("histogram", values, "an array, tensor or list of real numbers")
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        raise ValueRefused(f"no histogram can be made of {describe(values)}: it holds no finite number")
    if isinstance(bins, int) and not 1 <= bins <= MOST_BINS:
        raise ValueRefused(f"a histogram may have 1 to {MOST_BINS} bins, not {bins}")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            counts, edges = np.histogram(finite, bins=bins, range=span)
    except ValueError as error:  # values so close that no 64 numbers lie between them
        if not isinstance(bins, int) or span is not None:
            raise ValueRefused(f"no histogram can be made: {error}") from None
        counts, edges = np.asarray([len(finite)]), np.asarray([finite.min(), finite.max()])
    if not np.isfinite(edges).all():  # so far apart that their distance overflows
        counts, edges = np.asarray([len(finite)]), np.asarray([finite.min(), finite.max()])
    facts = {"count": len(finite), "min": float(finite.min()), "max": float(finite.max())}
    if len(numbers) - len(finite):
        facts["nonfinite"] = len(numbers) - len(finite)
    with np.errstate(over="ignore", invalid="ignore"):
        facts |= {"mean": plain(float(finite.mean())), "std": plain(float(finite.std()))}
    return counts.tolist(), edges.tolist(), facts


def _columns(data: Any, names: list[str] | None) -> tuple[list[str], list[str], list[list[Any]]]:
    """Names, types and cells of whatever a table may be made of."""
    root = type(data).__module__.partition(".")[0]
    if data is None and names is not None:
        data = []
    if root == "pandas":
        found, cells = _of_pandas(data)
    elif root == "polars":
        frame = (
            data.to_frame()
            if hasattr(data, "to_frame")
            else data.collect()
            if hasattr(data, "collect")
            else data
        )
        found = [(name, str(dtype)) for name, dtype in frame.schema.items()]
        cells = [column.to_list() for column in frame.get_columns()]
    elif root == "pyarrow" and hasattr(data, "schema"):
        found = [(field.name, str(field.type)) for field in data.schema]
        cells = [data.column(index).to_pylist() for index in range(len(found))]
    elif isinstance(data, Mapping):
        found = [(plain(str(name)), "") for name in data]
        cells = [list(as_array(column)) if is_array(column) else list(column) for column in data.values()]
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


def _parquet(data: Any, names: list[str], columns: list[list[Any]], given: list[str] | None) -> bytes | None:
    """Parquet bytes, or None where JSON lines are the better or the only way."""
    written = io.BytesIO()
    root = type(data).__module__.partition(".")[0]
    if root == "polars" and hasattr(data, "write_parquet") and given is None:
        try:
            data.write_parquet(written)
        except Exception:  # a column of Python objects
            return None
        return written.getvalue()
    cells = len(names) * len(columns[0]) if columns else 0
    if (
        not cells
        or ("pyarrow" not in sys.modules and cells < WORTH_PYARROW)
        or not importlib.util.find_spec("pyarrow")
    ):
        return None
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if root == "pyarrow" and given is None:
            table = data if isinstance(data, pa.Table) else pa.Table.from_batches([data])
        elif root == "pandas" and given is None and hasattr(data, "columns"):
            table = pa.Table.from_pandas(data)
            for index, dtype in enumerate(data.dtypes):  # Arrow would take NaN for missing
                if isinstance(dtype, np.dtype) and dtype.kind == "f":
                    exact = pa.array(data.iloc[:, index].to_numpy(), from_pandas=False)
                    table = table.set_column(index, table.field(index), exact)
        else:
            table = pa.table(dict(zip(names, [pa.array(c) for c in columns], strict=True)))
        pq.write_table(table, written, compression="zstd")
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        OverflowError,
    ):  # mixed types in a column: JSON can say them
        return None
    return written.getvalue()


def _cells(cells: list[Any], column: int, extra: list[tuple[str, bytes | Path, str]]) -> list[Any]:
    """Cells as JSON; a medium in a cell becomes files and {"media": type, "files": [...], ...}."""
    return [_cell(cell, f"{column}-{row}", extra) for row, cell in enumerate(cells)]


def _cell(cell: Any, place: str, extra: list[tuple[str, bytes | Path, str]]) -> Any:
    if not isinstance(cell, Media):
        return plain(_missing(cell))
    made = cell.encode()
    named = [(f"cell-{place}-{name}", source, mime) for name, source, mime in made.files]
    extra.extend(named)
    caption = {} if made.caption is None else {"caption": made.caption}
    return {"media": made.type, "files": [name for name, _, _ in named], "data": made.data, **caption}


def _missing(cell: Any) -> Any:
    """A missing value of pandas is JSON's null; NaN stays NaN."""
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell


def _all_numbers(cells: list[Any]) -> bool:
    """Whether "NaN" in this column of JSON can only be the number that is none."""
    return all(isinstance(cell, int | float | None) for cell in cells)


def _short(cell: Any) -> Any:
    return f"{cell[:200]}<... {len(cell) - 200} more>" if isinstance(cell, str) and len(cell) > 220 else cell
