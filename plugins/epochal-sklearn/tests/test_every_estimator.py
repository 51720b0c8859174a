"""Every estimator of scikit-learn, fitted on tiny data, kept and loaded without anybody's trust.

Instances come from scikit-learn's own conformance tests; those with tastes of their own are in a table.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils import all_estimators

import epochal
from epochal import errors, settings
from epochal.testing.flavors import Case, FlavorSuite
from epochal_sklearn import SklearnFlavor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sklearn.base import BaseEstimator

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning:sklearn"),
    pytest.mark.filterwarnings("ignore:One or more samples have no neighbors:UserWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning:numpy"),
]

rng = np.random.default_rng(0)
X = np.abs(rng.normal(size=(60, 4)))
y = (X[:, 0] > X[:, 1]).astype(int)
TEXTS = ["a red fox", "a blue fox", "two red dogs", "one blue dog", "red red blue", "dogs and foxes"] * 3
DICTS = [{"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 0.0}, {"a": 0.5, "b": 3.0}] * 4

# name -> (arguments of fit, data to ask the fitted estimator about)
TASTES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "CCA": ((X, X[:, :2]), X),
    "CountVectorizer": ((TEXTS,), TEXTS),
    "DictVectorizer": ((DICTS,), DICTS),
    "FeatureHasher": ((DICTS,), DICTS),
    "HashingVectorizer": ((TEXTS,), TEXTS),
    "IsotonicRegression": ((X[:, 0], X[:, 1]), X[:, 0]),
    "LabelBinarizer": ((y,), y),
    "LabelEncoder": ((y,), y),
    "MultiLabelBinarizer": (([[1, 2], [2], [0, 3]],), [[1], [2, 3]]),
    "MultiOutputClassifier": ((X, np.column_stack([y, 1 - y])), X),
    "ClassifierChain": ((X, np.column_stack([y, 1 - y])), X),
    "PatchExtractor": ((np.abs(rng.normal(size=(3, 20, 20))),), np.abs(rng.normal(size=(2, 20, 20)))),
    "PLSCanonical": ((X, X[:, :2]), X),
    "PLSSVD": ((X, X[:, :2]), X),
    "SparseCoder": ((X[:, :3], y), X[:, :3]),
    "TfidfTransformer": ((X,), X),
    "TfidfVectorizer": ((TEXTS,), TEXTS),
    "KernelCenterer": ((X @ X.T,), X @ X.T),
    "RadiusNeighborsClassifier": ((X, y), X),
}
_POSITIVE_TARGET = {"GammaRegressor", "PoissonRegressor", "TweedieRegressor"}
_SQUARE = X @ X.T


def construct(cls: type[BaseEstimator]) -> Any:
    """Make an instance with small settings, as scikit-learn's own tests do."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances
    except ImportError:  # before scikit-learn 1.6
        from sklearn.utils.estimator_checks import _construct_instance

        return _construct_instance(cls)
    name = cls.__name__
    if name == "FrozenEstimator":
        return cls(LogisticRegression().fit(X, y))
    if name == "SparseCoder":
        return cls(np.eye(3))
    if name == "DummyClassifier":
        return cls(strategy="prior")
    for instance in _construct_instances(cls):
        if name in ("KNeighborsClassifier", "KNeighborsRegressor") or not _precomputed(instance):
            if _precomputed(instance):
                instance.set_params(metric="minkowski")
            return instance
    return instance.set_params(
        **{k: v for k, v in (("metric", "minkowski"), ("kernel", "rbf")) if k in instance.get_params()}
    )


def _precomputed(instance: Any) -> bool:
    params = instance.get_params(deep=False)
    return "precomputed" in (params.get("metric"), params.get("kernel"), params.get("affinity"))


@functools.cache
def everything() -> dict[str, type[BaseEstimator]]:
    """Return every estimator class by name."""
    return dict(all_estimators())


def fit(name: str) -> tuple[Any, Any]:
    """Fit the estimator of this name; return it, and data to ask it about."""
    arguments, asked = TASTES.get(name, ((X, y), X))
    if name in _POSITIVE_TARGET:
        arguments = (X, X[:, 0] + 0.1)
    if name.startswith("MultiTask") or name in ("RegressorChain", "MultiOutputRegressor"):
        arguments = (X, X[:, :2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = construct(everything()[name])
        estimator.fit(*arguments)
    return estimator, asked


fitted = functools.cache(fit)


def answers(estimator: Any, data: Any) -> Iterator[tuple[str, Any]]:
    """Yield what the estimator has to say about the data, by every method that takes data."""
    methods = ["predict", "predict_proba", "decision_function", "transform", "kneighbors", "mahalanobis"]
    if type(estimator).__name__ != "BernoulliRBM":  # its score is drawn at random
        methods.append("score_samples")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in methods:
            if hasattr(estimator, method):
                yield method, getattr(estimator, method)(data)
    for attribute in ("labels_", "embedding_", "row_labels_", "column_labels_", "covariance_"):
        if hasattr(estimator, attribute):
            yield attribute, getattr(estimator, attribute)


def equal(one: Any, other: Any) -> bool:
    """Compare answers exactly: arrays, sparse matrices, tuples and lists of them."""
    if isinstance(one, tuple | list) and not np.isscalar(one):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    if hasattr(one, "toarray"):
        return equal(one.toarray(), other.toarray())
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape:
        return False
    if a.dtype.kind not in "fc":
        return bool((a == b).all())
    # Exactly, or to the last bit: sums run in another order where an array lies at another alignment.
    return np.array_equal(a, b, equal_nan=True) or np.allclose(a, b, rtol=1e-12, atol=1e-14, equal_nan=True)


# skops cannot write these, and we write nothing less safe in its place.
UNWRITABLE = {"Birch": "its nodes point at each other in a circle, which skops does not support"}
NAMES = sorted(set(everything()) - set(UNWRITABLE))


def model(name: str) -> Any:
    return fitted(name)[0]


def asked(name: str) -> Any:
    """Data to ask a predictor about, or None for what says nothing about new data."""
    cls = everything()[name]
    answers = any(hasattr(cls, method) for method in ("predict", "transform", "score_samples"))
    return TASTES.get(name, ((), X))[1] if answers and name != "LocalOutlierFactor" else None


class TestEveryEstimator(FlavorSuite):
    flavor = SklearnFlavor()
    models = tuple(Case(name, functools.partial(model, name), asked(name)) for name in NAMES)
    frameworks = ("sklearn", "scipy", "skops", "torch")

    def answers(self, model: Any, data: Any) -> Any:
        return self.flavor.predict(model, data)

    def same(self, one: Any, other: Any) -> bool:
        return one is other or equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_the_same(name: str, tmp_path: Path) -> None:
    estimator, data = fitted(name)
    flavor = SklearnFlavor()
    meta = flavor.save(estimator, tmp_path)
    assert flavor.untrusted(tmp_path, meta) == []
    loaded = flavor.load(tmp_path, meta, frozenset())
    before, after = dict(answers(estimator, data)), dict(answers(loaded, data))
    assert before, "nothing was compared"
    assert [key for key in before if not equal(before[key], after[key])] == []


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all, as making one takes longer than most of these fits."""
    root = tmp_path_factory.mktemp("estimators") / "store"
    with settings.override(store=str(root), environment=False, system_interval=0.0):
        yield settings.store_root()


@pytest.mark.epochal_strict
@pytest.mark.parametrize("name", sorted(everything()))
def test_every_fit_is_logged_without_an_error_of_ours(name: str, runs: Any, caplog: Any) -> None:
    if name == "FrozenEstimator":
        fitted(name)  # what it holds is fitted by hand, outside
    epochal.autolog("sklearn")
    try:
        estimator, _ = fit(name)
    finally:
        epochal.autolog(off=True)
    run = runs(f"tags.estimator = '{name}'")[0]  # the newest
    assert run.status == "finished"
    assert set(estimator.get_params(deep=False)) <= {key.partition(".")[0] for key in run.params}
    assert bool(run.models) is (name not in UNWRITABLE)
    assert [record.message for record in caplog.records if name not in UNWRITABLE] == []


@pytest.mark.parametrize("name", UNWRITABLE)
def test_what_cannot_be_written_says_so(name: str, tmp_path: Path) -> None:
    estimator, _ = fitted(name)
    with pytest.raises(errors.EpochalError, match=f"{name} cannot be kept in skops' format.*flavor='pickle'"):
        SklearnFlavor().save(estimator, tmp_path)
    assert list(tmp_path.iterdir()) == []
