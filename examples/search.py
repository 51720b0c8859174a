"""A grid search is one run: every candidate is a row of its table, and the best model is kept."""

import epochal

epochal.autolog("sklearn", search_children=2)

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, y = load_wine(return_X_y=True)
search = GridSearchCV(
    make_pipeline(StandardScaler(), SVC()), {"svc__C": [0.1, 1, 10], "svc__gamma": [0.01, 0.1]}, cv=3
)
search.fit(X, y)

run = epochal.runs(limit=1)[0]
print("one run with", len(search.cv_results_["params"]), "candidates and", len(run.children), "child runs")
print("best:", search.best_params_)
