"""Predictions on the training data, within a budget, once, and used by metrics and plots alike.

A peer predicts the whole training set several times over. Here up to `EXACT` rows are predicted first,
which tells what more would take, and then as many rows as fit into 1 % of the time the fit took, or 12 ms,
if those are more. How many rows were scored is part of what is logged.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import rows
from .kinds import attribute, final, has, is_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

EXACT = 1_000
_SHARE, _LEAST = 0.01, 0.012


@dataclass(slots=True)
class Scored:
    """The rows that were scored and what the estimator said about them."""

    estimator: Any
    X: Any
    y: Any
    weight: Any
    total: int
    count: int
    prediction: Any = None
    probability: Any = None
    """Of shape (rows, classes), or a list of such for several targets; None where there is none."""
    decision: Any = None
    """Of `decision_function`; asked only of outlier detectors and of classifiers without probabilities."""

    @property
    def sampled(self) -> bool:
        """Whether these are only some of the rows."""
        return self.count < self.total


def score(
    estimator: Any,
    X: Any,
    y: Any,
    weight: Any,
    *,
    task: str | None,
    seconds: float,
    most: int,
    result: Any = None,
) -> Scored | None:
    """Predict on as many training rows as the time of the fit (``seconds``) and ``most`` allow.

    None if the estimator says nothing about data (a clusterer without labels).  Labels that the fit itself
    found are taken from it; ``result`` is what the fit returned, for `fit_predict` the prediction.
    """
    import numpy as np

    total = rows.count(X)
    data = Scored(estimator, X, y, weight, total, total)
    if task in ("clustering", "outlier detection"):
        found = _found(estimator, task, result, total)
        if found is not None:
            data.prediction = found
            return data
    if not has(estimator, "predict"):
        return None
    if task == "classification" and _some_unlabelled(estimator):
        data = _part(data, np.flatnonzero(np.asarray(y) != -1))
        total = data.total = data.count
    with randomness_kept(estimator):
        most = min(total, most)
        started = perf_counter()
        part = _predict(_part(data, rows.sample(total, min(most, EXACT))), task)
        took = perf_counter() - started
        affordable = min(most, int((max(_LEAST, _SHARE * seconds) / took - 1) * EXACT))
        if affordable <= EXACT:
            return part
        return _predict(_part(data, rows.sample(total, affordable)), task)


def _found(estimator: Any, task: str, result: Any, total: int) -> Any:
    """Return what the fit itself said about the rows it saw."""
    import numpy as np

    last = final(estimator)
    if task == "clustering":
        labels = attribute(last, "labels_")
    elif isinstance(result, np.ndarray) and result.dtype.kind == "i":
        labels = result
    else:
        factors, offset = attribute(last, "negative_outlier_factor_"), attribute(last, "offset_")
        labels = np.where(factors < offset, -1, 1) if factors is not None and offset is not None else None
    return labels if labels is not None and np.shape(labels) == (total,) else None


def _some_unlabelled(estimator: Any) -> bool:
    """Say whether rows labelled -1 have no label: scikit-learn's sign for it in semi-supervised learning."""
    last = final(estimator)
    return any(attribute(last, name) is not None for name in ("transduction_", "labeled_iter_"))


def _part(data: Scored, index: Any) -> Scored:
    if isinstance(index, slice) and index == slice(None):
        return Scored(data.estimator, data.X, data.y, data.weight, data.total, data.total)
    parts = (rows.take(one, index) for one in (data.X, data.y, data.weight))
    X, y, weight = parts
    return Scored(data.estimator, X, y, weight, data.total, rows.count(X))


def _predict(part: Scored, task: str | None) -> Scored:
    model = part.estimator
    if task == "classification" and has(model, "predict_proba"):
        part.probability = model.predict_proba(part.X)
        if _votes(model) and not isinstance(part.probability, list):
            part.prediction = model.classes_[part.probability.argmax(axis=1)]
    elif task in ("outlier detection", "classification"):
        part.decision = model.decision_function(part.X) if has(model, "decision_function") else None
    if part.prediction is None:
        part.prediction = model.predict(part.X)
    return part


def _votes(model: Any) -> bool:
    """Say whether `predict` is by definition the class of the highest probability."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    while is_pipeline(model):
        model = model.steps[-1][1]
    kinds = (RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier)
    return isinstance(model, kinds) and type(model).__module__.startswith("sklearn.")


@contextmanager
def randomness_kept(estimator: Any) -> Iterator[None]:
    """Put every random state that predicting might advance back to where it was.

    Predicting is nearly always deterministic; `IterativeImputer(sample_posterior=True)` and the like draw.
    """
    import numpy as np
    from sklearn.utils import check_random_state

    held = _values(estimator)
    states = [
        check_random_state(None),
        *(value for value in held if isinstance(value, np.random.RandomState)),
    ]
    bits = [value.bit_generator for value in held if isinstance(value, np.random.Generator)]
    before = [state.get_state() for state in states], [bit.state for bit in bits], random.getstate()
    try:
        yield
    finally:
        for state, old in zip(states, before[0], strict=True):
            if not all(map(np.array_equal, state.get_state(), old)):  # else leave it to the other threads
                state.set_state(old)
        for bit, old in zip(bits, before[1], strict=True):
            bit.state = old
        if random.getstate() != before[2]:
            random.setstate(before[2])


def _values(estimator: Any) -> list[Any]:
    """Return the attributes of an estimator and of the estimators among its parameters."""
    try:
        parts = [
            estimator,
            *(v for v in estimator.get_params(deep=True).values() if hasattr(v, "get_params")),
        ]
        fitted = [v for part in parts for v in vars(part).values() if hasattr(v, "get_params")]
        steps = [step[1] for part in parts for step in getattr(part, "steps", ())]
        return [
            v for part in (*parts, *fitted, *steps) if hasattr(part, "__dict__") for v in vars(part).values()
        ]
    except Exception:
        return []
