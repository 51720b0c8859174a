"""What a user finds in the store after training: one run per fit that the user called, and what is in it."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
import scipy.sparse
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_multilabel_classification
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import epochal
from epochal.testing import programs
from epochal_sklearn import scoring

pytestmark = pytest.mark.epochal_strict


@pytest.fixture(autouse=True)
def autolog(store):
    epochal.autolog("sklearn", models=False)
    yield
    epochal.autolog("sklearn", models=True, plots=True, datasets=True, examples=False, max_rows=100_000,
                    search_children=0, permutation_repeats=0, exclude=())  # fmt: skip
    epochal.autolog(off=True)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return train_test_split(X, y, random_state=0)


def only(runs: Any) -> Any:
    (run,) = runs()
    return run


def figures(run: Any) -> dict[str, Any]:
    return {item.key: item for item in run.media()}


def test_a_forest_is_one_run_with_everything(runs, cancer):
    epochal.autolog("sklearn", models=True)
    X_train, X_test, y_train, _y_test = cancer
    model = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0).fit(X_train, y_train)
    run = only(runs)
    assert run.status == "finished"
    assert run.source == "sklearn"
    assert run.params["max_depth"] == 4
    assert run.tags["estimator"] == "RandomForestClassifier"
    assert run.tags["class"] == "sklearn.ensemble._forest.RandomForestClassifier"
    predicted, probability = model.predict(X_train), model.predict_proba(X_train)
    weighted = {"average": "weighted"}
    expected = {
        "accuracy": metrics.accuracy_score(y_train, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_train, predicted),
        "precision": metrics.precision_score(y_train, predicted, **weighted),
        "recall": metrics.recall_score(y_train, predicted, **weighted),
        "f1": metrics.f1_score(y_train, predicted, **weighted),
        "log_loss": metrics.log_loss(y_train, probability),
        "roc_auc": metrics.roc_auc_score(y_train, probability[:, 1]),
    }
    for name, value in expected.items():
        assert run.metrics[f"train/{name}"] == pytest.approx(value, abs=1e-12), name
    assert run.metrics["fit_time"] > 0
    about = run.note("dataset/train")
    assert (about["name"], about["target_name"]) == ("X_train", "y_train")
    assert about["shape"] == [426, 30]
    assert about["columns"]["mean radius"] == "float64"
    assert about["target"]["classes"] == {str(k): int(v) for k, v in y_train.value_counts().items()}
    assert set(figures(run)) == {
        "confusion_matrix",
        "roc",
        "precision_recall",
        "calibration",
        "feature_importance",
    }
    assert [item.name for item in run.models] == ["model"]
    loaded = epochal.load_model(f"runs:/{run.id}/model")
    assert (loaded.predict_proba(X_test) == model.predict_proba(X_test)).all()


def test_signature_and_example(runs, cancer):
    epochal.autolog("sklearn", models=True, examples=True)
    Ridge().fit(cancer[0], cancer[2])
    predictor = epochal.load_predictor(f"runs:/{only(runs).id}/model")
    assert "mean radius: float64" in str(predictor.signature)
    assert predictor.predict(cancer[1][:2]).shape == (2,)


def test_plots_are_data_and_pictures(runs, cancer):
    model = LogisticRegression(max_iter=5000).fit(cancer[0], cancer[2])
    matrix = figures(only(runs))["confusion_matrix"]
    assert matrix.data["matrix"] == metrics.confusion_matrix(cancer[2], model.predict(cancer[0])).tolist()
    roc = figures(only(runs))["roc"].data["series"][0]
    assert metrics.auc(roc["x"], roc["y"]) == pytest.approx(only(runs).metrics["train/roc_auc"], abs=1e-3)


@pytest.mark.parametrize("classes", ["words", "numbers"])
def test_several_classes(runs, classes):
    X, y = load_digits(return_X_y=True)
    y = np.array([f"digit {n}" for n in y], dtype=object) if classes == "words" else y
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(X[:500], y[:500])
    expected = metrics.roc_auc_score(y[:500], model.predict_proba(X[:500]), multi_class="ovr")
    assert only(runs).metrics["train/roc_auc"] == pytest.approx(expected, abs=1e-12)
    assert len(figures(only(runs))["roc"].data["series"]) == 10


def test_weights_count(runs, cancer):
    X, _, y, _ = cancer
    weight = np.linspace(0.1, 2, len(y))
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y, sample_weight=weight)
    expected = metrics.accuracy_score(y, model.predict(X), sample_weight=weight)
    assert only(runs).metrics["train/accuracy"] == pytest.approx(expected, abs=1e-12)
    auc = metrics.roc_auc_score(y, model.predict_proba(X)[:, 1], sample_weight=weight)
    assert only(runs).metrics["train/roc_auc"] == pytest.approx(auc, abs=1e-12)


def test_weights_passed_through_a_pipeline(runs, cancer):
    X, _, y, _ = cancer
    weight = np.linspace(0.1, 2, len(y))
    pipe = Pipeline(
        [("scale", StandardScaler()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]
    )
    pipe.fit(X, y, tree__sample_weight=weight)
    expected = metrics.accuracy_score(y, pipe.predict(X), sample_weight=weight)
    assert only(runs).metrics["train/accuracy"] == pytest.approx(expected, abs=1e-12)


def test_regression(runs):
    X, y = load_diabetes(return_X_y=True)
    model = Ridge().fit(X, y)
    run, predicted = only(runs), model.predict(X)
    expected = {
        "r2": metrics.r2_score(y, predicted),
        "mae": metrics.mean_absolute_error(y, predicted),
        "rmse": metrics.mean_squared_error(y, predicted) ** 0.5,
        "mape": metrics.mean_absolute_percentage_error(y, predicted),
    }
    assert {name: run.metrics[f"train/{name}"] for name in expected} == pytest.approx(expected)
    assert set(figures(run)) == {"predicted_actual", "residuals", "feature_importance"}
    assert figures(run)["feature_importance"].data["method"] == "coefficient"


def test_several_targets(runs):
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, -y])
    model = DecisionTreeRegressor(max_depth=3).fit(X, Y)
    assert only(runs).metrics["train/r2"] == pytest.approx(metrics.r2_score(Y, model.predict(X)))


def test_several_labels(runs):
    X, Y = make_multilabel_classification(80, 6, random_state=0)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)
    assert only(runs).metrics["train/accuracy"] == pytest.approx(metrics.accuracy_score(Y, model.predict(X)))


@pytest.mark.parametrize("cls", [KMeans, DBSCAN])
@pytest.mark.parametrize("method", ["fit", "fit_predict"])
def test_clusters(runs, cls, method):
    X = np.concatenate([np.random.default_rng(i).normal(4 * i, 0.4, (30, 2)) for i in range(3)])
    model = cls(n_clusters=3, random_state=0) if cls is KMeans else cls()
    getattr(model, method)(X)
    run = only(runs)
    assert run.metrics["train/clusters"] == 3
    assert run.metrics["train/silhouette"] == pytest.approx(metrics.silhouette_score(X, model.labels_))
    assert run.metrics["train/davies_bouldin"] == pytest.approx(
        metrics.davies_bouldin_score(X, model.labels_)
    )
    assert ("inertia" in run.metrics) is (cls is KMeans)


@pytest.mark.parametrize(
    "model", [IsolationForest(n_estimators=5, random_state=0), LocalOutlierFactor()], ids=str
)
def test_outliers(runs, model):
    X = np.random.default_rng(0).normal(size=(60, 3))
    found = model.fit_predict(X)
    assert only(runs).metrics["train/outliers"] == pytest.approx((found < 0).mean())


def test_a_single_class(runs):
    DecisionTreeClassifier().fit(np.eye(4), np.zeros(4))
    run = only(runs)
    assert run.metrics["train/accuracy"] == 1.0
    assert "train/log_loss" not in run.metrics


def test_a_classifier_without_probabilities(runs, cancer):
    model = make_pipeline(StandardScaler(), LinearSVC(random_state=0)).fit(cancer[0], cancer[2])
    expected = metrics.roc_auc_score(cancer[2], model.decision_function(cancer[0]))
    assert only(runs).metrics["train/roc_auc"] == pytest.approx(expected)
    assert "roc" in figures(only(runs))


@pytest.mark.parametrize(
    "model", [LabelSpreading(), SelfTrainingClassifier(LogisticRegression(max_iter=5000))], ids=str
)
def test_rows_without_a_label_are_not_scored(runs, cancer, model):
    X, y = StandardScaler().fit_transform(cancer[0]), cancer[2].to_numpy().copy()
    y[::2] = -1
    model.fit(X, y)
    run = next(run for run in runs() if run.tags["task"] == "classification")
    known = y != -1
    assert run.metrics["train/accuracy"] == pytest.approx(
        metrics.accuracy_score(y[known], model.predict(X[known]))
    )


# -- which fits are runs --


def test_a_transformer_alone_is_a_run(runs, cancer):
    StandardScaler().fit_transform(cancer[0])
    run = only(runs)
    assert run.tags["task"] == "transformation"
    assert not [key for key in run.metrics if key.startswith("train/")]


def test_pipelines_and_columns_are_one_run(runs):
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2, 3, 4] * 5, "b": list("xyxz") * 5})
    y = np.array([0, 1, 0, 1] * 5)
    columns = ColumnTransformer([("numbers", StandardScaler(), ["a"]), ("words", OneHotEncoder(), ["b"])])
    Pipeline([("prepare", columns), ("model", LogisticRegression())]).fit(frame, y)
    run = only(runs)
    assert run.params["steps"] == "prepare -> model"
    assert run.params["prepare__transformers"] == "numbers, words"
    assert run.params["model__C"] == 1.0
    assert set(figures(run)["feature_importance"].data["names"]) == {
        "numbers__a",
        "words__b_x",
        "words__b_y",
        "words__b_z",
    }


def test_ensembles_are_one_run(runs, cancer):
    VotingClassifier([("a", DecisionTreeClassifier()), ("b", LogisticRegression(max_iter=5000))]).fit(
        cancer[0], cancer[2]
    )
    assert only(runs).params["estimators"] == "a -> b"


def test_fits_that_scikit_learn_makes_are_silent(runs, cancer):
    cross_val_score(make_pipeline(StandardScaler(), LogisticRegression()), cancer[0], cancer[2], cv=3)
    assert runs() == []


def test_quiet_and_exclude(runs, cancer):
    with epochal.quiet():
        Ridge().fit(cancer[0], cancer[2])
    epochal.autolog("sklearn", exclude=["Ridge", StandardScaler, "sklearn.cluster._kmeans.KMeans"])
    Ridge().fit(cancer[0], cancer[2])
    StandardScaler().fit(cancer[0])
    KMeans(2, n_init=1).fit(cancer[0])
    assert runs() == []
    make_pipeline(StandardScaler(), Ridge()).fit(cancer[0], cancer[2])
    assert only(runs).tags["estimator"] == "Pipeline"


def test_a_class_of_the_users_own(runs):
    class Constant(ClassifierMixin, BaseEstimator):
        def __init__(self, answer=0):
            self.answer = answer

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            self.inner_ = LogisticRegression().fit(X, y)
            return self

        def predict(self, X):
            return np.full(len(X), self.answer)

    Constant(1).fit(np.eye(4), np.array([0, 1, 1, 1]))
    run = only(runs)
    assert run.params["answer"] == 1
    assert run.metrics["train/accuracy"] == 0.75


def test_in_a_run_of_the_users_the_first_model_logs_into_it_and_later_ones_below(runs, cancer):
    X, _, y, _ = cancer
    with epochal.start_run(name="mine") as mine:
        mine.log({"loss": 1.0})
        scaled = StandardScaler().fit_transform(X)
        for C in (0.1, 1.0, 10.0):
            LogisticRegression(C=C).fit(scaled, y)
        mine.log({"loss": 0.5})
    run = only(runs)
    assert run.name == "mine"
    assert run.params["C"] == 0.1
    assert run.note("fit/StandardScaler")["parameters"]["with_mean"] is True
    assert [child.params["C"] for child in sorted(run.children, key=lambda r: r.created)] == [1.0, 10.0]
    assert run.history("loss").steps.tolist() == [0, 1]


def test_a_fit_that_fails_is_a_failed_run(runs, cancer):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LogisticRegression().fit(cancer[0], cancer[2][:10])
    run = only(runs)
    assert run.status == "failed"
    assert "samples" in run.error.text


def test_a_child_that_fails_does_not_take_its_parent_along(runs, cancer):
    with epochal.start_run():
        Ridge().fit(cancer[0], cancer[2])
        with pytest.raises(ValueError):
            Ridge().fit(cancer[0], cancer[2][:10])
    assert only(runs).status == "finished"
    assert [child.status for child in only(runs).children] == ["failed"]


def test_threads_are_runs_of_their_own(runs, cancer):
    fit = lambda: RandomForestClassifier(n_estimators=3, n_jobs=2).fit(cancer[0], cancer[2])
    threads = [threading.Thread(target=fit) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [run.status for run in runs()] == ["finished"] * 4


def test_workers_of_a_forest_are_silent(runs, cancer):
    with joblib.parallel_backend("threading", n_jobs=2):
        RandomForestClassifier(n_estimators=6).fit(cancer[0], cancer[2])
    assert len(runs()) == 1


# -- what data may be --


def narrow_only(densify):
    """Let scikit-learn densify a column of predictions, and nobody the data."""

    def checked(self, *args, **options):
        assert self.shape[1] < 50, "densified"
        return densify(self, *args, **options)

    return checked


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_data_stay_sparse(runs, form, monkeypatch):
    X = scipy.sparse.random(300, 50, 0.1, format=form, random_state=0)
    y = np.arange(300) % 2

    for cls in (scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, scipy.sparse.coo_matrix):
        monkeypatch.setattr(cls, "toarray", narrow_only(cls.toarray))
        monkeypatch.setattr(cls, "todense", narrow_only(cls.todense))
    epochal.autolog("sklearn", models=True, max_rows=100)
    SGDClassifier(random_state=0).fit(X, y)
    about = only(runs).note("dataset/train")
    assert about["density"] == pytest.approx(0.1, abs=0.01)
    assert about["format"] == form


def test_polars_and_words(runs):
    import polars as pl

    frame = pl.DataFrame({"a": [1.0, None, 3.0, 4.0] * 5, "b": [1, 2, 3, 4] * 5})
    y = pl.Series("kind", ["x", "y", "x", "y"] * 5)
    HistGradientBoostingClassifier(max_iter=2).fit(frame, y)
    about = only(runs).note("dataset/train")
    assert about["columns"] == {"a": "Float64", "b": "Int64"}
    assert about["missing"] == {"a": 5}
    assert about["target"]["classes"] == {"x": 10, "y": 10}


def test_lists_and_generators(runs):
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["one two", "two three", "three four"]
    TfidfVectorizer().fit_transform(text for text in texts)
    make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1, 0])
    notes = [run.notes_named.get("dataset/train") for run in runs()]
    assert sorted(n["rows"] for n in notes if n) == [3]


def test_the_fingerprint_follows_the_data(cancer):
    from epochal_sklearn.datasets import fingerprint

    X, _, y, _ = cancer
    same = fingerprint(X.copy(), y.copy())
    changed = X.copy()
    changed.iloc[3, 3] += 1e-9
    assert fingerprint(X, y) == same
    assert len({same, fingerprint(changed, y), fingerprint(X, 1 - y), fingerprint(X.to_numpy(), y)}) == 4


def test_rows_scored_are_capped_and_told(runs, monkeypatch):
    monkeypatch.setattr(scoring, "_LEAST", 3600.0)  # this is about the other limit
    X = np.random.default_rng(0).normal(size=(5_000, 3))
    epochal.autolog("sklearn", max_rows=1_500)
    DecisionTreeClassifier(max_depth=3).fit(X, X[:, 0] > 0)
    assert only(runs).note("scoring/train") == {"rows": 1_500, "of": 5_000, "sampled": True}


def test_slow_predictions_are_not_waited_for(runs):
    class Slow(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            threading.Event().wait(len(X) * 1e-4)
            return np.zeros(len(X), dtype=int)

    X = np.zeros((50_000, 1))
    Slow().fit(X, np.arange(len(X)) % 2)
    assert only(runs).note("scoring/train")["rows"] == 1_000


def test_data_changed_in_place_are_not_scored(runs):
    X, y = load_diabetes(return_X_y=True)
    Ridge(copy_X=False).fit(X, y)
    assert not [key for key in only(runs).metrics if key.startswith("train/")]


# -- curves, importance --


@pytest.mark.parametrize(
    ("model", "key", "attribute"),
    [
        (GradientBoostingRegressor(n_estimators=7), "train/loss", "train_score_"),
        (
            HistGradientBoostingClassifier(max_iter=5, early_stopping=True, scoring="loss"),
            "validation/score",
            "validation_score_",
        ),
        (MLPClassifier((4,), max_iter=6, random_state=0), "train/loss", "loss_curve_"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_learning_curves(runs, cancer, model, key, attribute):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(cancer[0], cancer[2])
    curve = only(runs).history(key)
    assert curve.steps.tolist() == list(range(len(getattr(model, attribute))))
    assert np.allclose(curve.values, getattr(model, attribute))


def test_permutation_importance_on_request(runs, cancer):
    epochal.autolog("sklearn", permutation_repeats=2)
    DecisionTreeClassifier(max_depth=2, random_state=0).fit(cancer[0].iloc[:, :4], cancer[2])
    found = figures(only(runs))["permutation_importance"].data
    assert set(found["names"]) == set(cancer[0].columns[:4])
    assert max(found["values"]) > 0


# -- nothing is touched --


def test_a_fit_brings_no_other_framework_into_the_process(store):
    """skops, asked which estimators there are, would import torch; pandas and matplotlib nobody needs."""
    program = (
        "import sys, epochal; epochal.autolog()\n"
        "from sklearn.linear_model import LogisticRegression; before = set(sys.modules)\n"
        "LogisticRegression().fit([[0.0], [1.0]], [0, 1]); assert epochal.runs()[0].models\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'torch', 'pandas', 'matplotlib', 'polars', 'pyarrow', 'xgboost'}))"
    )
    assert programs.python(program).stdout.strip() == "[]"


def test_random_states_of_the_users_are_not_advanced(runs):
    """Predicting with this imputer draws; what we predict must not be noticed."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    X, y = load_diabetes(return_X_y=True)
    X = X[:80].copy()
    X[::7, 2] = np.nan

    def answers() -> Any:
        mine = np.random.RandomState(3)
        np.random.seed(5)
        imputer = IterativeImputer(sample_posterior=True, max_iter=2, random_state=mine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make_pipeline(imputer, Ridge()).fit(X, y[:80])
            return model.predict(X), mine.random_sample(), np.random.random_sample()

    observed = answers()
    epochal.autolog(off=True)
    plain = answers()
    assert (observed[0] == plain[0]).all()
    assert observed[1:] == plain[1:]


def test_hostile_parameters_do_not_lose_the_rest(runs, swallowed, cancer):
    class Hostile(ClassifierMixin, BaseEstimator):
        def get_params(self, deep=True):
            raise RuntimeError("no")

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.ones(len(X), dtype=int)

    Hostile().fit(cancer[0], cancer[2])
    assert only(runs).metrics["train/accuracy"] == pytest.approx(cancer[2].mean())
    assert {str(error) for error in swallowed} == {"no"}
    swallowed.clear()


def test_xgboost_in_a_pipeline_is_one_run(runs, cancer):
    xgboost = pytest.importorskip("xgboost")
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=3)).fit(cancer[0], cancer[2])
    assert only(runs).metrics["train/accuracy"] == pytest.approx(model.score(cancer[0], cancer[2]))
