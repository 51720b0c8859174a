"""Tables against a signature, for pandas, polars and Arrow: by name, in order, cast where nothing is lost."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from .inference import record_columns, specify, type_name
from .matching import Check, both_real, fits, holds, whole
from .signature import Array, Column, Series, Table, describe


def hold_table(spec: Table, data: Any, check: Check) -> Any:
    """Check a table, or what can become one."""
    if spec.library == "records":
        return _records(spec, data, check)
    plain = isinstance(data, Mapping) or (isinstance(data, list) and bool(data) and isinstance(data[0], dict))
    if plain:
        try:
            data = _framed(spec.library, data)
        except (ValueError, TypeError, ImportError) as error:
            check.fault(f"no table can be made of it: {error}")
            return data
    given = specify(data)
    if isinstance(given, Array) and len(given.shape) == 2:
        _array_for_table(spec, given, check)
        return data
    if not isinstance(given, Table) or given.library == "records":
        check.fault(f"{describe(given)} where {describe(spec)} is expected")
        return data
    order = _order(spec.columns, given.columns, check)
    if order is None:
        return data
    moved = order != list(range(len(given.columns)))
    casts = {
        to: column
        for to, column in enumerate(spec.columns)
        if _needs_cast(given.columns[order[to]], column, check, plain=plain)
    }
    if moved:
        data = _SELECT[given.library](data, order)
    for to, column in casts.items():
        data = _cast(given.library, data, to, column, check)
    return data


def hold_series(spec: Series, data: Any, check: Check) -> Any:
    """Check one column by itself; its name does not matter."""
    given = specify(data)
    if isinstance(given, Array) and len(given.shape) == 1:
        given = Series(given.library, Column(None, given.dtype))
    if not isinstance(given, Series):
        check.fault(f"{describe(given)} where {describe(spec)} is expected")
    elif not fits(given.column.type, spec.column.type):
        check.fault(f"{given.column.type} where {spec.column.type} is expected")
    return data


def _records(spec: Table, data: Any, check: Check) -> Any:
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        check.fault(f"{type_name(data)} where a list of dicts is expected")
        return data
    wanted = [column.name for column in spec.columns]
    missing = [name for name in wanted if any(name not in row for row in data)]
    extra = [name for name in dict.fromkeys(key for row in data for key in row) if name not in wanted]
    check.names(missing, extra, "keys")
    types = {column.name: column.type for column in spec.columns}
    for column in record_columns(data):
        if column.name in types:
            _needs_cast(column, Column(column.name, types[column.name]), check)
    return data


def _framed(library: str, data: Any) -> Any:
    """A table of plain JSON, in the library that the model was shown."""
    module: Any = importlib.import_module(library)
    if library == "pyarrow":
        return module.Table.from_pylist(data) if isinstance(data, list) else module.table(dict(data))
    return module.DataFrame(data if isinstance(data, list) else dict(data))


def _array_for_table(spec: Table, given: Array, check: Check) -> None:
    """A matrix for a model that was shown a frame: as many columns, of a type that fits each."""
    if given.shape[1] != len(spec.columns):
        check.fault(f"{given.shape[1]} columns where {len(spec.columns)} are expected")
        return
    for column in spec.columns:
        if not fits(given.dtype, column.type):
            check.fault(f"{given.dtype} where column {column.name!r} is expected as {column.type}")


def _order(wanted: list[Column], given: list[Column], check: Check) -> list[int] | None:
    """Where each wanted column is; None after a fault.  Repeated labels must come in the same order."""
    wanted_keys = [repr(column.name) for column in wanted]
    given_keys = [repr(column.name) for column in given]
    if wanted_keys == given_keys:
        return list(range(len(wanted)))
    place = {key: at for at, key in enumerate(given_keys)}
    missing = [column.name for column in wanted if repr(column.name) not in place]
    extra = [column.name for column in given if repr(column.name) not in set(wanted_keys)]
    check.names(missing, extra, "columns")
    if missing or extra:
        return None
    if len(place) < len(given_keys) or len(set(wanted_keys)) < len(wanted_keys):
        check.fault("columns of the same name in another order or number")
        return None
    return [place[key] for key in wanted_keys]


def _needs_cast(given: Column, wanted: Column, check: Check, *, plain: bool = False) -> bool:
    if wanted.type in {given.type, "object"} or given.type == "null":
        return False
    if fits(given.type, wanted.type) or (plain and both_real(given.type, wanted.type)):
        return True
    check.fault(f"column {given.name!r} is {given.type} where {wanted.type} is expected")
    return False


def _select_pandas(data: Any, order: list[int]) -> Any:
    return data.iloc[:, order]


def _select_polars(data: Any, order: list[int]) -> Any:
    names = data.collect_schema().names()
    return data.select([names[at] for at in order])


def _select_arrow(data: Any, order: list[int]) -> Any:
    return data.select(order)


_SELECT: dict[str, Callable[[Any, list[int]], Any]] = {
    "pandas": _select_pandas,
    "polars": _select_polars,
    "pyarrow": _select_arrow,
}


def _cast(library: str, data: Any, at: int, column: Column, check: Check) -> Any:
    try:
        cast = _CAST[library](data, at, column.type)
    except Exception as error:  # each library has its own for a value that does not fit
        check.fault(f"column {column.name!r}: {type(error).__name__}: {error}")
        return data
    if cast is None:
        check.fault(f"column {column.name!r} holds values that {column.type} cannot")
        return data
    return cast


def _cast_pandas(data: Any, at: int, kind: str) -> Any:
    before = data.iloc[:, at]
    values: Any = before.dropna() if whole(str(before.dtype).lower()) else ()
    if len(values) and not holds(kind, int(values.min()), int(values.max())):
        return None
    data = data.copy(deep=False)
    data.isetitem(at, before.astype(kind))
    return data


def _cast_polars(data: Any, at: int, kind: str) -> Any:
    import polars as pl

    name, before = list(data.collect_schema().items())[at]
    if isinstance(data, pl.DataFrame) and before.is_integer():  # a lazy frame has no values yet
        low, high = data[name].min(), data[name].max()
        if low is not None and not holds(kind, low, high):
            return None
    return data.with_columns(pl.col(name).cast(getattr(pl, kind.title().replace("Ui", "UI"))))


def _cast_arrow(data: Any, at: int, kind: str) -> Any:
    import pyarrow as pa

    field = data.schema.field(at).with_type(pa.type_for_alias(kind))
    return data.set_column(at, field, data.column(at).cast(field.type))


_CAST: dict[str, Callable[[Any, int, str], Any]] = {
    "pandas": _cast_pandas,
    "polars": _cast_polars,
    "pyarrow": _cast_arrow,
}
