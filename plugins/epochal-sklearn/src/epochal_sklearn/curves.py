"""What an iterative estimator remembers of its training, as metrics with one step an iteration."""

from __future__ import annotations

from typing import Any

from .kinds import attribute, final

_MOST = 5_000

# attribute of the fitted estimator -> the metric it becomes
_CURVES = {
    "loss_curve_": "train/loss",  # MLP
    "validation_scores_": "validation/score",  # MLP with early stopping
    "validation_score_": "validation/score",  # HistGradientBoosting with early stopping
    "estimator_errors_": "train/estimator_error",  # AdaBoost
    "oob_scores_": "oob/score",  # GradientBoosting with subsample < 1
    "lower_bounds_": "train/lower_bound",  # GaussianMixture
}


def curves(estimator: Any) -> dict[str, list[float]]:
    """Return ``{"train/loss": [...]}``: one number an iteration, in order; empty for all other estimators."""
    import numpy as np

    last, found = final(estimator), {}
    table = dict(_CURVES)
    # GradientBoosting keeps its loss here, HistGradientBoosting a score, and both in one name
    table["train_score_"] = "train/score" if "Hist" in type(last).__name__ else "train/loss"
    for name, key in table.items():
        values = attribute(last, name)
        if isinstance(values, list | np.ndarray) and np.ndim(values) == 1 and len(values) > 1:
            array = np.asarray(values)
            if array.dtype.kind in "iuf":
                found[key] = [float(v) for v in array]
    return found


def log_curves(run: Any, estimator: Any) -> None:
    """Log every curve, all metrics of an iteration at its step; long ones are thinned evenly."""
    from epochal.values import plain

    found = curves(estimator)
    longest = max(map(len, found.values()), default=0)
    for step in range(0, longest, -(-longest // _MOST) if longest else 1):
        values = {key: plain(curve[step]) for key, curve in found.items() if step < len(curve)}
        run.event("metrics", {"step": step, "values": values})
