"""NAME is observed without being changed, and its models come back."""

from __future__ import annotations

import epochal_NAME
import NAME

import epochal
from epochal.testing import AdapterSuite, FlavorSuite

NUMBERS = [1.0, 2.0, 6.0]


class TestAdapter(AdapterSuite):
    """What every adapter promises to its users; the tests are inherited."""

    adapter = epochal_NAME.adapter

    def train(self, values=NUMBERS, callbacks=None):
        return NAME.Model().fit(values, callbacks)

    def arguments(self):
        return {"values": [1.0, 5.0], "callbacks": [lambda step, loss: None]}


class TestFlavor(FlavorSuite):
    """What every flavor promises."""

    flavor = epochal_NAME.Flavor()
    models = [("default", lambda: NAME.Model().fit(NUMBERS), NUMBERS)]
    frameworks = ["NAME"]


def test_a_fit_is_a_run_with_its_curve_and_its_model(runs):
    epochal.autolog("NAME")
    try:
        model = NAME.Model(steps=4).fit(NUMBERS)
    finally:
        epochal_NAME.adapter.disable()
    (run,) = runs()
    assert run.params["steps"] == 4
    assert list(run.history("loss").steps) == [0, 1, 2, 3]
    assert epochal.load_model(f"runs:/{run.id}/model").predict(NUMBERS) == model.predict(NUMBERS)
