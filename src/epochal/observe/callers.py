"""Who called: the name that the caller's code has for an object.

Data sets are called what the user calls them: ``X_train``.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_GATE = f"{__package__}.importlib_bootstrap"


def variable_name(value: Any, framework: str) -> str | None:
    """The name of ``value`` in the frame that called the framework (its top package's name)."""
    frame = _caller({"epochal", framework})
    try:
        return _name_in(frame, value) if frame is not None else None
    finally:
        del frame


def _caller(insiders: set[str]) -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe is this
    while frame is not None and frame.f_globals.get("__name__") != _GATE:  # past the observer
        frame = frame.f_back
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in insiders:
        frame = frame.f_back
    return frame


def _name_in(frame: FrameType, value: Any) -> str | None:
    snapshot = bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED) and sys.version_info < (3, 13)
    names = frame.f_locals
    try:
        for scope in (names, frame.f_globals):
            for name, candidate in list(scope.items()):
                if candidate is value and not name.startswith("_"):
                    return name
        return None
    finally:
        if snapshot:  # Python keeps it with the frame, and so would keep alive what the user deletes
            names.clear()
