"""scikit-learn for epochal: every fit becomes a run, and every estimator a model that loads without
running code.

Three seams, no more: what fits, what predicts, and what measures. All three are public methods and
functions; the observers behind them are in `observer` and `later`, which import scikit-learn and this
module does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochal.hooks import hookimpl
from epochal.observe import Adapter, Call

from .flavor import SklearnFlavor
from .options import SklearnOptions

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["SklearnFlavor", "SklearnOptions", "adapter"]

adapter = Adapter("sklearn", options=SklearnOptions)


@adapter.around(
    "sklearn.base:BaseEstimator.fit*",
    "sklearn.base:BaseEstimator.fit_predict*",
    "sklearn.base:BaseEstimator.fit_transform*",
    why="every training passes here; of all estimators only six know scikit-learn's own callbacks",
)
def observe_fit(call: Call) -> Generator[None, Any, None]:
    """Log a fit that the user called; keep silent about those that scikit-learn calls."""
    from .observer import fit

    yield from fit(call)


@adapter.around(
    "sklearn.base:BaseEstimator.predict*",
    "sklearn.base:BaseEstimator.predict_proba*",
    "sklearn.base:BaseEstimator.decision_function*",
    "sklearn.base:BaseEstimator.score*",
    "sklearn.base:ClassifierMixin.predict*",
    "sklearn.base:ClassifierMixin.predict_proba*",
    "sklearn.base:ClassifierMixin.decision_function*",
    "sklearn.base:ClassifierMixin.score*",
    "sklearn.base:RegressorMixin.score*",
    why="to know by which model a prediction was made, when it is measured later",
)
def observe_prediction(call: Call) -> Generator[None, Any, None]:
    """Remember whose a prediction is, and log a score."""
    from .later import predicted

    yield from predicted(call)


@adapter.around(
    "sklearn.metrics:*_score",
    "sklearn.metrics:*_loss",
    "sklearn.metrics:*_error",
    "sklearn.metrics:*_deviance",
    "sklearn.metrics:matthews_corrcoef",
    why="a metric of a model's predictions belongs to the run of that model",
)
def observe_metric(call: Call) -> Generator[None, Any, None]:
    """Log what is measured of a remembered prediction."""
    from .later import measured

    yield from measured(call)


@hookimpl
def adapters() -> list[Adapter]:
    """Add the adapter."""
    return [adapter]


@hookimpl
def flavors() -> list[SklearnFlavor]:
    """Add the flavor."""
    return [SklearnFlavor()]
