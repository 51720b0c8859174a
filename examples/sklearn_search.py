"""A random search over digits: one run, its candidates as a table, the best two as child runs."""

import epochal

epochal.autolog("sklearn", search_children=2)

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import RandomizedSearchCV, train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

choices = {"max_depth": [4, 8, 16], "n_estimators": [10, 20, 40]}
search = RandomizedSearchCV(RandomForestClassifier(random_state=0), choices, n_iter=5, cv=3, random_state=0)
search.fit(X_train, y_train)
search.score(X_test, y_test)

run = epochal.runs(limit=1)[0]
table = run.media("candidates")[0].data
print(table["rows"], "candidates:", ", ".join(table["columns"][:5]), "...")
print("best:", {name: value for name, value in run.params.items() if name.startswith("best/")})
print(f"best score: {run.metrics['best_score']:.3f}, on X_test: {run.metrics['X_test/score']:.3f}")
for child in sorted(run.children, key=lambda child: -child.metrics["mean_test_score"]):
    print(child.name, child.params, round(child.metrics["mean_test_score"], 3))
