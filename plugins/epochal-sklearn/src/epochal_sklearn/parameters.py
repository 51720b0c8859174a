"""The parameters of an estimator as plain values that a person can read and filter by.

Nested estimators are told by class and come with their own parameters (``rf__max_depth``); the steps of a
pipeline read ``scaler -> rf``.  Values that are no JSON become short words that are the same in every run:
no memory addresses.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from .kinds import is_estimator

_LONGEST = 300


def parameters(estimator: Any) -> dict[str, Any]:
    """Return ``get_params(deep=True)``, each value made readable; what cannot be read is left out."""
    given = estimator.get_params(deep=True)
    return {str(name): readable(value) for name, value in given.items()}


def readable(value: Any, depth: int = 0) -> Any:
    """Turn one parameter into a JSON value, by what it is rather than by its repr where that is unstable."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > 4:
        return _cut(repr(value))
    if isinstance(value, list | tuple):
        return _sequence(value, depth)
    if isinstance(value, dict):
        return {str(k): readable(v, depth + 1) for k, v in list(value.items())[:100]}
    if is_estimator(value):
        return type(value).__name__
    return _other(value)


def _sequence(value: list[Any] | tuple[Any, ...], depth: int) -> Any:
    steps = [item for item in value if isinstance(item, tuple) and len(item) in (2, 3)]
    named = bool(steps) and len(steps) == len(value) and all(isinstance(step[0], str) for step in steps)
    if named and all(_is_part(step[1]) for step in steps):
        arrow = " -> " if len(steps[0]) == 2 else ", "
        return arrow.join(step[0] for step in steps)
    if len(value) > 100:
        return f"{type(value).__name__} of {len(value)}"
    return [readable(item, depth + 1) for item in value]


def _is_part(value: Any) -> bool:
    return (
        value in ("drop", "passthrough") if isinstance(value, str) else value is None or is_estimator(value)
    )


def _other(value: Any) -> Any:
    if inspect.isclass(value) or inspect.isroutine(value) or hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', repr(value))}".lstrip(".")
    if isinstance(value, functools.partial):
        return f"partial({_other(value.func)})"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape == () and hasattr(value, "item"):
        return readable(value.item(), 4)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{type(value).__name__}{list(shape)} of {dtype}"
    text = _cut(repr(value))
    return f"{type(value).__name__}(...)" if " at 0x" in text else text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
