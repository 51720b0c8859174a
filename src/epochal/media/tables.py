"""Tables: rows and columns, kept as Parquet or as JSON lines, with the first rows beside the file.

Parquet is written where pyarrow is at hand and can hold the cells exactly; one JSON object a row otherwise. A
few rows are not worth loading pyarrow for, so small tables use it only once it is loaded already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

from .columns import columns_of, first_rows, frame_of, missing, parquet_of_columns, parquet_of_frame
from .encoded import Encoded, Media

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Files = list[tuple[str, bytes | Path, str]]

PREVIEW = 20  # rows beside the file, so that a list of runs can show them without opening it
PREVIEW_COLUMNS = 50


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
        whole = frame_of(self.data) if self.columns is None else None
        parquet = None if whole is None else parquet_of_frame(whole)
        if whole is not None and parquet is not None:  # a large frame is not turned into Python objects
            names, dtypes, columns = columns_of(first_rows(whole, PREVIEW))
            rows, numbers = len(whole), None
        else:
            names, dtypes, columns = columns_of(self.data if whole is None else whole, self.columns)
            rows, numbers = len(columns[0]) if columns else 0, None
            parquet = parquet_of_columns(names, columns)
        extra: Files = []
        if parquet is not None:
            file = ("table.parquet", parquet, "application/vnd.apache.parquet")
        else:
            numbers = [name for name, cells in zip(names, columns, strict=True) if _all_numbers(cells)]
            columns = [_cells(cells, index, extra) for index, cells in enumerate(columns)]
            lines = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
            file = ("table.jsonl", text, "application/x-ndjson")
        data = {"columns": names, "dtypes": dtypes, "rows": rows, "preview": _preview(columns)}
        if numbers is not None:
            data["numbers"] = numbers
        return Encoded(self.type, [file, *extra], data, self.caption)

    def about(self) -> str:
        """Say how large the table is."""
        return describe(self.data)


def _preview(columns: list[list[Any]]) -> list[list[Any]]:
    shown = [
        [_short(plain(missing(cell))) for cell in cells[:PREVIEW]] for cells in columns[:PREVIEW_COLUMNS]
    ]
    return [list(row) for row in zip(*shown, strict=True)]


def _cells(cells: list[Any], column: int, extra: Files) -> list[Any]:
    """Cells as JSON; a medium in a cell becomes files and {"media": type, "files": [...], ...}."""
    return [_cell(cell, f"{column}-{row}", extra) for row, cell in enumerate(cells)]


def _cell(cell: Any, place: str, extra: Files) -> Any:
    if not isinstance(cell, Media):
        return plain(missing(cell))
    made = cell.encode()
    named = [(f"cell-{place}-{name}", source, mime) for name, source, mime in made.files]
    extra.extend(named)
    caption = {} if made.caption is None else {"caption": made.caption}
    return {"media": made.type, "files": [name for name, _, _ in named], "data": made.data, **caption}


def _all_numbers(cells: list[Any]) -> bool:
    """Whether "NaN" in this column of JSON can only be the number that is none."""
    return all(isinstance(cell, int | float | None) for cell in cells)


def _short(cell: Any) -> Any:
    return f"{cell[:200]}<... {len(cell) - 200} more>" if isinstance(cell, str) and len(cell) > 220 else cell
