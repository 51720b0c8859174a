"""Checks of content that compiled code follows without checking.

skops can say of which types a model is made, not whether the numbers inside make sense. scikit-learn's
trees hold indices of children and features that Cython follows without bounds: a crafted file would have
it read foreign memory. So every tree is held against its own size after loading, before anybody can
predict with it. https://github.com/scikit-learn/scikit-learn/pull/34558
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochal import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(model: Any) -> None:
    """Raise `errors.FormatError` if a tree inside the model points outside itself."""
    for value in _inside(model):
        test = _TESTS.get(f"{type(value).__module__}.{type(value).__name__}")
        if test is not None and not test(value):
            raise errors.FormatError(
                f"the model holds a {type(value).__name__} whose nodes point outside of it; "
                "the file is damaged or was made to crash whoever predicts with it"
            )


def _inside(model: Any) -> Iterator[Any]:
    """Yield every object reachable through attributes, containers and object arrays, each once."""
    import numpy as np

    pending, seen = [model], set()
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | None):
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            pending += value
        elif isinstance(value, np.ndarray):
            pending += value.ravel().tolist() if value.dtype == object else []
        pending += list(getattr(value, "__dict__", {}).values()) if not isinstance(value, type) else []


def _within(indices: Any, low: int, high: int) -> bool:
    return bool(len(indices) == 0 or (indices.min() >= low and indices.max() < high))


def _children_follow(left: Any, right: Any, leaf: Any) -> bool:
    """Children come after their parent and exist; so there are no cycles either."""
    import numpy as np

    own = np.arange(len(left))[~leaf]
    sides = (left[~leaf], right[~leaf])
    return all(bool((side > own).all()) and _within(side, 0, len(left)) for side in sides)


def _tree(tree: Any) -> bool:
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    leaf = left == -1
    if len(left) != tree.node_count or len(tree.value) != tree.node_count or tree.node_count == 0:
        return bool(tree.node_count == 0 == len(left))
    return _children_follow(left, right, leaf) and _within(feature[~leaf], 0, tree.n_features)


def _predictor(predictor: Any) -> bool:
    import numpy as np

    nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets
    if len(nodes) == 0 or nodes.dtype.names is None:
        return False
    inner = ~nodes["is_leaf"].astype(bool)
    categorical = inner & nodes["is_categorical"].astype(bool)
    return (
        _children_follow(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), ~inner)
        and _within(nodes["bitset_idx"][categorical].astype(np.int64), 0, len(bitsets))
        and _within(
            nodes["bitset_idx"][categorical].astype(np.int64), 0, len(predictor.binned_left_cat_bitsets)
        )
    )


def _search_tree(tree: Any) -> bool:
    data, index, nodes, _ = tree.get_arrays()
    total = len(data)
    return (
        len(index) == total
        and _within(index, 0, max(total, 1))
        and len(nodes) > 0
        and _within(nodes["idx_start"], 0, total + 1)
        and _within(nodes["idx_end"], 0, total + 1)
        and bool((nodes["idx_start"] <= nodes["idx_end"]).all())
        and bool(nodes["is_leaf"][len(nodes) // 2 :].all())
    )


def _features(model: Any) -> bool:
    """A boosting model over histograms: its predictors may only ask for features that it checks for."""
    predictors = model.__dict__.get("_predictors") or []
    names = [p for row in predictors for p in row]
    width = model.__dict__.get("n_features_in_")
    return all(_within(p.nodes["feature_idx"][p.nodes["is_leaf"] == 0], 0, width or 0) for p in names)


_SEARCH = {
    f"sklearn.neighbors.{module}.{name}{bits}": _search_tree
    for module, name in (("_kd_tree", "KDTree"), ("_ball_tree", "BallTree"))
    for bits in ("", "32", "64")
}
_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
_TESTS = {
    "sklearn.tree._tree.Tree": _tree,
    f"{_BOOSTING}.predictor.TreePredictor": _predictor,
    f"{_BOOSTING}.gradient_boosting.HistGradientBoostingClassifier": _features,
    f"{_BOOSTING}.gradient_boosting.HistGradientBoostingRegressor": _features,
    **_SEARCH,
}
