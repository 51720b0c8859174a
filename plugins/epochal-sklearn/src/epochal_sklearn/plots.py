"""The plots of a fit: each is data first, and a picture made from the same data.

The data ride in the record of the plot, so any reader can draw them anew; curves are thinned to `POINTS`
points and scatters to a sample, so a plot of a million rows is as small as one of a hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochal.media.encoded import Encoded, Media

from . import svg
from .kinds import attribute, final
from .rows import sample

if TYPE_CHECKING:
    from .scoring import Scored

POINTS = 200
_CLASSES = 30
_FEATURES = 30


class Plot(Media):
    """A plot as data, with the picture of it."""

    type = "figure"

    def __init__(self, kind: str, data: dict[str, Any], drawing: str, caption: str | None = None) -> None:
        """Hold the data and the SVG text."""
        super().__init__(caption)
        self.kind, self.data, self.drawing = kind, data, drawing

    def encode(self) -> Encoded:
        """Return the drawing as a file and the data as they are."""
        files: list[Any] = [("figure.svg", self.drawing.encode(), "image/svg+xml")]
        return Encoded(self.type, files, {"plot": self.kind, **self.data}, self.caption)

    def about(self) -> str:
        """Say which plot it is."""
        return self.kind


def classification(scored: Scored) -> dict[str, Plot]:
    """Confusion matrix; and, of a classifier with probabilities, ROC, precision-recall and calibration."""
    import numpy as np

    from .metrics import _labels, confusion

    y, predicted = np.asarray(scored.y), np.asarray(scored.prediction)
    if y.ndim > 1 and y.shape[1] > 1:
        return {}
    y, predicted = y.ravel(), predicted.ravel()
    classes = np.unique(np.concatenate([y, predicted])) if y.dtype != object else _labels(y, predicted)
    made = {}
    if len(classes) <= _CLASSES:
        made["confusion_matrix"] = _confusion(classes, confusion(y, predicted, classes, scored.weight))
    scores = _scores(scored, y)
    if scores:
        made["roc"] = _curves("roc", scores, scored.weight)
        made["precision_recall"] = _curves("precision_recall", scores, scored.weight)
        if scored.probability is not None:
            made["calibration"] = _calibration(scores, scored.weight)
    return made


def _confusion(classes: Any, matrix: Any) -> Plot:
    labels, rows = [str(c) for c in classes.tolist()], matrix.tolist()
    drawing = svg.heat("confusion matrix", "predicted", "actual", labels, rows)
    return Plot("confusion_matrix", {"labels": labels, "matrix": rows}, drawing)


def _scores(scored: Scored, y: Any) -> list[tuple[str, Any, Any]]:
    """Return (class, is it that class, score of it) for each class that a curve can be drawn for."""
    import numpy as np

    classes = attribute(scored.estimator, "classes_")
    values = scored.probability if scored.probability is not None else scored.decision
    if classes is None or isinstance(values, list | type(None)) or not 1 < len(classes) <= _CLASSES:
        return []
    values = np.asarray(values)
    columns = values[:, None] if values.ndim == 1 else values
    if columns.shape[1] == 1:
        found = [(str(classes[1]), y == classes[1], columns[:, 0])]
    elif len(classes) == 2:
        found = [(str(classes[1]), y == classes[1], columns[:, 1])]
    else:
        found = [(str(c), y == c, columns[:, i]) for i, c in enumerate(classes)]
    return [(name, true, score) for name, true, score in found if true.any() and not true.all()]


def _curves(kind: str, scores: list[tuple[str, Any, Any]], weight: Any) -> Plot:
    from sklearn import metrics

    series = []
    for name, true, score in scores:
        if kind == "roc":
            x, y, at = metrics.roc_curve(true, score, sample_weight=weight)
        else:
            y, x, at = metrics.precision_recall_curve(
                true, score, sample_weight=weight, drop_intermediate=True
            )
        keep = thinned(len(x))
        series.append(
            {
                "name": name,
                "x": _rounded(x[keep]),
                "y": _rounded(y[keep]),
                "thresholds": _rounded(at[thinned(len(at))]),
            }
        )
    labels = ("false positive rate", "true positive rate") if kind == "roc" else ("recall", "precision")
    return _drawn_lines(kind, labels, series, diagonal=kind == "roc")


def _calibration(scores: list[tuple[str, Any, Any]], weight: Any, bins: int = 10) -> Plot:
    import numpy as np

    series = []
    for name, true, score in scores:
        place = np.minimum((score * bins).astype(int), bins - 1)
        w = np.ones(len(place)) if weight is None else np.asarray(weight, dtype=float)
        sums = [np.bincount(place, weights=values, minlength=bins) for values in (w, score * w, true * w)]
        full = sums[0] > 0
        count, x, y = sums[0][full], sums[1][full] / sums[0][full], sums[2][full] / sums[0][full]
        series.append({"name": name, "x": _rounded(x), "y": _rounded(y), "count": count.tolist()})
    return _drawn_lines(
        "calibration", ("mean predicted probability", "fraction of positives"), series, diagonal=True
    )


def _drawn_lines(kind: str, labels: tuple[str, str], series: list[dict[str, Any]], *, diagonal: bool) -> Plot:
    curves = [(s["name"], list(zip(s["x"], s["y"], strict=True))) for s in series]
    drawing = svg.lines(kind.replace("_", " "), *labels, curves, diagonal=diagonal)
    return Plot(kind, {"x_label": labels[0], "y_label": labels[1], "series": series}, drawing)


def regression(scored: Scored) -> dict[str, Plot]:
    """Predicted against actual values, and residuals against predicted ones; a sample of `POINTS` rows."""
    import numpy as np

    y, predicted = np.asarray(scored.y, dtype=float), np.asarray(scored.prediction, dtype=float)
    if y.size != predicted.size or (y.ndim > 1 and y.shape[1] > 1):
        return {}
    index = sample(len(y), POINTS)
    y, predicted = y.ravel()[index], predicted.ravel()[index]
    return {
        "predicted_actual": _points("predicted_actual", ("actual", "predicted"), y, predicted, diagonal=True),
        "residuals": _points("residuals", ("predicted", "actual - predicted"), predicted, y - predicted),
    }


def _points(kind: str, labels: tuple[str, str], x: Any, y: Any, *, diagonal: bool = False) -> Plot:
    xs, ys = _rounded(x), _rounded(y)
    points = [(a, b) for a, b in zip(xs, ys, strict=True) if a == a and b == b]  # noqa: PLR0124 - no NaN
    drawing = svg.scatter(kind.replace("_", " "), *labels, points, diagonal=diagonal)
    return Plot(kind, {"x_label": labels[0], "y_label": labels[1], "x": xs, "y": ys}, drawing)


def importance(estimator: Any, names: list[str] | None) -> Plot | None:
    """Draw how much each feature counts: by impurity, or by coefficient; None where there is neither."""
    import numpy as np

    last = final(estimator)
    values, method = attribute(last, "feature_importances_"), "impurity"
    if values is None:
        values, method = attribute(last, "coef_"), "coefficient"
        if values is None or hasattr(values, "tocsr"):
            return None
        values = np.atleast_2d(np.asarray(values, dtype=float))
        values = values[0] if len(values) == 1 else np.abs(values).mean(axis=0)
    values = np.asarray(values, dtype=float).ravel()
    return ranked("feature_importance", method, values, _feature_names(estimator, last, names, len(values)))


def ranked(kind: str, method: str, values: Any, names: list[str]) -> Plot:
    """Draw the `_FEATURES` features with the largest values."""
    import numpy as np

    order = np.argsort(-np.abs(values), kind="stable")[:_FEATURES]
    top = [(names[i], float(f"{values[i]:.6g}")) for i in order]
    data = {
        "method": method,
        "names": [n for n, _ in top],
        "values": [v for _, v in top],
        "features": len(values),
    }
    return Plot(kind, data, svg.bars(kind.replace("_", " "), method, top))


def _feature_names(estimator: Any, last: Any, names: list[str] | None, count: int) -> list[str]:
    if last is not estimator and attribute(estimator, "steps"):
        try:
            names = [str(name) for name in estimator[:-1].get_feature_names_out()]
        except Exception:
            names = None
    if names is None or len(names) != count:
        own = attribute(last, "feature_names_in_")
        names = [str(name) for name in own] if own is not None and len(own) == count else None
    return names or [f"x{i}" for i in range(count)]


def permutation(scored: Scored, repeats: int, names: list[str] | None) -> Plot:
    """Measure how much the score falls when a feature is shuffled, on the scored rows; costs predictions."""
    import numpy as np
    from sklearn.inspection import permutation_importance

    found = permutation_importance(
        scored.estimator, scored.X, scored.y, n_repeats=repeats, sample_weight=scored.weight, random_state=0
    )
    values = np.asarray(found.importances_mean)
    return ranked(
        "permutation_importance", "permutation", values, names or [f"x{i}" for i in range(len(values))]
    )


def thinned(total: int) -> Any:
    """Return the positions of at most `POINTS` of ``total`` points, both ends among them."""
    import numpy as np

    return (
        slice(None) if total <= POINTS else np.unique(np.linspace(0, total - 1, POINTS).round().astype(int))
    )


def _rounded(values: Any) -> list[float]:
    import numpy as np

    values = np.asarray(values, dtype=float)
    return [float(f"{v:.6g}") for v in values.tolist()]
