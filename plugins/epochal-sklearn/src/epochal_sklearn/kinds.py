"""What an estimator is: its task, its parts, and whether it fits many models inside.

Estimators of other packages follow scikit-learn's conventions more or less; each question here is asked
so that one that does not gets the answer "unknown" instead of an error.
"""

from __future__ import annotations

from typing import Any, Literal

Task = Literal["classification", "regression", "clustering", "outlier detection", "density", "transformation"]

# Packages whose estimators search for models inside `fit`.
_AUTOML = frozenset(
    {"autosklearn", "evalml", "flaml", "gama", "hpsklearn", "lazypredict", "supervised", "tpot"}
)


def task(estimator: Any) -> Task | None:
    """Say what the estimator is for; None if it does not say."""
    from sklearn import base

    tests: list[tuple[Task, Any]] = [
        ("classification", base.is_classifier),
        ("regression", base.is_regressor),
        ("outlier detection", base.is_outlier_detector),
        ("clustering", _is_clusterer),
    ]
    for name, test in tests:
        try:
            if test(estimator):
                return name
        except Exception:  # noqa: S112 - an estimator that cannot say is none of these
            continue
    if isinstance(estimator, base.DensityMixin):
        return "density"
    return "transformation" if has(estimator, "transform") or has(estimator, "fit_transform") else None


def _is_clusterer(estimator: Any) -> bool:
    from sklearn import base

    ask = getattr(base, "is_clusterer", None)  # since scikit-learn 1.6
    if ask is not None:
        return bool(ask(estimator))
    return getattr(estimator, "_estimator_type", None) == "clusterer"


def has(estimator: Any, name: str) -> bool:
    """Say whether a method is there; a conditional one (`available_if`) may raise anything when asked."""
    try:
        return hasattr(estimator, name)
    except Exception:
        return False


def attribute(estimator: Any, name: str) -> Any:
    """Return a fitted attribute, or None where there is none or reading it fails."""
    try:
        return getattr(estimator, name, None)
    except Exception:
        return None


def class_name(value: Any) -> str:
    """Return ``package.module.Class`` of an estimator."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_pipeline(estimator: Any) -> bool:
    """Say whether the estimator is a `Pipeline` (of scikit-learn or derived from it)."""
    from sklearn.pipeline import Pipeline

    return isinstance(estimator, Pipeline)


def is_search(estimator: Any) -> bool:
    """Say whether it searches over candidates and keeps their results."""
    from sklearn.model_selection._search import BaseSearchCV

    return isinstance(estimator, BaseSearchCV) or type(attribute(estimator, "cv_results_")) is dict


def is_estimator(value: Any) -> bool:
    """Say whether this is an instance that can be fitted."""
    return hasattr(type(value), "fit") and hasattr(type(value), "get_params")


def fits_foreign(estimator: Any) -> bool:
    """Say whether ``fit`` may train several models of other frameworks, whose curves would be mixed up.

    Models of scikit-learn's own draw no curves, and a pipeline trains one predictor: neither counts.
    """
    if is_pipeline(estimator):
        return False
    if _root(estimator) in _AUTOML:
        return True
    return is_foreign(estimator) and _root(estimator) == "sklearn"


def is_foreign(estimator: Any) -> bool:
    """Say whether the estimator, or one among its parameters, is not scikit-learn's."""
    try:
        parts = [value for value in estimator.get_params(deep=True).values() if is_estimator(value)]
    except Exception:  # hostile parameters: nothing is known
        parts = []
    return any(_root(part) != "sklearn" for part in (estimator, *parts))


def _root(estimator: Any) -> str:
    return type(estimator).__module__.partition(".")[0]


def final(estimator: Any) -> Any:
    """Return the predictor itself: the last step of pipelines, the best estimator of a search."""
    for _ in range(10):
        steps = attribute(estimator, "steps") if is_pipeline(estimator) else None
        inner = steps[-1][1] if steps else attribute(estimator, "best_estimator_")
        if inner is None:
            inner = attribute(estimator, "regressor_")  # TransformedTargetRegressor
        if inner is None or not is_estimator(inner):
            return estimator
        estimator = inner
    return estimator
