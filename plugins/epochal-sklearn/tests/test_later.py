"""Metrics that the user computes after the fit find the run of the model, and make no second one."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (  # before autolog, as users write it
    accuracy_score,
    f1_score,
    get_scorer,
    log_loss,
    mean_squared_error,
    precision_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import epochal
from epochal_sklearn import later

pytestmark = pytest.mark.epochal_strict


@pytest.fixture(autouse=True)
def autolog(store):
    epochal.autolog("sklearn", models=False, plots=False)
    yield
    epochal.autolog("sklearn", models=True, plots=True)
    epochal.autolog(off=True)
    later.close()


@pytest.fixture
def split():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X, y, random_state=0)


@pytest.fixture
def model(split):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(split[0], split[2])


def test_metrics_are_named_after_the_data(runs, model, split):
    _, X_test, _, y_test = split
    predicted = model.predict(X_test)
    expected = {
        "X_test/accuracy_score": accuracy_score(y_test, predicted),
        "X_test/precision_score": precision_score(y_true=y_test, y_pred=predicted),
        "X_test/f1_score": f1_score(y_test, predicted),
        "X_test/f1_score_macro": f1_score(y_test, predicted, average="macro"),
        "X_test/roc_auc_score": roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]),
        "X_test/log_loss": log_loss(y_test, model.predict_proba(X_test)),
        "X_test/score": model.score(X_test, y_test),
    }
    (run,) = runs()
    assert {key: run.metrics.get(key) for key in expected} == expected
    assert run.status == "finished"


def test_the_same_again_is_the_next_step(runs, model, split):
    _, X_test, _, y_test = split
    values = [accuracy_score(y_test[:n], model.predict(X_test)[:n]) for n in (100, 50)]
    (run,) = runs()
    history = run.history("X_test/accuracy_score")
    assert (history.steps.tolist(), history.values.tolist()) == ([0, 1], values)


def test_other_data_other_name(runs, model, split):
    holdout, truth = split[1][:30], split[3][:30]
    accuracy_score(truth, model.predict(holdout))
    accuracy_score(truth, model.predict(split[1][:30]))
    (run,) = runs()
    assert {key for key in run.metrics if "accuracy_score" in key} == {
        "holdout/accuracy_score",
        "data/accuracy_score",
    }


def test_a_class_average_of_none_is_one_metric_a_class(runs, model, split):
    X_test, y_test = split[1], split[3]
    each = precision_score(y_test, model.predict(X_test), average=None)
    (run,) = runs()
    assert [run.metrics[f"X_test/precision_score/{i}"] for i in (0, 1)] == each.tolist()


def test_scorers(runs, model, split):
    X_test, y_test = split[1], split[3]
    value = get_scorer("accuracy")(model, X_test, y_test)
    (run,) = runs()
    assert run.metrics["X_test/accuracy_score"] == value


def test_regressors(runs):
    X, y = load_diabetes(return_X_y=True)
    X_new, y_new = X[300:], y[300:]
    model = LinearRegression().fit(X[:300], y[:300])
    value = mean_squared_error(y_new, model.predict(X_new))
    (run,) = runs()
    assert run.metrics["X_new/mean_squared_error"] == value
    assert model.score(X_new, y_new) == runs()[0].metrics["X_new/score"]


def test_each_model_has_its_own(runs, split):
    X_train, X_test, y_train, y_test = split
    scores = {}
    for C in (0.001, 1.0):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C)).fit(X_train, y_train)
        scores[C] = accuracy_score(y_test, model.predict(X_test))
    assert {
        run.params["logisticregression__C"]: run.metrics["X_test/accuracy_score"] for run in runs()
    } == scores


def test_in_an_open_run_of_the_users(runs, split):
    X_train, X_test, y_train, y_test = split
    with epochal.start_run() as mine:
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
        mine.log({"before": 1.0})
        accuracy_score(y_test, model.predict(X_test))
        mine.log({"after": 1.0})
    (run,) = runs()
    assert run.metrics["X_test/accuracy_score"] > 0.9
    assert run.history("after").steps.tolist() == [1]


def test_the_best_of_a_search(runs, split):
    X_train, X_test, y_train, y_test = split
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(X_train, y_train)
    value = accuracy_score(y_test, search.best_estimator_.predict(X_test))
    (run,) = runs()
    assert run.metrics["X_test/accuracy_score"] == value


def test_what_is_not_ours_is_left_alone(runs, split):
    X_test, y_test = split[1], split[3]
    with epochal.quiet():
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(split[0], split[2])
    accuracy_score(y_test, model.predict(X_test))
    accuracy_score(y_test, y_test)
    model.score(X_test, y_test)
    assert runs() == []


def test_a_fit_again_is_another_run(runs, model, split):
    X_test, y_test = split[1], split[3]
    model.fit(split[0], split[2])
    model.score(X_test, y_test)
    assert sorted("X_test/score" in run.metrics for run in runs()) == [False, True]


def test_permuting_features_does_not_flood_the_run(runs, model, split):
    from sklearn.inspection import permutation_importance

    X_test, y_test = split[1], split[3]
    permutation_importance(model, X_test, y_test, n_repeats=3, random_state=0)
    (run,) = runs()
    assert sum(len(run.history(key).steps) for key in run.metrics if key.startswith(("X_test", "data"))) <= 1


def test_nothing_is_kept_alive(split):
    X_train, X_test, y_train, _ = split
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
    predicted = model.predict(X_test)
    alive: list[weakref.ref[Any]] = [weakref.ref(model), weakref.ref(predicted)]
    del model, predicted
    gc.collect()
    assert [reference() for reference in alive] == [None, None]
    assert len(later.predictions) == 0


def test_many_runs_open_few_files(runs, split):
    X_train, X_test, y_train, y_test = split
    models = [LinearRegression().fit(X_train, y_train) for _ in range(7)]
    for _ in range(2):
        for model in models:
            model.score(X_test, y_test)
    assert len(later._reopened) <= 4
    later.close()
    assert [len(run.history("X_test/score").steps) for run in runs()] == [2] * 7


def test_values_that_are_no_numbers(runs, model, split):
    X_test = split[1]
    nothing = np.full(len(X_test), np.nan)
    with pytest.raises(ValueError):
        mean_squared_error(nothing, model.predict(X_test))
    (run,) = runs()
    assert not [key for key in run.metrics if key.startswith("X_test")]
