"""Metrics that the user computes after the fit, on other data: they go to the run of the model.

`accuracy_score(y_test, model.predict(X_test))` is logged as ``X_test/accuracy_score``,
`model.score(X_test, y_test)` as ``X_test/score``: named after the variable that holds the data. A
prediction is known by identity, through weak references, so that nothing of the user's is kept alive; a
view of it (``proba[:, 1]``) is known by its base, a copy is not. The same metric of the same data again is
the next step.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .callers import called_by_sklearn
from .kinds import attribute, is_estimator

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from epochal.observe import Call
    from epochal.tracking import Run

_OPEN = 4
_MOST_VALUES = 20


@dataclass
class Origin:
    """The run that a model belongs to, and how often each metric was logged to it."""

    run_id: str
    root: Path
    run: weakref.ref[Run]
    steps: dict[str, int] = field(default_factory=dict)


@dataclass
class Prediction:
    """Whose prediction an array is, of which data."""

    origin: Origin
    data: str


class Remembered:
    """Objects known by identity, for as long as somebody else holds them."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def put(self, key: Any, value: Any) -> None:
        """Know ``key``; what cannot be referred to weakly is not known."""
        ident = id(key)
        try:
            reference = weakref.ref(key, lambda _: self._known.pop(ident, None))
        except TypeError:
            return
        self._known[ident] = (reference, value)

    def get(self, key: Any) -> Any:
        """Return what is known of this very object, or None."""
        found = self._known.get(id(key))
        return found[1] if found is not None and found[0]() is key else None

    def __len__(self) -> int:
        return len(self._known)


models = Remembered()
predictions = Remembered()


def remember_model(estimator: Any, run: Run) -> None:
    """From now on metrics of this estimator's predictions go to this run."""
    origin = Origin(run.id, run.store, weakref.ref(run))
    models.put(estimator, origin)
    best = attribute(estimator, "best_estimator_")
    if best is not None and is_estimator(best):
        models.put(best, origin)


def predicted(call: Call) -> Generator[None, Any, None]:
    """Observe `predict`, `predict_proba`, `decision_function` and `score` of a model that was logged."""
    origin = models.get(call.instance) if len(models) else None
    given = list(call.arguments.items())
    data = _data_name(call, given[1][1], call.instance) if origin is not None and len(given) > 1 else None
    if origin is None or data is None:
        return
    result = yield
    if call.name == "score":
        with call.working():  # opening a journal may take a moment
            _log(origin, f"{data}/score", result)
    else:
        found = Prediction(origin, data)
        predictions.put(result, found)
        base = getattr(result, "base", None)
        if getattr(base, "size", None) == getattr(result, "size", 0):
            predictions.put(base, found)  # a view, of which NumPy makes further views of the base


def _data_name(call: Call, data: Any, estimator: Any) -> str | None:
    """Return the caller's name for the data; "data" if it has none; None if it is not the user who asks."""
    name = call.variable_name(data)
    if name is not None:
        return name
    return None if called_by_sklearn(estimator) else "data"


def measured(call: Call) -> Generator[None, Any, None]:
    """Observe a metric; of predictions that are not remembered it takes no notice."""
    arguments = call.arguments
    source = next(filter(None, map(_prediction, arguments.values())), None) if len(predictions) else None
    if source is None:
        return
    suffix = f"_{arguments['average']}" if _chosen(call.name, arguments) else ""
    result = yield
    with call.working():
        _log(source.origin, f"{source.data}/{call.name}{suffix}", result)


def _prediction(value: Any) -> Prediction | None:
    for _ in range(4):
        found: Prediction | None = predictions.get(value)
        if found is not None:
            return found
        value = getattr(value, "base", None) if hasattr(value, "__array_interface__") else None
        if value is None:
            return None
    return None


def _chosen(metric: str, arguments: dict[str, Any]) -> bool:
    """Say whether an average other than the usual was asked for: another metric, really."""
    usual = "macro" if metric in ("roc_auc_score", "average_precision_score") else "binary"
    return isinstance(arguments.get("average"), str) and arguments["average"] != usual


def _log(origin: Origin, key: str, result: Any) -> None:
    values = _numbers(key, result)
    if not values:
        return
    step = origin.steps[key] = origin.steps.get(key, -1) + 1
    data = {"step": step, "values": values}
    run = origin.run()
    if run is not None and run.status == "running":
        run.event("metrics", data)
    else:
        _append(origin, data)


def _numbers(key: str, result: Any) -> dict[str, Any]:
    import numpy as np

    from epochal.values import plain

    if isinstance(result, np.ndarray) and result.ndim == 1 and len(result) <= _MOST_VALUES:
        return {f"{key}/{i}": plain(float(v)) for i, v in enumerate(result.tolist())}
    is_number = isinstance(result, int | float | np.number) and not isinstance(result, bool)
    return {key: plain(float(result))} if is_number else {}


# -- writing to a run that has ended ---------------------------------------------------

_reopened: OrderedDict[tuple[int, str], Run] = OrderedDict()
_lock = threading.Lock()


def _append(origin: Origin, data: dict[str, Any]) -> None:
    from epochal.starting import reopen

    key = (os.getpid(), origin.run_id)
    with _lock:
        if key not in _reopened:
            _reopened[key] = reopen(origin.run_id, origin.root)
        _reopened.move_to_end(key)
        _reopened[key].event("metrics", data)
        while len(_reopened) > _OPEN:
            _close(*_reopened.popitem(last=False))


def close() -> None:
    """Close every run that later metrics opened; the next metric opens one again."""
    with _lock:
        while _reopened:
            _close(*_reopened.popitem())


def _close(key: tuple[int, str], run: Run) -> None:
    if key[0] == os.getpid():  # else it is the parent's, of which this process is a fork
        run.finish()


atexit.register(close)
