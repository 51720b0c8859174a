"""The input example: a few rows of real data as JSON, read back exactly or not kept at all.

JSON, because a file that anything can read outlives the libraries, and runs no code.
Each value is written with the dtype it has, so that reading gives the same table, array
or nesting again; `write` reads its own file back before it believes that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from epochal import errors

from . import exampletables
from .examplevalues import ODD, NotExact, TooLarge, flat, from_flat, plain
from .inference import origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "example.json"
ROWS = 5
MAX_BYTES = 1 << 20


def write(data: Any, folder: Path, rows: int = ROWS) -> str | None:
    """Write the first rows; the file's name, or None (with one warning) if it would not be exact."""
    try:
        content = encode(data, rows)
    except NotExact as error:
        kind = f"{type(data).__module__}.{type(data).__qualname__}"
        errors.warn_once(("example", kind), "the input example is not kept: %s", error)
        return None
    if (folder / NAME).exists():
        raise errors.PluginError(f"the flavor wrote {NAME}, which is the core's")
    (folder / NAME).write_bytes(content)
    return NAME


def encode(data: Any, rows: int = ROWS) -> bytes:
    """JSON of the first rows, fewer if they are large; `NotExact` if they cannot be kept."""
    if rows > 1:
        with contextlib.suppress(TooLarge):
            return _encode_exactly(data, rows)
    return _encode_exactly(data, 1)


def _encode_exactly(data: Any, rows: int) -> bytes:
    try:
        tree = _encode(data, rows)
        content = msgspec.json.encode(tree)
        if len(content) > MAX_BYTES:
            raise TooLarge(f"{len(content)} bytes are more than the {MAX_BYTES} that are kept")
        same = _encode(decode(content), rows) == tree
    except NotExact:
        raise
    except Exception as error:  # a dtype that a library cannot make again, an object that is no JSON
        raise NotExact(f"{type(error).__name__}: {error}") from error
    if not same:
        raise NotExact("it holds values that JSON does not give back as they were")
    return content


def decode(content: bytes) -> Any:
    """The data again, in the library they came from."""
    return _decode(msgspec.json.decode(content))


def raw(path: Path) -> bytes:
    """The bytes of the example in a verified folder."""
    if path.stat().st_size > 4 * MAX_BYTES:
        raise errors.FormatError(f"{path} is larger than any example")
    return path.read_bytes()


def decode_safely(content: bytes, where: str) -> Any:
    """`decode`, with one error for all that can be wrong with a file."""
    try:
        return decode(content)
    except ImportError as error:
        raise errors.NotFound(
            f"the example in {where} needs {error.name}: pip install {error.name}"
        ) from error
    except Exception as error:
        raise errors.FormatError(
            f"the example in {where} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _encode(data: Any, rows: int) -> dict[str, Any]:
    write_one = _WRITERS.get(origin(data))
    if write_one is not None:
        return write_one(data, rows)
    if isinstance(data, Mapping):
        if type(data) is not dict or not all(isinstance(key, str) for key in data):
            raise NotExact(f"no form for a {type(data).__name__}")
        return {"kind": "dict", "items": {key: _encode(value, rows) for key, value in data.items()}}
    if type(data) is tuple or (type(data) is list and any(origin(item) in _WRITERS for item in data[:64])):
        return {"kind": type(data).__name__, "items": [_encode(item, rows) for item in data]}
    if type(data) is list:
        return {"kind": "json", "value": plain(data[:rows])}
    return {"kind": "json", "value": plain(data)}


def _decode(tree: Any) -> Any:
    kind = tree["kind"]
    if kind == "json":
        return tree["value"]
    if kind == "dict":
        return {key: _decode(item) for key, item in tree["items"].items()}
    if kind in {"list", "tuple"}:
        items = [_decode(item) for item in tree["items"]]
        return tuple(items) if kind == "tuple" else items
    return _READERS[kind](tree)


def _write_numpy(data: Any, rows: int) -> dict[str, Any]:
    import numpy as np

    if type(data) is not np.ndarray:
        raise NotExact(f"no form for a numpy.{type(data).__name__}")
    head = data[:rows] if data.ndim else data
    return {"kind": "numpy", "dtype": head.dtype.str, "shape": list(head.shape), "values": flat(head)}


def _read_numpy(tree: Any) -> Any:
    return from_flat(tree["values"], tree["dtype"], tree["shape"])


def _write_torch(data: Any, rows: int) -> dict[str, Any]:
    import torch

    if not isinstance(data, torch.Tensor) or data.layout is not torch.strided or data.is_complex():
        raise NotExact(f"no form for a {type(data).__name__} of torch")
    head = (data[:rows] if data.ndim else data).detach().cpu()
    plain = head.to(torch.float64) if head.is_floating_point() else head
    name = str(head.dtype).removeprefix("torch.")
    return {"kind": "torch", "dtype": name, "shape": list(head.shape), "values": flat(plain.numpy())}


def _read_torch(tree: Any) -> Any:
    import torch

    dtype = getattr(torch, tree["dtype"])
    if not isinstance(dtype, torch.dtype):
        raise NotExact(f"torch has no dtype {tree['dtype']!r}")
    values = [ODD[v] if isinstance(v, str) else v for v in tree["values"]]
    return (
        torch.tensor(values, dtype=torch.float64 if dtype.is_floating_point else dtype)
        .to(dtype)
        .reshape(tree["shape"])
    )


_WRITERS: dict[str, Callable[[Any, int], dict[str, Any]]] = {
    "numpy": _write_numpy,
    "torch": _write_torch,
    "pandas": exampletables.write_pandas,
    "polars": exampletables.write_polars,
    "pyarrow": exampletables.write_arrow,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "numpy": _read_numpy,
    "torch": _read_torch,
    "pandas": exampletables.read_pandas,
    "pandas-series": exampletables.read_pandas_series,
    "polars": exampletables.read_polars,
    "polars-series": lambda tree: exampletables.read_polars_column(tree["column"]),
    "pyarrow": exampletables.read_arrow,
}
