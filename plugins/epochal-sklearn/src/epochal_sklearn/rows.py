"""Taking a few rows of whatever scikit-learn accepts, without copying or densifying the rest.

Data arrive as arrays, data frames (pandas, polars, Arrow), sparse matrices or plain lists of texts.
Everything here reads; nothing converts the whole of it.
"""

from __future__ import annotations

from typing import Any


def count(data: Any) -> int:
    """Return the number of rows; 0 for what has none (an iterator, ``None``)."""
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0])
    return len(data) if hasattr(data, "__len__") else 0


def is_sparse(data: Any) -> bool:
    """Say whether this is a SciPy sparse matrix or array."""
    return hasattr(data, "nnz") and hasattr(data, "tocsr")


def take(data: Any, index: Any) -> Any:
    """Return the rows at ``index`` (a slice or an integer array), in the container they came in."""
    if data is None:
        return None
    if hasattr(data, "iloc"):
        return data.iloc[index]
    if is_sparse(data) and data.format not in ("csr", "csc", "lil", "dok"):
        return data.tocsr()[index]
    if hasattr(data, "shape") or isinstance(index, slice):
        return (
            _take_frame(data, index)
            if type(data).__module__.startswith(("polars", "pyarrow"))
            else data[index]
        )
    return [data[int(i)] for i in index]


def _take_frame(data: Any, index: Any) -> Any:
    if isinstance(index, slice):
        start, stop, step = index.indices(len(data))
        index = range(start, stop, step)
    positions = [int(i) for i in index]
    return data.take(positions) if hasattr(data, "take") else data[positions]


def sample(total: int, wanted: int, seed: int = 0) -> Any:
    """Return sorted row numbers, ``wanted`` of ``total``, from a generator of our own."""
    import numpy as np

    if wanted >= total:
        return slice(None)
    return np.sort(np.random.default_rng(seed).choice(total, size=wanted, replace=False))


def strided(total: int, wanted: int) -> slice:
    """Return a slice over at most ``wanted`` of ``total`` rows, spread evenly."""
    return slice(None) if total <= wanted else slice(0, None, -(-total // wanted))


def column_names(data: Any) -> list[str] | None:
    """Return the names of the columns of a data frame, or None."""
    columns = getattr(data, "column_names", None) or getattr(
        data, "columns", None
    )  # Arrow's, then the others'
    if columns is None or isinstance(columns, str) or not hasattr(columns, "__iter__"):
        return None
    return list(map(str, columns)) if not callable(columns) else None
