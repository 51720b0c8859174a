"""Scalars and flat arrays of an example, as JSON that gives them back exactly."""

from __future__ import annotations

import math
from typing import Any

MAX_VALUES = 100_000
ODD = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class NotExact(ValueError):
    """A value that this form would not give back as it was."""


class TooLarge(NotExact):
    """More values than an example may have; fewer rows may do."""


def plain(value: Any) -> Any:
    """The value if it is plain finite JSON all the way down; lists are copied."""
    if type(value) in {str, int, bool} or value is None or (type(value) is float and math.isfinite(value)):
        return value
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: plain(item) for key, item in value.items()}
    raise NotExact(f"no form for {value!r:.80} of type {type(value).__name__}")


def flat(array: Any) -> list[Any]:
    """The elements of a NumPy array as JSON scalars that a cast to its dtype turns back exactly."""
    if array.size > MAX_VALUES:
        raise TooLarge(f"{array.size} values are more than the {MAX_VALUES} that are kept")
    kind = array.dtype.kind
    if array.dtype.itemsize > 8 * (1 + (kind == "c")) and kind in "fc":
        raise NotExact(f"no form for an array of {array.dtype}")
    if kind in "mM":
        return list(array.ravel().view("int64").tolist())
    if kind == "c":
        return [part for item in array.ravel().tolist() for part in (number(item.real), number(item.imag))]
    if kind == "O":
        return [plain(item) for item in array.ravel().tolist()]
    if kind == "f":
        return [number(item) for item in array.astype("float64").ravel().tolist()]
    if kind in "biuUT":
        return list(array.ravel().tolist())
    raise NotExact(f"no form for an array of {array.dtype}")


def number(value: float) -> float | str:
    """A float, or the name of one that JSON has no word for."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def from_flat(values: list[Any], dtype: Any, shape: list[int]) -> Any:
    """The array that `flat` was given."""
    import numpy as np

    dtype = np.dtype(dtype)
    if dtype.kind not in "biufcmMUTO":
        raise NotExact(f"no form for an array of {dtype}")
    if dtype.kind in "mM":
        return np.array(values, "int64").view(dtype).reshape(shape)
    if dtype.kind == "c":
        parts = [ODD[v] if isinstance(v, str) else v for v in values]
        return np.array(
            [complex(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)], dtype
        ).reshape(shape)
    if dtype.kind == "f":
        values = [ODD[v] if isinstance(v, str) else v for v in values]
    found = np.empty(len(values), dtype)
    found[:] = values
    return found.reshape(shape)
