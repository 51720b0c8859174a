"""What the training data were: enough to recognise them again, nothing of their content.

The fingerprint is BLAKE3 over shape, columns, dtypes and the bytes of the rows. Of large data only rows at
even distances are hashed, so the cost has a ceiling; ``fingerprint_rows`` says how many. Sparse data stay
sparse, and nothing here copies more than the rows it hashes.
"""

from __future__ import annotations

from typing import Any

from . import rows

_CELLS = 500_000  # hashed and searched for missing values: about 5 ms of numbers
_OBJECT_CELLS = 20_000  # of Python objects, which cost much more
_COLUMNS, _CLASSES = 500, 100


def describe(
    X: Any, y: Any = None, *, names: tuple[str | None, str | None] = (None, None), task: str | None = None
) -> dict[str, Any]:
    """Return the note ``dataset/train``: what the data are, never what is in them."""
    about = _side(X)
    found: dict[str, Any] = {
        "name": names[0],
        "target_name": names[1],
        "rows": rows.count(X),
        **about,
        "fingerprint": fingerprint(X, y),
        "fingerprint_rows": _hashed_rows(X),
    }
    if y is not None:
        found["target"] = _target(y, task)
    return {key: value for key, value in found.items() if value is not None}


def _side(data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"}
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        found["shape"] = [int(n) for n in shape]
    columns = rows.column_names(data)
    if columns is not None:
        dtypes = (
            [str(getattr(data, "dtypes", data).iloc[i]) for i in range(len(columns))]
            if hasattr(data, "iloc")
            else _dtypes(data)
        )
        found["columns"] = dict(list(zip(columns, dtypes, strict=False))[:_COLUMNS])
    elif hasattr(data, "dtype"):
        found["dtype"] = str(data.dtype)
    if rows.is_sparse(data):
        found |= {"format": data.format, "density": data.nnz / max(1, data.shape[0] * data.shape[1])}
    missing = _missing(data, columns)
    return found | ({"missing": missing} if missing else {})


def _dtypes(data: Any) -> list[str]:
    types = getattr(data, "dtypes", None)  # polars: a list; Arrow: in the schema
    return [str(t) for t in (types if types is not None else data.schema.types)]


def _missing(data: Any, columns: list[str] | None) -> dict[str, int] | int | None:
    """Count missing values by column (or in all, of an array), on the rows that are hashed."""
    import numpy as np

    part = rows.take(data, rows.strided(rows.count(data), _hashed_rows(data)))
    if hasattr(part, "isna"):
        counts = part.isna().sum()
        return {str(k): int(v) for k, v in counts.items() if v} if columns else int(counts)
    values = part.data if rows.is_sparse(part) else part
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return int(np.isnan(values).sum())
    if hasattr(part, "null_count") and columns and hasattr(part, "row"):  # polars
        return {name: int(n) for name, n in zip(columns, part.null_count().row(0), strict=True) if n}
    return None


def _target(y: Any, task: str | None) -> dict[str, Any]:
    import numpy as np

    found = _side(y)
    values = np.asarray(rows.take(y, rows.strided(rows.count(y), _CELLS)))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.ravel()
    if values.ndim == 1 and task != "regression":
        kinds, counts = _classes(values)
        if len(kinds) <= _CLASSES:
            found["classes"] = {str(k): int(n) for k, n in zip(kinds, counts, strict=True)}
    elif values.dtype.kind in "iufb" and values.size:
        number = values.astype(float)
        found |= {
            "min": float(number.min()),
            "max": float(number.max()),
            "mean": float(number.mean()),
            "std": float(number.std()),
        }
    return found


def _classes(values: Any) -> tuple[list[Any], list[int]]:
    import numpy as np

    if values.dtype != object:
        kinds, counts = np.unique(values, return_counts=True)
        return kinds.tolist(), counts.tolist()
    found: dict[Any, int] = {}
    for value in values.tolist():
        found[value] = found.get(value, 0) + 1
    return list(found), list(found.values())


def _hashed_rows(data: Any) -> int:
    total, shape = rows.count(data), getattr(data, "shape", None)
    width = shape[1] if isinstance(shape, tuple) and len(shape) > 1 else 1
    if rows.is_sparse(data):
        width = max(1, data.nnz // max(1, total))
    dtype = getattr(data, "dtype", None)
    plain = dtype is not None and getattr(dtype, "kind", "O") != "O"
    return min(total, max(1, (_CELLS if plain or _numeric(data) else _OBJECT_CELLS) // max(1, width)))


def _numeric(data: Any) -> bool:
    dtypes = getattr(data, "dtypes", None)
    return dtypes is not None and hasattr(data, "iloc") and hasattr(dtypes, "__iter__") and all(
        getattr(d, "kind", "O") in "iufb" for d in dtypes
    )  # fmt: skip


def fingerprint(X: Any, y: Any = None) -> str:
    """Return a short hash that is the same for the same data, in any process and container order."""
    from blake3 import blake3

    hashed = blake3()
    for data in (X, y):
        if data is None:
            continue
        hashed.update(
            repr((getattr(data, "shape", None), rows.column_names(data), rows.count(data))).encode()
        )
        part = rows.take(data, rows.strided(rows.count(data), _hashed_rows(data)))
        for piece in _pieces(part):
            hashed.update(f"|{getattr(piece, 'nbytes', len(piece))}|".encode())
            hashed.update(piece)
    return hashed.hexdigest()[:32]


def _pieces(data: Any) -> list[Any]:
    """Return the content as bytes: array by array, column by column, or text by text."""
    import numpy as np

    if rows.is_sparse(data):
        rowwise = data.tocsr()
        return [_bytes(part) for part in (rowwise.indptr, rowwise.indices, rowwise.data)]
    if isinstance(data, np.ndarray):
        return [str(data.dtype).encode(), _bytes(data)]
    names = rows.column_names(data)
    if names is not None:
        columns = [data.iloc[:, i] if hasattr(data, "iloc") else data[name] for i, name in enumerate(names)]
        return [
            piece
            for column in columns
            for piece in (str(column.dtype if hasattr(column, "dtype") else "").encode(), _column(column))
        ]
    if hasattr(data, "to_numpy"):
        return [_column(data)]
    return [repr(item).encode("utf-8", "backslashreplace") for item in data]


def _column(column: Any) -> Any:
    import numpy as np

    return _bytes(np.asarray(column.to_numpy()))


def _bytes(array: Any) -> Any:
    """Return the content as something with a buffer of bytes, without a copy where that can be."""
    import numpy as np

    if array.dtype.kind in "OV":
        return "\x1f".join(map(repr, array.ravel().tolist())).encode("utf-8", "backslashreplace")
    contiguous = np.ascontiguousarray(array)  # the array itself, as a rule
    return contiguous.reshape(-1).view(np.uint8)
