"""What autolog keeps of a pipeline: parameters, metrics, data, figures, later metrics, the model."""

import epochal

epochal.autolog("sklearn")

from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

columns = ColumnTransformer([("sex", OneHotEncoder(), ["sex"])], remainder=StandardScaler())
model = Pipeline([("columns", columns), ("boosting", GradientBoostingRegressor(random_state=0))])
model.fit(X_train, y_train)
mean_absolute_error(y_test, model.predict(X_test))  # found by the run, and named after X_test
model.score(X_test, y_test)

run = epochal.runs(limit=1)[0]
print("steps:", run.params["steps"], "| learning rate:", run.params["boosting__learning_rate"])
for key in ("train/r2", "train/mae", "X_test/mean_absolute_error", "X_test/score"):
    print(f"{key}: {run.metrics[key]:.3f}")

loss = run.history("train/loss")
print("loss:", len(loss.steps), "iterations, from", round(loss.values[0]), "to", round(loss.values[-1]))

data = run.note("dataset/train")
print("data:", data["name"], data["shape"], "fingerprint", data["fingerprint"][:8])

figures = {item.key: item.data for item in run.media()}
print("figures:", ", ".join(sorted(figures)))
print("most important:", figures["feature_importance"]["names"][0])

same = epochal.load_model(f"runs:/{run.id}/model")
print("the model predicts the same:", bool((same.predict(X_test) == model.predict(X_test)).all()))
