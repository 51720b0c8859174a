"""One line before the training: the run, its curves, its data, its plots and its model are kept."""

import epochal

epochal.autolog()

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = RandomForestClassifier(n_estimators=100, max_depth=10, random_state=0)
model.fit(X_train, y_train)

predicted = model.predict(X_test)
print("test accuracy:", round(accuracy_score(y_test, predicted), 4))
