"""A run started by hand, with everything that can be said about it; nothing here is guessed by autolog."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import epochal

X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

with epochal.start_run(project="iris", name="sgd", config={"epochs": 20, "optimizer": {"lr": 0.01}}) as run:
    run.define_metric("test/loss", summary="min")
    model = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=run.config.optimizer.lr, random_state=0
    )
    for epoch in range(run.config.epochs):
        model.partial_fit(X_train, y_train, classes=np.unique(y))
        run.log(
            {
                "train/loss": log_loss(y_train, model.predict_proba(X_train)),
                "test/loss": log_loss(y_test, model.predict_proba(X_test)),
            },
            step=epoch,
        )
    run.log({"weights": epochal.Histogram(model.coef_)})
    run.set_tags({"purpose": "example"})
    run.log_model(model, "classifier", example=X_test[:2])

finished = epochal.run(run.id)
print(
    finished.name, finished.status, finished.params["optimizer.lr"], round(finished.metrics["test/loss"], 3)
)

steps = finished.history("train/loss").steps
print(len(steps), "steps of train/loss, from", steps[0], "to", steps[-1])

same = epochal.load_model(f"runs:/{run.id}/classifier")
print("the model predicts the same:", bool((same.predict(X_test) == model.predict(X_test)).all()))
