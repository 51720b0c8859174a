"""A suite is worth what it catches: flavors that break one promise fail in its test, and in no other."""

from __future__ import annotations

import re
import sys

import pytest

from epochal.testing import programs

FLAVORS = '''
import importlib
import json
import pickle

import numpy as np

from epochal.hooks import hookimpl
from epochal.testing import FlavorSuite
from epochal.testing.linear import Doubled, Linear, LinearFlavor


class Pickling(LinearFlavor):
    """Calls a pickle safe."""

    def save(self, model, folder):
        (folder / "model.bin").write_bytes(pickle.dumps((type(model).__name__, model.weights, model.bias)))
        return super().save(model, folder)

    def load(self, folder, meta, trust):
        pickle.loads((folder / "model.bin").read_bytes())
        return super().load(folder, meta, trust)


class Importing(LinearFlavor):
    """Believes the name of a class in the folder."""

    def untrusted(self, folder, meta):
        return []


class Silent(LinearFlavor):
    """Finds out only while loading what it does not know."""

    def untrusted(self, folder, meta):
        return []

    def load(self, folder, meta, trust):
        from epochal import errors

        if meta["class"].endswith("Doubled") and meta["class"] not in trust:
            raise errors.Untrusted("found late", [meta["class"]])
        return super().load(folder, meta, trust)


class Rounding(LinearFlavor):
    """Loses digits."""

    def load(self, folder, meta, trust):
        model = super().load(folder, meta, trust)
        model.weights = model.weights.round(1)
        return model


class Gambling(LinearFlavor):
    """Draws from the random state of the user."""

    def save(self, model, folder):
        np.random.rand()
        return super().save(model, folder)


class Homeless(LinearFlavor):
    """Is not found by the types it names."""

    types = ("nowhere:Linear",)


class Lasting(LinearFlavor):
    """Remembers models instead of reading them."""

    known = {}

    def save(self, model, folder):
        self.known[repr(model.weights)] = model
        (folder / "linear.json").write_text(json.dumps({"key": repr(model.weights)}))
        return {"class": "epochal.testing.linear.Linear"}

    def load(self, folder, meta, trust):
        return self.known[json.loads((folder / "linear.json").read_text())["key"]]


def linear(kind=Linear):
    return kind(np.array([0.123, 2.0]), 0.5)


class Suite(FlavorSuite):
    frameworks = ("pandas",)
    models = (("linear", linear, np.ones((2, 2))),)


class Both(Suite):
    models = (
        *Suite.models,
        ("doubled", lambda: linear(Doubled), np.ones((2, 2)), ["epochal.testing.linear.Doubled"]),
    )


class Test%(name)s(%(suite)s):
    flavor = %(name)s()


@hookimpl
def flavors():
    return [%(name)s()]
'''

CAUGHT = {
    "LinearFlavor": set(),
    "Pickling": {"test_code_in_place_of_data_never_runs"},
    "Importing": {"test_nothing_untrusted_is_loaded", "test_check_foretells_loading"},
    "Silent": {"test_check_foretells_loading"},
    "Rounding": {
        "test_what_is_loaded_answers_the_same",
        "test_all_load_in_a_fresh_process",
        "test_code_in_place_of_data_never_runs",  # a model that survives malice must be the old one
    },
    "Gambling": {"test_saving_and_loading_leave_random_states_alone"},
    "Homeless": {"test_its_types_choose_the_flavor"},
    "Lasting": {
        "test_all_load_in_a_fresh_process",
        "test_a_save_killed_at_any_moment_leaves_nothing_or_a_model",
    },
}


@pytest.mark.parametrize("name", CAUGHT)
def test_a_broken_promise_fails_its_test(name, tmp_path):
    suite = "Both" if name in {"LinearFlavor", "Importing", "Silent"} else "Suite"
    (tmp_path / "test_it.py").write_text(FLAVORS % {"name": name, "suite": suite})
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rf",
        "-p",
        "no:cacheprovider",
        "--tb=short",
        "test_it.py",
    )
    done = programs.run(*command, cwd=tmp_path, code=None)
    failed = set(re.findall(r"^FAILED test_it.py::\w+::(\w+)", done.stdout, re.MULTILINE))
    assert failed == CAUGHT[name], done.stdout[-5000:]
    assert "passed" in done.stdout
