"""What every adapter promises, held with three trainings of different kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import epochal_sklearn
from epochal.testing import AdapterSuite, fingerprint
from epochal.testing.adapters import USER_ERRORS

# scikit-learn runs `fit` in a context manager, and contextlib cannot hand on what refuses a traceback.
HANDED_ON = [make for make in USER_ERRORS if type(make()).__name__ != "_Frozen"]


class TestForest(AdapterSuite):
    adapter = epochal_sklearn.adapter

    def arguments(self) -> dict[str, Any]:
        X, y = make_classification(60, 5, random_state=0)
        return {"X": X, "y": y, "sample_weight": np.ones(len(y))}

    def train(self, **arguments: Any) -> Any:
        return RandomForestClassifier(n_estimators=3, random_state=0).fit(**arguments)

    @pytest.mark.parametrize("make", HANDED_ON, ids=lambda make: type(make()).__name__)
    def test_an_error_of_the_users_arrives_as_it_was(self, make: Any, runs: Any) -> None:
        super().test_an_error_of_the_users_arrives_as_it_was(make, runs)


class TestPipeline(TestForest):
    def arguments(self) -> dict[str, Any]:
        X, y = make_classification(60, 5, random_state=0)
        return {"X": X, "y": y}

    def train(self, **arguments: Any) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(**arguments)


def tree() -> Any:
    """A model without the threads of a BLAS, which would cost more than these many small trainings."""
    return DecisionTreeClassifier(random_state=0)


DEPTHS = {"max_depth": [1, 2]}


class TestSearch(TestPipeline):
    def train_lazily(self, lazy: Any) -> Any:
        X, y = make_classification(60, 5, random_state=0)
        splits = lazy([(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))])
        search = GridSearchCV(tree(), DEPTHS, cv=splits).fit(X, y)
        search.cv = 2  # an iterator is equal to no other
        return search

    def train(self, **arguments: Any) -> Any:
        return GridSearchCV(tree(), DEPTHS, cv=2).fit(**arguments)

    def same(self, a: Any, b: Any) -> bool:
        """Everything but the times, which differ from fit to fit."""
        scores = [[m.cv_results_[key] for key in m.cv_results_ if "test_score" in key] for m in (a, b)]
        models = fingerprint(a.best_estimator_) == fingerprint(b.best_estimator_)
        return models and a.best_params_ == b.best_params_ and bool(np.array_equal(*scores))
