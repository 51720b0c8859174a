"""Search results as tables of pandas, polars or Arrow, built column by column from SQL."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from epochal.errors import EpochalError

from . import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .store import Store

_EXTRA: Final = {"pandas": "pandas", "polars": "polars", "pyarrow": "arrow"}


def need(module: str) -> Any:
    """Import an optional library, or say how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise EpochalError(
            f"this needs {module}; install it with: pip install 'epochal[{_EXTRA[module]}]'"
        ) from error


def to_pandas(store: Store, numbers: list[int]) -> Any:
    """A DataFrame; created is a timestamp in UTC."""
    pd = need("pandas")
    table = columns(store, numbers)
    table["created"] = pd.to_datetime(table["created"], unit="us", utc=True)
    numbers_of = {
        n: np.array(v, np.float64) for n, v in table.items() if n == "duration" or n.startswith("metrics.")
    }
    return pd.DataFrame({name: pd.Series(values) for name, values in (table | numbers_of).items()})


def to_polars(store: Store, numbers: list[int]) -> Any:
    """A polars DataFrame."""
    pl = need("polars")
    table = columns(store, numbers)
    created = pl.Series("created", table["created"]).cast(pl.Datetime("us", "UTC"))
    series = {
        name: pl.Series(name, values, strict=False, nan_to_null=False) for name, values in table.items()
    }
    return pl.DataFrame(list((series | {"created": created}).values()))


def to_arrow(store: Store, numbers: list[int]) -> Any:
    """An Arrow table."""
    pa = need("pyarrow")
    table = columns(store, numbers)
    arrays = {name: pa.array(values, from_pandas=False) for name, values in table.items()}
    arrays["created"] = arrays["created"].cast(pa.timestamp("us", "UTC"))
    return pa.table(arrays)


def columns(store: Store, numbers: list[int]) -> dict[str, Any]:
    """Every column as a list, None where a run has none; created in microseconds.

    A param's column keeps its type where all runs agree on it and is text where they do not.
    """
    with store.connect() as connection:
        rows = reading.run_rows(connection, numbers)
        params, metrics, tags = (
            read(connection, numbers) for read in (reading.params_of, reading.metrics_of, reading.tags_of)
        )
    now = time.time()
    table: dict[str, Any] = {
        "run_id": [row["uuid"] for row in rows],
        "name": [row["name"] for row in rows],
        "project": [row["project"] for row in rows],
        "status": [row["status"] for row in rows],
        "created": [round(row["created"] * 1e6) for row in rows],
        "duration": [(now if row["ended"] is None else row["ended"]) - row["created"] for row in rows],
    }
    for name in _names(params.values()):
        table[f"params.{name}"] = _alike([params[n].get(name) for n in numbers])
    for name in _names(metrics.values()):
        table[f"metrics.{name}"] = [metrics[n].get(name) for n in numbers]
    for name in _names(tags.values()):
        table[f"tags.{name}"] = [tags[n].get(name) for n in numbers]
    return table


def _names(values: Iterable[dict[str, Any]]) -> list[str]:
    return sorted({name for one in values for name in one})


def _alike(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    small = all(-(2**63) <= value < 2**63 for value in values if isinstance(value, int))
    if len(kinds) == 1 and not kinds & {dict, list} and small:
        return values
    return [None if value is None else str(value) for value in values]
