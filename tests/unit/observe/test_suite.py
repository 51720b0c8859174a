"""The suite that is shipped to authors of plugins: it passes a good adapter, and catches bad ones."""

from __future__ import annotations

import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from epochal.observe import Adapter
from epochal.testing import AdapterSuite, fingerprint, using

SITE = str(Path(__file__).with_name("site"))
if SITE not in sys.path:
    sys.path.insert(0, SITE)

import epochal_tiny  # noqa: E402 - found by the lines above
import tiny_framework.core  # noqa: E402

pytestmark = pytest.mark.epochal_strict
BATCHES = [[1.0, 2.0], [3.0, 5.0]]


class Suite(AdapterSuite):
    __test__ = False

    def train(self, batches=BATCHES):
        return tiny_framework.core.Mean(2.0).fit(batches)

    def arguments(self):
        return {"batches": [list(batch) for batch in BATCHES]}

    def train_lazily(self, lazy):
        return tiny_framework.core.Mean().fit(lazy(BATCHES))


class TestTiny(Suite):
    __test__ = True
    adapter = epochal_tiny.adapter


def test_what_it_logs(runs):
    import epochal

    with using(tiny=epochal_tiny):
        epochal.autolog("tiny", digits=1)
        tiny_framework.core.Mean(2.0).fit(BATCHES)
        epochal.autolog("tiny", means=False)
        tiny_framework.core.Mean(2.0).fit(BATCHES)
        epochal.autolog(off=True)
        tiny_framework.core.Mean(2.0).fit(BATCHES)
        epochal_tiny.adapter.disable(unpatch=True)
    second, first = runs()
    assert (first.params, first.metrics) == ({"scale": 2.0}, {"mean": 5.5})
    assert second.metrics == {}


KEPT = []


def mutates(call):
    call["batches"].append([9.0])
    yield
    call["batches"].pop()
    call["batches"][0][0] = 0.0


def draws(call):
    random.random()
    yield


def draws_numpy(call):
    np.random.random()
    yield


def keeps(call):
    KEPT.append((yield))


def changes_model(call):
    model = yield
    model.mean_ += 1e-9


def touches_filters(call):
    warnings.simplefilter("ignore")
    yield


def consumes(call):
    call.replace(batches=[*call["batches"], *list(call["batches"]), [1.0]])
    yield


def runs_again(call):
    tiny_framework.core.Mean(1.0).fit(call["batches"])
    yield


def starts_nothing(call):
    yield


BAD = [
    (mutates, "test_the_arguments_are_not_mutated", "store"),
    (draws, "test_results_and_random_generators_are_bit_identical", "store"),
    (draws_numpy, "test_results_and_random_generators_are_bit_identical", "store"),
    (changes_model, "test_results_and_random_generators_are_bit_identical", "store"),
    (keeps, "test_no_model_is_kept_alive", "store"),
    (touches_filters, "test_surroundings_are_untouched", "store"),
    (consumes, "test_iterators_are_read_as_before", "store"),
    (runs_again, "test_the_original_runs_once_and_its_result_is_handed_on", "store"),
    (starts_nothing, "test_every_training_is_logged", "runs"),
    (starts_nothing, "test_each_point_says_why", None),
]


@pytest.mark.parametrize(
    ("observer", "test", "needs"), BAD, ids=[f"{o.__name__}-{t[5:20]}" for o, t, _ in BAD]
)
def test_it_catches_what_a_bad_observer_does(observer, test, needs, request):
    adapter = Adapter("bad")
    adapter.around("tiny_framework.core:Mean.fit")(observer)
    suite = Suite()
    suite.adapter = adapter
    given = {needs: request.getfixturevalue(needs)} if needs else {}
    with warnings.catch_warnings(), pytest.raises(AssertionError):
        getattr(suite, test)(**given)
    KEPT.clear()


def test_fingerprints():
    import pandas as pd

    def value():
        frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
        return {"x": np.arange(3), "y": [1, {2, 3}], "frame": frame}

    a, b = value(), value()
    assert fingerprint(a) == fingerprint(b)
    others = [
        dict(b, x=np.arange(3.0)),
        dict(b, x=np.arange(1, 4)),
        dict(b, y=(1, {2, 3})),
        dict(b, frame=None),
    ]
    others.append(dict(b, frame=pd.DataFrame({"a": [1, 2], "b": ["x", "z"]})))
    assert len({fingerprint(other) for other in [a, *others]}) == len(others) + 1
    cycle: list = []
    cycle.append(cycle)
    assert fingerprint(cycle) == fingerprint(cycle)
