"""Media, read back: what a run kept, as bytes, arrays, rows or a frame."""

from __future__ import annotations

import html
import io
import math
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from epochal.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np


_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Objects(Protocol):
    """The part of the object store that reading needs."""

    def read(self, digest: str) -> bytes:
        """Return the bytes of this digest, verified."""

    def materialize(self, files: list[Any], folder: Path) -> Any:
        """Write verified copies of ``files`` below ``folder``."""


class StoredMedia:
    """One medium of a run: what it is (`type`, `caption`, `data`, `files`) and ways to have its content.

    `bytes()` gives a file; `rows()`, `to_pandas()`, `to_arrow()` a table; `counts` and `edges` a histogram;
    `to_pil()` and `to_numpy()` an image; `text()` a text or page; `save(folder)` all files.
    """

    def __init__(self, entry: Mapping[str, Any], objects: Objects) -> None:
        """Wrap a media event's data; files are read from ``objects`` when they are asked for."""
        self.key: str = entry.get("key", "")
        self.step: int | None = entry.get("step")
        self.type: str = entry["type"]
        self.caption: str | None = entry.get("caption")
        self.data: dict[str, Any] = dict(entry.get("data") or {})
        self.files: list[dict[str, Any]] = [dict(file) for file in entry.get("files") or []]
        self._objects = objects

    @property
    def mime(self) -> str | None:
        """The format of the main file."""
        return self.files[0].get("mime") if self.files else None

    def bytes(self, name: str | None = None) -> bytes:
        """Return the content of the main file, or of the file called ``name``."""
        return self._objects.read(self._file(name)["digest"])

    def text(self) -> str:
        """Return the main file as text."""
        return self.bytes().decode()

    def save(self, folder: Path) -> list[Path]:
        """Write all files below ``folder`` and return their paths."""
        self._objects.materialize(self.files, folder)
        return [folder / file["path"] for file in self.files]

    def rows(self) -> list[dict[str, Any]]:
        """Return a table's rows; needs pyarrow if the table is kept as Parquet."""
        if self._is_parquet():
            rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
            return rows
        rows = [msgspec.json.decode(line) for line in self.bytes().split(b"\n") if line]
        for name in self.data.get("numbers", []):
            for row in rows:
                row[name] = _NONFINITE.get(row[name], row[name])
        return rows

    def to_arrow(self) -> Any:
        """Return a table as a `pyarrow.Table`."""
        import pyarrow as pa

        if self._is_parquet():
            import pyarrow.parquet as pq

            return pq.read_table(io.BytesIO(self.bytes()))
        rows = self.rows()
        return pa.table({name: [row[name] for row in rows] for name in self.data.get("columns", [])})

    def to_pandas(self) -> Any:
        """Return a table as a `pandas.DataFrame`."""
        import pandas as pd

        if self._is_parquet():
            return pd.read_parquet(io.BytesIO(self.bytes()))
        return pd.DataFrame(self.rows(), columns=self.data.get("columns"))

    def to_polars(self) -> Any:
        """Return a table as a `polars.DataFrame`."""
        import polars as pl

        if self._is_parquet():
            return pl.read_parquet(io.BytesIO(self.bytes()))
        rows = self.rows()
        return pl.DataFrame(
            {name: [row[name] for row in rows] for name in self.data.get("columns", [])}, strict=False
        )

    @property
    def counts(self) -> np.ndarray[Any, Any]:
        """How many values a histogram has in each bin."""
        import numpy as np

        return np.asarray(self._datum("counts"))

    @property
    def edges(self) -> np.ndarray[Any, Any]:
        """The edges of a histogram's bins, one more than bins."""
        import numpy as np

        return np.asarray(self._datum("edges"), dtype=np.float64)

    def to_pil(self, name: str | None = None) -> Any:
        """Return an image, or another file of it such as a mask, as a `PIL.Image.Image`."""
        import PIL.Image

        return PIL.Image.open(io.BytesIO(self.bytes(name)))

    def to_numpy(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """Return an image's pixels; needs Pillow."""
        import numpy as np

        return np.asarray(self.to_pil(name))

    def to_plotly(self) -> Any:
        """Return a plotly figure as a `plotly.graph_objects.Figure`."""
        import plotly.io

        return plotly.io.from_json(self.text())

    def __repr__(self) -> str:
        inside = [repr(self.key), f"step={self.step}"]
        if self.type == "table":
            inside.append(f"{self.data.get('rows')} rows x {len(self.data.get('columns', []))} columns")
        if self.files:
            inside.append(f"{self.mime}, {sum(file.get('size', 0) for file in self.files):,} bytes")
        if self.caption:
            inside.append(f"caption={self.caption!r}")
        return f"<{self.type} {', '.join(inside)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Show itself in a notebook; HTML that somebody logged is never put into the page."""
        del include, exclude
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self.mime in ("image/png", "image/jpeg", "image/gif"):
            bundle[self.mime] = self.bytes()
        elif self.mime == "application/vnd.plotly.v1+json":
            bundle[self.mime] = msgspec.json.decode(self.bytes())
        elif self.type == "table":
            bundle["text/html"] = self._preview()
        return bundle

    def _preview(self) -> str:
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in self.data.get("columns", []))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in self.data.get("preview", [])
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _is_parquet(self) -> bool:
        if self.type != "table":
            raise NotFound(f"{self!r} is no table")
        return str(self.mime).endswith("parquet")

    def _file(self, name: str | None) -> dict[str, Any]:
        for file in self.files:
            if name in (None, file["path"]):
                return file
        known = ", ".join(file["path"] for file in self.files) or "none"
        raise NotFound(f"{self!r} has no file {name!r}; there are: {known}")

    def _datum(self, name: str) -> Any:
        if name not in self.data:
            raise NotFound(f"{self!r} has no {name}")
        return self.data[name]


def read(entry: Mapping[str, Any], objects: Objects) -> StoredMedia:
    """Return the medium that a media event's data describe, its files in ``objects``."""
    return StoredMedia(entry, objects)
