"""The whole story on real data, as `nox -s demo` runs it: train, list, show, load in another process.

A child process trains a random forest on the Wisconsin breast cancer data with `epochal.autolog()` and
nothing else; `epochal runs` and `epochal show` print what was kept; another process, which has never seen
the training, loads the model and must predict exactly the same. Any step that fails ends the demo.

What it prints is as wide as the terminal, and 80 columns where there is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import tempfile
import tty
from pathlib import Path

TRAIN = """\
import epochal
epochal.autolog()

import numpy
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

model = RandomForestClassifier(n_estimators=100, max_depth=10, random_state=0)
model.fit(X_train, y_train)
accuracy = accuracy_score(y_test, model.predict(X_test))
print("accuracy on the test set:", round(accuracy, 4))

# For the other process: the test set, and what the model predicts for it here.
X_test.to_pickle("X_test.pkl")
numpy.save("expected.npy", model.predict_proba(X_test))
"""

PREDICT = """\
import sys

import numpy
import pandas

import epochal

model = epochal.load_model("runs:/RUN/model")
expected = numpy.load("expected.npy")
predicted = model.predict_proba(pandas.read_pickle("X_test.pkl"))
same = (predicted == expected).all()
how = "exactly the same" if same else "DIFFERENTLY"
print(type(model).__name__, "predicts", len(predicted), "rows", how)
sys.exit(not same)
"""


def main() -> None:
    """Run the four steps in a store of their own, thrown away at the end."""
    with tempfile.TemporaryDirectory(prefix="epochal-demo-") as folder:
        store = {**os.environ, "EPOCHAL_STORE": f"{folder}/store"}

        def step(title: str, *command: str, shown: str | None = None) -> None:
            heading = f"\n# {title}\n" if title else ""
            print(f"{heading}\n$ {shown or ' '.join(command)}", flush=True)
            subprocess.run(command, cwd=folder, env=store, check=True, stdin=subprocess.DEVNULL)

        epochal = str(Path(sys.executable).with_name("epochal"))
        Path(folder, "train.py").write_text(TRAIN, encoding="utf-8")
        step("train, in a process of its own", "cat", "train.py")
        step("", sys.executable, "train.py", shown="python train.py")
        step("what was kept", epochal, "runs", shown="epochal runs")

        listed = subprocess.run(
            [epochal, "runs", "--json"], cwd=folder, env=store, check=True, capture_output=True
        )
        runs = json.loads(listed.stdout)
        if len(runs) != 1:
            sys.exit(f"one fit must be one run, but there are {len(runs)}")
        run = runs[0]["id"]

        step("one run in full", epochal, "show", run[:8], shown=f"epochal show {run[:8]}")
        Path(folder, "predict.py").write_text(PREDICT.replace("RUN", run), encoding="utf-8")
        step("the model, in another process", "cat", "predict.py")
        step("", sys.executable, "predict.py", shown="python predict.py")
        print("\nThe demo is through: one line of code, one run, one model back, bit for bit.")


def in_a_terminal(*command: str) -> int:
    """Print what ``command`` prints in a terminal of 80 columns, without colours; return its exit code."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # or each line would end with a carriage return
    with (
        subprocess.Popen(command, stdout=theirs, env={**os.environ, "NO_COLOR": "1"}) as child,
        contextlib.suppress(OSError),  # how Linux says that nobody has the terminal open any more
        os.fdopen(ours, "rb", buffering=0) as shown,
    ):
        os.close(theirs)
        while some := shown.read(4096):
            os.write(sys.stdout.fileno(), some)
    return child.returncode


if __name__ == "__main__":
    if sys.stdout.isatty():
        main()
    else:  # into a pipe, `epochal` prints lines for scripts; the demo shows what a person sees
        sys.exit(in_a_terminal(sys.executable, __file__))
