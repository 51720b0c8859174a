"""Two real frameworks that know each other, and other people's patches of them."""

# ruff: noqa: E402 - nothing of this can be imported where the frameworks are not installed
from __future__ import annotations

import copy
import functools
import inspect
import pickle

import pytest

from epochal.observe import Adapter

pytestmark = pytest.mark.epochal_strict
xgboost = pytest.importorskip("xgboost")
pytest.importorskip("sklearn")

import joblib
from sklearn.base import MetaEstimatorMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import train as early_name

X, y = make_classification(100, 5, random_state=0)


class Curve(xgboost.callback.TrainingCallback):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def after_iteration(self, model, epoch, evals_log):
        self.run.log({"rounds": float(epoch)}, step=epoch)
        return False


@pytest.fixture
def both():
    sklearn_like, xgboost_like = Adapter("sklearn-like"), Adapter("xgboost-like")

    @sklearn_like.around("sklearn.base:BaseEstimator.fit*", why="a test")
    def fit(call):
        if not hasattr(call.instance, "predict"):
            return
        if isinstance(call.instance, MetaEstimatorMixin) or hasattr(call.instance, "estimators"):
            call.seal()
        call.run.log_params({"class": type(call.instance).__name__})
        yield

    @xgboost_like.around("xgboost.training:train", nested="join", why="a test")
    def train(call):
        call.replace(callbacks=[*(call["callbacks"] or ()), Curve(call.run)])
        yield

    sklearn_like.enable()
    xgboost_like.enable()
    yield
    sklearn_like.disable(unpatch=True)
    xgboost_like.disable(unpatch=True)


def booster(**more):
    return xgboost.XGBClassifier(n_estimators=3, n_jobs=1, **more)


def test_a_model_of_one_in_the_other_is_one_run_with_its_curve(both, runs):
    booster().fit(X, y)
    (run,) = runs()
    assert run.source == "sklearn-like"
    assert len(run.history("rounds").values) == 3


def test_a_pipeline_around_it_too(both, runs):
    make_pipeline(StandardScaler(), booster()).fit(X, y)
    (run,) = runs()
    assert len(run.history("rounds").values) == 3


@pytest.mark.parametrize(("jobs", "backend"), [(1, "loky"), (2, "threading"), (2, "loky")])
def test_a_search_is_one_run_without_the_curves_of_its_candidates(both, runs, jobs, backend):
    with joblib.parallel_config(backend):
        GridSearchCV(booster(), {"max_depth": [1, 2]}, cv=2, n_jobs=jobs).fit(X, y)
    (run,) = runs()
    assert run.keys() == []


def test_a_vote_is_one_run(both, runs):
    VotingClassifier([("a", LogisticRegression()), ("b", booster())]).fit(X, y)
    assert len(runs()) == 1


def test_a_scaler_alone_is_none(both, runs):
    StandardScaler().fit(X)
    assert runs() == []


def test_names_imported_early_are_observed(both, runs):
    assert early_name is xgboost.train is xgboost.training.train
    early_name({"max_depth": 1}, xgboost.DMatrix(X, y), 2)
    assert len(runs()) == 1


def test_the_users_callbacks_stay_as_they_were(both, store):
    mine = []
    for _ in range(2):
        xgboost.train({"max_depth": 1}, xgboost.DMatrix(X, y), 2, callbacks=mine)
    assert mine == []


def test_functions_travel(both, store):
    assert pickle.loads(pickle.dumps(xgboost.train)) is xgboost.train
    pickle.loads(pickle.dumps(Ridge().fit))
    copy.deepcopy(Ridge().fit)
    models = joblib.Parallel(n_jobs=2)(joblib.delayed(Ridge().fit)(X, y) for _ in range(2))
    assert (models[0].coef_ == models[1].coef_).all()
    assert "callbacks" in inspect.signature(xgboost.train).parameters


def trackers_wrapper(function):
    """As MLflow and W&B do it."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        CALLS.append(1)
        return function(*args, **kwargs)

    return wrapper


CALLS = []


@pytest.mark.parametrize("first", ["they", "we"])
@pytest.mark.parametrize("leaves", ["they", "we"])
def test_other_trackers_in_either_order(runs, monkeypatch, first, leaves):
    adapter = Adapter("xgboost-like")

    @adapter.around("xgboost.training:train", why="a test")
    def train(call):
        call.run.log({"seen": 1.0})
        yield

    plain, code = xgboost.training.train, xgboost.training.train.__code__
    CALLS.clear()
    if first == "we":
        adapter.enable()
    monkeypatch.setattr(xgboost.training, "train", trackers_wrapper(plain))
    if first == "they":
        adapter.enable()
    xgboost.training.train({}, xgboost.DMatrix(X, y), 1)
    assert (len(CALLS), len(runs())) == (1, 1)
    if leaves == "they":
        monkeypatch.undo()
    else:
        adapter.disable(unpatch=True)
    xgboost.training.train({}, xgboost.DMatrix(X, y), 1)
    expected = (1, 2) if leaves == "they" else (2, 1)
    assert (len(CALLS), len(runs())) == expected
    adapter.disable(unpatch=True)
    assert plain.__code__ is code
