"""Who called: the user, or scikit-learn on its own account.

`cross_val_score`, `learning_curve`, `permutation_test_score` and their like fit clones that nobody asked
to see. They are functions of many modules; what they share is that scikit-learn's code is what calls
`fit`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


def called_by_sklearn(estimator: Any) -> bool:
    """Say whether scikit-learn's own code, other than this estimator's, is anywhere up the stack."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe is this
    try:
        while frame is not None:
            if _root(frame) == "sklearn" and not _belongs(frame, estimator):
                return True
            frame = frame.f_back
    finally:
        del frame
    return False


def _root(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _belongs(frame: FrameType, estimator: Any) -> bool:
    """A method of the estimator itself (`fit_transform` calling `fit`), or a decorator around one."""
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames[: code.co_argcount] or ("self",)
    first = values.get(names[0])
    if first is estimator or values.get("self") is estimator or values.get("estimator") is estimator:
        return True
    arguments = values.get("args")
    return isinstance(arguments, tuple) and bool(arguments) and arguments[0] is estimator
