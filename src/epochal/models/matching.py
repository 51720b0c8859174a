"""Holding data against a signature: every fault named at once, and only casts that lose nothing.

Columns are found by name and put in order.  What has another type is cast where every
value survives: bool to int to float, to a wider or, value by value, a narrower integer;
never float to int, never float64 to float32.  Plain JSON (a list of dicts, a dict of
columns, nested lists) becomes the library's own table or array; its floats, which have no
width, become the model's.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from epochal import errors

from .inference import array_dtype, content, specify, type_name
from .signature import Array, Dict, Scalar, Series, Spec, Table, Tuple, describe

_WIDTH = re.compile(r"(bool|uint|int|float|complex|bfloat)(\d*)$")

_DIGITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}


class Check(msgspec.Struct):
    """One check under way: where in nested data it is, and the faults found so far."""

    where: str
    faults: list[str]

    def fault(self, text: str) -> None:
        """Note a fault, with the place in nested data."""
        self.faults.append(f"{self.where}: {text}" if self.where else text)

    def names(self, missing: list[Any], extra: list[Any], what: str) -> None:
        """Note names that are missing or too many."""
        for words, found in (("missing", missing), ("unexpected", extra)):
            if found:
                more = f" and {len(found) - 10} more" if len(found) > 10 else ""
                self.fault(f"{words} {what} {', '.join(map(repr, found[:10]))}{more}")

    def inside(self, name: str) -> Check:
        """The same check, one level deeper."""
        return Check(f"{self.where}{name}", self.faults)


def match(spec: Spec, data: Any) -> Any:
    """The data as ``spec`` wants them, or `errors.SignatureMismatch` with every fault in it."""
    check = Check("", [])
    result = hold(spec, data, check)
    if check.faults:
        raise errors.SignatureMismatch(
            f"the data do not fit the model's signature: {'; '.join(check.faults)}. Expected {describe(spec)}"
        )
    return result


def hold(spec: Spec, data: Any, check: Check) -> Any:
    """Check one part, note its faults, return it reordered and cast."""
    match spec:
        case Table() | Series():
            from . import tables

            if isinstance(spec, Table):
                return tables.hold_table(spec, data, check)
            return tables.hold_series(spec, data, check)
        case Array():
            return _array(spec, data, check)
        case Dict(items):
            return _dict(items, data, check)
        case Tuple(items):
            return _tuple(items, data, check)
        case Scalar(type=kind):
            if not fits(content([data]), kind):
                check.fault(f"{type_name(data)} where {kind} is expected")
    return data


def fits(given: str, wanted: str) -> bool:
    """Whether values of one type can be cast to another without loss, as far as types tell."""
    if wanted in {given, "object"} or given == "null":
        return True
    one, other = _WIDTH.match(given), _WIDTH.match(wanted)
    if one is None or other is None:
        return False
    order = {"bool": 0, "uint": 1, "int": 1, "bfloat": 2, "float": 2, "complex": 3}
    rank, goal = order[one[1]], order[other[1]]
    if rank != goal:
        return rank < goal
    if rank == 1:
        return True  # whole numbers: the values decide
    if one[1] == "bfloat":
        return other[1] == "float"
    return one[1] == other[1] and int(one[2] or 0) < int(other[2] or 0)


def both_real(given: str, wanted: str) -> bool:
    """Whether both are floats: those of plain JSON become whatever float the model was shown."""
    return "float" in given and "float" in wanted


def _dict(items: dict[str, Spec], data: Any, check: Check) -> Any:
    if not isinstance(data, Mapping):
        check.fault(f"{type_name(data)} where a dict with {', '.join(map(repr, items))} is expected")
        return data
    check.names(
        [name for name in items if name not in data], [name for name in data if name not in items], "keys"
    )
    return {
        name: hold(item, data[name], check.inside(f"[{name!r}]"))
        for name, item in items.items()
        if name in data
    }


def _tuple(items: list[Spec], data: Any, check: Check) -> Any:
    if not isinstance(data, list | tuple) or len(data) != len(items):
        given = str(len(data)) if isinstance(data, list | tuple) else type_name(data)
        check.fault(f"{given} where a sequence of {len(items)} inputs is expected")
        return data
    pairs = enumerate(zip(items, data, strict=True))
    found = [hold(item, one, check.inside(f"[{at}]")) for at, (item, one) in pairs]
    return tuple(found) if isinstance(data, tuple) else found


def _array(spec: Array, data: Any, check: Check) -> Any:
    if isinstance(data, list | tuple):
        try:
            data = _from_lists(spec, data)
        except (ValueError, TypeError) as error:
            check.fault(str(error))
            return data
    given = specify(data)
    if isinstance(given, Table) and len(spec.shape) == 2:
        _table_for_array(spec, given, check)
        return data
    if isinstance(given, Series):
        given = Array(given.library, given.column.type, [-1])
    if not isinstance(given, Array):
        check.fault(f"{describe(given)} where {describe(spec)} is expected")
    elif len(given.shape) != len(spec.shape) or not _same_shape(given.shape[1:], spec.shape[1:]):
        check.fault(f"shape {list(data.shape)} where {spec.shape} is expected")
    elif not fits(given.dtype, spec.dtype):
        check.fault(f"{given.dtype} where {spec.dtype} is expected")
    elif given.dtype != spec.dtype and "object" not in {given.dtype, spec.dtype}:
        return _cast(spec, given, data, check)
    return data


def _same_shape(given: list[int], wanted: list[int]) -> bool:
    return all(-1 in {one, other} or one == other for one, other in zip(given, wanted, strict=True))


def _from_lists(spec: Array, data: Any) -> Any:
    """An array of plain JSON, whose floats are of no width and whose 1.0 may be written 1."""
    import numpy as np

    if spec.library == "torch":
        torch = importlib.import_module("torch")
        found, wanted = torch.as_tensor(data), getattr(torch, spec.dtype)
    else:
        found = np.asarray(data)
        wanted = np.dtype({"string": "str", "bytes": "bytes"}.get(spec.dtype, spec.dtype))
    if not len(data):
        found = found.reshape([0, *spec.shape[1:]])
    elif not both_real(array_dtype(found), spec.dtype):
        return found
    return found.to(wanted) if spec.library == "torch" else found.astype(wanted)


def _table_for_array(spec: Array, given: Table, check: Check) -> None:
    """A frame for a model that was shown a matrix: as many columns, each of a type that fits."""
    if len(given.columns) != spec.shape[1]:
        check.fault(f"{len(given.columns)} columns where {spec.shape[1]} are expected")
    for column in given.columns:
        if not fits(column.type, spec.dtype):
            check.fault(f"column {column.name!r} is {column.type} where {spec.dtype} is expected")


def _cast(spec: Array, given: Array, data: Any, check: Check) -> Any:
    if whole(given.dtype) and not _held(spec.dtype, data):
        check.fault(f"{given.dtype} values that {spec.dtype} cannot hold")
        return data
    if given.library == "torch":
        return data.to(getattr(sys.modules["torch"], spec.dtype))
    return data.astype(spec.dtype) if hasattr(data, "astype") else data  # else the model decides


def _held(wanted: str, data: Any) -> bool:
    if not all(data.shape) or getattr(data.dtype, "kind", "") == "O":
        return True
    return holds(wanted, int(data.min()), int(data.max()))


def whole(name: str) -> bool:
    """Whether a type of this name holds whole numbers, so that a cast has to be looked at."""
    return name.startswith(("int", "uint"))


def holds(wanted: str, low: int, high: int) -> bool:
    """Whether a type has every whole number between two: by its range, or by the digits of its fraction."""
    match = _WIDTH.match(wanted)
    if match is None:
        return True
    kind, width = match[1], int(match[2] or 0)
    if kind == "int":
        return -(1 << width - 1) <= low and high < 1 << width - 1
    if kind == "uint":
        return low >= 0 and high < 1 << width
    digits = _DIGITS.get(wanted, 0) if kind != "complex" else _DIGITS.get(f"float{width // 2}", 0)
    return max(abs(low), abs(high)) <= 1 << digits
