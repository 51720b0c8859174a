"""Reading a signature off data, without importing any library that the data do not come from.

Each rule recognises its kind by the library's own class in ``sys.modules``; what only has
``dtype`` and ``shape`` is an array of whatever library it is.  Nothing here fails: what no
rule knows is `Opaque`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from .signature import Array, Column, Dict, Opaque, Scalar, Series, Signature, Spec, Table, Tuple

_SAMPLE = 1000  # values of an object column, rows of a list of dicts
_DEPTH = 8
_NUMBERS = {
    bool: "bool",
    int: "int64",
    float: "float64",
    complex: "complex128",
    str: "string",
    bytes: "bytes",
}


def infer_signature(inputs: Any, outputs: Any = None) -> Signature:
    """The signature of data as given to ``predict`` and, if given, of what it returned."""
    return Signature(specify(inputs), None if outputs is None else specify(outputs))


def specify(data: Any, depth: int = 0) -> Spec:
    """What ``data`` look like; the first axis of an array is the batch."""
    library = origin(data)
    if library in {"pandas", "polars", "pyarrow"} and (found := _framed(data, library)) is not None:
        return found
    if isinstance(data, Mapping) and depth < _DEPTH and all(isinstance(key, str) for key in data):
        return Dict({key: specify(value, depth + 1) for key, value in data.items()})
    if type(data) in {list, tuple} and data:
        return _sequence(data, depth)
    if (kind := _NUMBERS.get(type(data))) is not None:
        return Scalar(kind)
    if hasattr(type(data), "dtype") and hasattr(type(data), "shape"):
        return array(data, library)
    return Opaque(type_name(data))


def type_name(data: Any) -> str:
    """``"module:Class"`` of a value."""
    return f"{type(data).__module__}:{type(data).__qualname__}"


def origin(data: Any) -> str:
    """The library that a value comes from, as its import name."""
    return type(data).__module__.partition(".")[0]


def array(data: Any, library: str) -> Array:
    """An array of any library; its dtype in NumPy's words."""
    shape = [int(n) if isinstance(n, int) else -1 for n in data.shape]
    return Array(library, array_dtype(data), [-1, *shape[1:]] if shape else [])


def array_dtype(data: Any) -> str:
    """``float32``, ``bfloat16``, ``string``, ``datetime64[ns]``..."""
    dtype = data.dtype
    kind = getattr(dtype, "kind", "")
    if kind in {"U", "T"}:
        return "string"
    if kind == "S":
        return "bytes"
    if kind == "O":
        return content(data.ravel()[:_SAMPLE].tolist()) if hasattr(data, "ravel") else "object"
    name = str(getattr(dtype, "name", "") or dtype)
    return name.rpartition(".")[2]  # torch.float32


def _sequence(data: Any, depth: int) -> Spec:
    """A list of records, nested numbers, or several inputs."""
    if all(
        isinstance(row, dict) and row and all(isinstance(key, str) for key in row) for row in data[:_SAMPLE]
    ):
        return Table("records", record_columns(data[:_SAMPLE]))
    if isinstance(data, list) and (shape := _nested_shape(data)) is not None:
        return Array("list", content(_leaves(data)), [-1, *shape[1:]])
    if depth < _DEPTH and len(data) <= 64:
        return Tuple([specify(item, depth + 1) for item in data])
    return Opaque(type_name(data))


def record_columns(rows: list[dict[str, Any]]) -> list[Column]:
    """Every key of any row, with the one type of its values."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [Column(key, content([row[key] for row in rows if key in row])) for key in keys]


def _nested_shape(data: Any) -> list[int] | None:
    """The shape of nested lists of plain scalars; None where they are ragged or hold something else."""
    first = data[0]
    if not isinstance(first, list):
        return [len(data)] if all(item is None or type(item) in _NUMBERS for item in data) else None
    shapes = [_nested_shape(item) if isinstance(item, list) and item else None for item in data]
    if shapes[0] is None or any(shape != shapes[0] for shape in shapes):
        return None
    return [len(data), *shapes[0]]


def _leaves(data: Any) -> list[Any]:
    while isinstance(data[0], list):
        data = [leaf for item in data[:_SAMPLE] for leaf in item]
    return list(data)


def content(values: list[Any]) -> str:
    """The one type of plain values, None aside: int and float make float; anything else is ``object``."""
    kinds = {_NUMBERS.get(type(value), "object") for value in values if value is not None}
    if not kinds:
        return "null" if values else "object"
    if kinds == {"int64", "float64"}:
        return "float64"
    return kinds.pop() if len(kinds) == 1 else "object"


# -- tables ----------------------------------------------------------------------------------------------


def _framed(data: Any, library: str) -> Spec | None:
    module = sys.modules[library]
    if library == "pandas":
        if isinstance(data, module.DataFrame):
            pairs = [(name, data.iloc[:, at]) for at, name in enumerate(data.columns)]
            return Table(library, [_pandas_column(name, column) for name, column in pairs])
        return Series(library, _pandas_column(data.name, data)) if isinstance(data, module.Series) else None
    if library == "polars":
        if isinstance(data, module.LazyFrame | module.DataFrame):
            schema = data.collect_schema()
            return Table(
                library, [Column(name, _shared(str(kind)), str(kind)) for name, kind in schema.items()]
            )
        if isinstance(data, module.Series):
            return Series(library, Column(data.name, _shared(str(data.dtype)), str(data.dtype)))
        return None
    if isinstance(data, module.Table | module.RecordBatch):
        return Table(library, [Column(f.name, _shared(str(f.type)), str(f.type)) for f in data.schema])
    return None


def label(name: Any) -> Any:
    """A column's label as JSON has it."""
    if isinstance(name, tuple):
        return [label(part) for part in name]
    if isinstance(name, str | bool | int | float) or name is None:
        return name
    return name.item() if origin(name) == "numpy" and hasattr(name, "item") else str(name)


def _pandas_column(name: Any, column: Any) -> Column:
    dtype = str(column.dtype)
    return Column(label(name), _object_type(column) if dtype == "object" else _shared(dtype), dtype)


def _object_type(column: Any) -> str:
    import pandas as pd

    found = pd.api.types.infer_dtype(column.iloc[:_SAMPLE], skipna=True)
    words = {"string": "string", "boolean": "bool", "bytes": "bytes", "date": "date", "integer": "int64",
             "floating": "float64", "mixed-integer-float": "float64", "empty": "null"}  # fmt: skip
    return words.get(found, "object")


# What pandas, polars and Arrow call the types that all have, by how the lower-case name starts.
_SHARED = (
    ("boolean", "bool"), ("bool", "bool"),
    ("halffloat", "float16"), ("float16", "float16"), ("float32", "float32"), ("float64", "float64"),
    ("float", "float32"), ("double", "float64"),
    ("datetime", "datetime"), ("timestamp", "datetime"), ("date", "date"),
    ("timedelta", "timedelta"), ("duration", "timedelta"), ("time", "time"),
    ("str", "string"), ("large_str", "string"), ("utf8", "string"),
    ("categor", "category"), ("enum", "category"), ("dictionary", "category"),
    ("large_binary", "bytes"), ("binary", "bytes"), ("decimal", "decimal"),
    ("large_list", "list"),
)  # fmt: skip
_STRUCT = "struct"  # the one name that starts like another's


def _shared(dtype: str) -> str:
    kind = dtype.lower().removeprefix("sparse[")
    word = next((word for start, word in _SHARED if kind.startswith(start)), None)
    if word is None or kind.startswith(_STRUCT):
        return re.split(r"[^a-z0-9_]", kind, maxsplit=1)[0]
    return word
