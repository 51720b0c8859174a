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
    from collections.abc import Callable, Iterator


def check(model: Any) -> None:
    """Raise `errors.FormatError` if something inside the model points outside of itself."""
    for value in _inside(model):
        for cls in type(value).__mro__:
            test = _TESTS.get(f"{cls.__module__}.{cls.__name__}")
            if test is not None and not _passes(test, value):
                raise errors.FormatError(
                    f"the model holds a {type(value).__name__} whose contents point outside of it; "
                    "the file is damaged or was made to crash whoever predicts with it"
                )


def _passes(test: Callable[[Any], bool], value: Any) -> bool:
    try:
        return test(value)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # not even of the right form
        return False


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


def _boosting(model: Any) -> bool:
    """Predictors over histograms may only ask for features that the model checks its data to have."""
    state = model.__dict__
    width = state.get("n_features_in_", 0)
    predictors = [p for row in state.get("_predictors") or () for p in row]
    binned = state.get("_bin_mapper")
    known = width if binned is None else len(binned.is_categorical_)
    return known == width and all(
        _within(p.nodes["feature_idx"][p.nodes["is_leaf"] == 0], 0, width) for p in predictors
    )


def _tree_model(model: Any) -> bool:
    tree = model.__dict__.get("tree_")
    return bool(tree is None or tree.n_features == model.__dict__["n_features_in_"])


def _forest(model: Any) -> bool:
    """The trees of a forest are handed data that only the forest has checked."""
    width, subsets = model.__dict__.get("n_features_in_"), model.__dict__.get("estimators_features_")
    trees = list(_flat(model.__dict__.get("estimators_", ())))
    widths = [width] * len(trees) if subsets is None else [len(subset) for subset in subsets]
    return len(widths) == len(trees) and all(
        tree.tree_.n_features == wanted for tree, wanted in zip(trees, widths, strict=True)
    )


def _gradient_boosting(model: Any) -> bool:
    stages = model.__dict__.get("estimators_")
    if stages is None:
        return True
    columns = model.__dict__.get("n_trees_per_iteration_", stages.shape[1])
    single = all(tree.tree_.value.shape[1:] == (1, 1) for tree in _flat(stages))
    return stages.ndim == 2 and stages.shape[1] == columns and single and _forest(model)


def _flat(estimators: Any) -> Iterator[Any]:
    for one in estimators:
        yield from one if hasattr(one, "__len__") else (one,)


def _machine(model: Any) -> bool:
    """Support vectors: libsvm takes each length from one of these arrays, and trusts it for the others."""
    state = model.__dict__
    if "support_vectors_" not in state:
        return True
    vectors, support, counts = state["support_vectors_"], state["support_"], state["_n_support"]
    total, classes = vectors.shape[0], len(counts)
    pairs = classes * (classes - 1) // 2
    divided = counts.sum() == total if type(model).__name__.endswith("SVC") else (counts == total).all()
    return (
        support.shape == (total,)
        and _within(support, 0, max(state["shape_fit_"][0], 1))
        and bool(divided)
        and bool((counts >= 0).all())
        and state["_dual_coef_"].shape == (max(1, classes - 1), total)
        and state["_intercept_"].shape == (pairs,)
        and all(state[name].shape in ((0,), (pairs,)) for name in ("_probA", "_probB"))
    )


def _sparse(matrix: Any) -> bool:
    matrix.check_format(full_check=True)  # raises ValueError
    return True


_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
_TESTS: dict[str, Callable[[Any], bool]] = {
    "sklearn.tree._tree.Tree": _tree,
    "sklearn.tree._classes.BaseDecisionTree": _tree_model,
    "sklearn.ensemble._forest.BaseForest": _forest,
    "sklearn.ensemble._iforest.IsolationForest": _forest,
    "sklearn.ensemble._gb.BaseGradientBoosting": _gradient_boosting,
    f"{_BOOSTING}.predictor.TreePredictor": _predictor,
    f"{_BOOSTING}.gradient_boosting.BaseHistGradientBoosting": _boosting,
    "sklearn.svm._base.BaseLibSVM": _machine,
    **{
        f"sklearn.neighbors.{module}.{name}{bits}": _search_tree
        for module, name in (("_kd_tree", "KDTree"), ("_ball_tree", "BallTree"))
        for bits in ("", "32", "64")
    },
    **{
        f"scipy.sparse._{form}.{form}_{kind}": _sparse
        for form in ("csr", "csc", "bsr")
        for kind in ("matrix", "array")
    },
}
