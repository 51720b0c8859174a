"""The store: what the journals say, in tables that can be searched, and dropped and built again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lists import RunList
    from .series import Buckets, History
    from .store import Store, run, runs
    from .views import RunView

__all__ = ["Buckets", "History", "RunList", "RunView", "Store", "run", "runs"]

_HOME = {
    "Buckets": "series",
    "History": "series",
    "RunList": "lists",
    "RunView": "views",
    "Store": "store",
    "run": "store",
    "runs": "store",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
