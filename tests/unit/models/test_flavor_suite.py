"""The shipped suite, over the flavors that the core has: a safe one and the last resort."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.models.pickles import PickleFlavor
from epochal.testing.flavors import Case, FlavorSuite
from epochal.testing.linear import Doubled, Linear, LinearFlavor

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
frame = pd.DataFrame(X, columns=["a", "b", "c"])


def linear(kind=Linear):
    return kind(np.array([0.1, -2.5, 1e-300]), 0.25)


class TestLinear(FlavorSuite):
    flavor = LinearFlavor()
    frameworks = ("numpy", "pandas")
    models = (
        Case("array", linear, X),
        Case("frame", linear, frame),
        Case("unreviewed", lambda: linear(Doubled), X, trust=["epochal.testing.linear.Doubled"]),
        ("silent", linear),
    )


class TestPickle(FlavorSuite):
    flavor = PickleFlavor()
    frameworks = ("numpy", "pandas")
    models = (
        Case("linear", linear, X),
        Case("doubled", lambda: linear(Doubled), frame),
        Case("dict", lambda: {"a": linear()}),
    )
