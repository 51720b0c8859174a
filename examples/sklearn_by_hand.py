"""A run of one's own around scikit-learn: the first fit logs into it, the folds of a validation below."""

import epochal

epochal.autolog("sklearn", plots=False)

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)

with epochal.start_run(project="cancer", name="five folds", tags=["example"]) as run:
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)  # the model that will be used
    scores = []
    for fold, (train, test) in enumerate(StratifiedKFold(5).split(X, y)):
        held_out, truth = X[test], y[test]
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[train], y[train])
        scores.append(model.score(held_out, truth))
        run.log({"cv/accuracy": scores[-1]}, step=fold)

view = epochal.run(run.id)
print(view.name, "|", view.status, "| train accuracy", round(view.metrics["train/accuracy"], 3))
print("folds:", view.history("cv/accuracy").values.round(3).tolist())
below = sorted(view.children, key=lambda child: child.created)
print("child runs:", [round(child.metrics["held_out/score"], 3) for child in below])
assert [child.metrics["held_out/score"] for child in below] == scores
