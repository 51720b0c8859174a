"""A search is one run with its candidates as rows, wherever the candidates were fitted."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import epochal
from epochal.artifacts.objects import Objects

pytestmark = pytest.mark.epochal_strict
GRID = {"logisticregression__C": [0.01, 1.0, 10.0]}


@pytest.fixture(autouse=True)
def autolog(store):
    epochal.autolog("sklearn", models=False, plots=False)
    yield
    epochal.autolog("sklearn", models=True, plots=True, search_children=0)
    epochal.autolog(off=True)


def search(cls: Any = GridSearchCV, **options: Any) -> Any:
    X, y = load_wine(return_X_y=True)
    return cls(make_pipeline(StandardScaler(), LogisticRegression()), GRID, cv=2, **options).fit(X, y)


def table(run: Any) -> Any:
    (item,) = run.media("candidates")
    return item.data


@pytest.mark.parametrize(("backend", "jobs"), [("loky", 1), ("threading", 2), ("loky", 2)])
def test_one_run_with_every_candidate(runs, backend, jobs):
    with joblib.parallel_backend(backend):
        found = search(n_jobs=jobs)
    (run,) = runs(children=True)
    assert run.metrics["best_score"] == pytest.approx(found.best_score_)
    assert run.params["best/logisticregression__C"] == found.best_params_["logisticregression__C"]
    assert table(run)["rows"] == 3
    columns = table(run)["columns"]
    assert {
        "candidate",
        "logisticregression__C",
        "mean_test_score",
        "std_test_score",
        "rank_test_score",
    } < set(columns)
    scores = [row[columns.index("mean_test_score")] for row in table(run)["preview"]]
    assert scores == pytest.approx(found.cv_results_["mean_test_score"].tolist())


def test_the_whole_of_the_results_is_a_file(runs, store):
    found = search()
    (file,) = [file for file in runs()[0].files if file.name == "cv_results.csv"]
    header, *lines = Objects(store).read(file.files[0]["digest"]).decode().splitlines()
    assert len(lines) == 3
    wanted = {key for key in found.cv_results_ if key != "params" and not key.startswith("param_")}
    assert wanted | {"candidate", "logisticregression__C"} == set(header.split(","))


def test_several_scorers(runs):
    found = search(scoring=["accuracy", "f1_macro"], refit="f1_macro", return_train_score=True)
    (run,) = runs()
    best = found.best_index_
    for key in ("mean_test_accuracy", "mean_test_f1_macro", "std_test_f1_macro", "mean_train_accuracy"):
        assert run.metrics[f"best/{key}"] == pytest.approx(found.cv_results_[key][best])


def test_without_refitting(runs):
    search(refit=False)
    (run,) = runs()
    assert table(run)["rows"] == 3
    assert not [key for key in run.metrics if key.startswith("train/")]


def test_children_on_request(runs):
    epochal.autolog("sklearn", search_children=2)
    found = search()
    (run,) = runs()
    best = np.argsort(found.cv_results_["rank_test_score"], kind="stable")[:2]
    assert {child.name for child in run.children} == {f"candidate {i}" for i in best}
    scores = sorted(child.metrics["mean_test_score"] for child in run.children)
    assert scores == pytest.approx(sorted(found.cv_results_["mean_test_score"][best]))
    assert {child.status for child in run.children} == {"finished"}


@pytest.mark.parametrize("cls", [RandomizedSearchCV, HalvingGridSearchCV])
def test_other_searches(runs, cls):
    found = search(
        cls, **({"n_iter": 2, "random_state": 0} if cls is RandomizedSearchCV else {"min_resources": 40})
    )
    (run,) = runs()
    assert table(run)["rows"] == len(found.cv_results_["params"])
    assert run.tags["estimator"] == cls.__name__


def test_candidates_that_are_estimators(runs):
    X, y = load_wine(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    GridSearchCV(pipe, {"standardscaler": ["passthrough", StandardScaler()]}, cv=2).fit(X / X.max(axis=0), y)
    (run,) = runs()
    at = table(run)["columns"].index("standardscaler")
    assert [row[at] for row in table(run)["preview"]] == ["passthrough", "StandardScaler"]


def test_a_search_over_another_framework_draws_no_mixed_curves(runs):
    xgboost = pytest.importorskip("xgboost")
    X, y = load_wine(return_X_y=True)
    GridSearchCV(xgboost.XGBClassifier(n_estimators=2), {"max_depth": [1, 2]}, cv=2).fit(X, y)
    (run,) = runs(children=True)
    assert table(run)["rows"] == 2
