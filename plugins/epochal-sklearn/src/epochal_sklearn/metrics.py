"""Training metrics of the right kind for the task, from predictions made once.

Classification metrics come from one confusion matrix, so a dozen of them cost what one costs; a test holds
each equal to the function of `sklearn.metrics` whose name it has. Class averages are weighted by support,
and ROC AUC of several classes is one against the rest, averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kinds import attribute
from .rows import is_sparse, sample, take

if TYPE_CHECKING:
    from .scoring import Scored

_SILHOUETTE_ROWS = 1_000  # its cost is quadratic
_SPREAD_ROWS = 20_000


def training_metrics(scored: Scored, task: str | None) -> dict[str, float]:
    """Return ``{"accuracy": 0.97, ...}``; empty where the task has none or the labels are missing."""
    compute = {
        "classification": classification,
        "regression": regression,
        "clustering": clustering,
        "outlier detection": outliers,
    }.get(task or "")
    if compute is None or (scored.y is None and task in ("classification", "regression")):
        return {}
    return {name: float(value) for name, value in compute(scored).items()}


def classification(scored: Scored) -> dict[str, float]:
    """Metrics of single-target, multi-label and multi-output classifiers."""
    import numpy as np

    y = np.asarray(scored.y)
    if y.ndim == 2 and y.shape[1] > 1:
        return _several_targets(y, scored)
    y, predicted = y.ravel(), np.asarray(scored.prediction).ravel()
    classes = np.unique(np.concatenate([y, predicted])) if y.dtype != object else _labels(y, predicted)
    found = from_confusion(confusion(y, predicted, classes, scored.weight))
    if scored.probability is not None:
        found |= _probabilistic(y, scored)
    elif scored.decision is not None and np.ndim(scored.decision) == 1 and len(classes) == 2:
        found["roc_auc"] = _auc(
            y == attribute(scored.estimator, "classes_")[1], scored.decision, scored.weight
        )
    return found


def _labels(*arrays: Any) -> Any:
    import numpy as np

    return np.array(sorted({label for array in arrays for label in array.tolist()}, key=str), dtype=object)


def confusion(y: Any, predicted: Any, classes: Any, weight: Any = None) -> Any:
    """Return the (weighted) confusion matrix: rows are the true classes, columns the predicted."""
    import numpy as np

    index = {label: i for i, label in enumerate(classes.tolist())}
    if classes.dtype == object:
        true, guess = (np.fromiter((index[v] for v in a.tolist()), int, len(a)) for a in (y, predicted))
    else:
        true, guess = np.searchsorted(classes, y), np.searchsorted(classes, predicted)
    flat = np.bincount(true * len(classes) + guess, weights=weight, minlength=len(classes) ** 2)
    return flat.reshape(len(classes), len(classes))


def from_confusion(matrix: Any) -> dict[str, float]:
    """Return accuracy, balanced accuracy, and weighted precision, recall and F1 of a confusion matrix."""
    import numpy as np

    hits, actual, guessed = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    share, seen = actual / actual.sum(), actual > 0

    def ratio(above: Any, below: Any) -> Any:
        return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)

    recall, precision = ratio(hits, actual), ratio(hits, guessed)
    return {
        "accuracy": hits.sum() / actual.sum(),
        "balanced_accuracy": recall[seen].mean(),
        "precision": (share * precision).sum(),
        "recall": (share * recall).sum(),
        "f1": (share * ratio(2.0 * hits, actual + guessed)).sum(),
    }


def _several_targets(y: Any, scored: Scored) -> dict[str, float]:
    import numpy as np

    predicted = scored.prediction.toarray() if is_sparse(scored.prediction) else np.asarray(scored.prediction)
    right = y == predicted
    weight = scored.weight
    found = {
        "accuracy": float(np.average(right.all(axis=1), weights=weight)),
        "hamming_loss": float(np.average((~right).mean(axis=1), weights=weight)),
    }
    for target in range(y.shape[1]):
        found[f"accuracy/{target}"] = float(np.average(right[:, target], weights=weight))
    return found


def _probabilistic(y: Any, scored: Scored) -> dict[str, float]:
    import numpy as np
    from sklearn import metrics

    classes, probability = attribute(scored.estimator, "classes_"), np.asarray(scored.probability)
    if classes is None or len(classes) < 2 or probability.shape != (len(y), len(classes)):
        return {}
    found = {"log_loss": metrics.log_loss(y, probability, labels=classes, sample_weight=scored.weight)}
    if len(classes) == 2 and len(np.unique(y)) == 2:
        found["roc_auc"] = _auc(y == classes[1], probability[:, 1], scored.weight)
    elif len(classes) > 2 and len(np.unique(y)) == len(classes):
        each = [_auc(y == c, probability[:, i], scored.weight) for i, c in enumerate(classes)]
        found["roc_auc"] = float(np.mean(each))
    return found


def _auc(positive: Any, score: Any, weight: Any) -> float:
    from sklearn import metrics

    return float(metrics.roc_auc_score(positive, score, sample_weight=weight))


def regression(scored: Scored) -> dict[str, float]:
    """R2, MAE, RMSE and MAPE; several targets count equally."""
    import numpy as np
    from sklearn import metrics

    y, predicted = np.asarray(scored.y, dtype=float), np.asarray(scored.prediction, dtype=float)
    if y.ndim == 2 and predicted.ndim == 1:
        y = y.ravel()
    weight = scored.weight
    found = {
        "mae": metrics.mean_absolute_error(y, predicted, sample_weight=weight),
        "rmse": np.mean(
            np.sqrt(metrics.mean_squared_error(y, predicted, sample_weight=weight, multioutput="raw_values"))
        ),
        "mape": metrics.mean_absolute_percentage_error(y, predicted, sample_weight=weight),
    }
    if len(y) > 1:  # R2 of one row is undefined
        found["r2"] = metrics.r2_score(y, predicted, sample_weight=weight)
    return found


def clustering(scored: Scored) -> dict[str, float]:
    """Silhouette, Calinski-Harabasz and Davies-Bouldin (of samples), and the number of clusters found."""
    import numpy as np
    from sklearn import metrics

    labels = np.asarray(scored.prediction)
    clusters = len(np.unique(labels))
    found = {"clusters": float(len(np.unique(labels[labels >= 0]))), "noise": float((labels < 0).mean())}
    data = scored.X
    if not 1 < clusters < len(labels) or is_precomputed(scored.estimator):
        return found
    index = sample(len(labels), _SILHOUETTE_ROWS)
    if len(np.unique(labels[index])) > 1:
        found["silhouette"] = metrics.silhouette_score(take(data, index), labels[index])
    index = sample(len(labels), _SPREAD_ROWS)
    if not is_sparse(data) and len(np.unique(labels[index])) > 1:
        points, labels = take(data, index), labels[index]
        found["calinski_harabasz"] = metrics.calinski_harabasz_score(points, labels)
        found["davies_bouldin"] = metrics.davies_bouldin_score(points, labels)
    return found


def is_precomputed(estimator: Any) -> bool:
    """Say whether the training data were distances or affinities instead of points."""
    return any(
        attribute(estimator, name) == "precomputed" for name in ("metric", "affinity", "kernel", "linkage")
    )


def outliers(scored: Scored) -> dict[str, float]:
    """The share called outliers, and the mean score."""
    import numpy as np

    found = {"outliers": float((np.asarray(scored.prediction) < 0).mean())}
    if scored.decision is not None:
        found["mean_decision"] = float(np.mean(scored.decision))
    return found


_FITTED = (
    "inertia_", "n_iter_", "oob_score_", "lower_bound_", "reconstruction_err_", "kl_divergence_", "stress_",
    "best_loss_", "aic_", "bic_", "alpha_", "C_", "n_clusters_", "intercept_",
)  # fmt: skip


def fitted_values(estimator: Any) -> dict[str, float]:
    """Return the single numbers a fit leaves behind: ``inertia``, ``n_iter``, ``oob_score`` and the like."""
    import numpy as np

    found = {}
    for name in _FITTED:
        value = attribute(estimator, name)
        if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            found[name.rstrip("_")] = float(value)
        elif isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
            found[name.rstrip("_")] = float(value.reshape(-1)[0])
    return found
