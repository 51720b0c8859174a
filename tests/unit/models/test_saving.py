"""Saving: what is described, what is refused, and that nothing half-done is left."""

from __future__ import annotations

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from epochal import errors, models
from epochal.models import flavors, manifest
from epochal.models.pickles import PickleFlavor
from epochal.testing import programs
from epochal.testing.linear import Doubled, Linear, LinearFlavor


def everything_below(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_manifest_says_what_and_with_what(model, tmp_path):
    written = models.save_model(
        model, tmp_path / "m", example=np.ones((9, 2)), metadata={"stage": "trial"}, run_id="abc"
    )
    assert written.flavor == "linear"
    assert written.type == "epochal.testing.linear:Linear"
    assert written.run == "abc"
    assert written.metadata == {"stage": "trial"}
    assert written.created.endswith("Z")
    assert written.python == ".".join(map(str, sys.version_info[:3]))
    assert written.frameworks["numpy"] == np.__version__
    assert f"numpy=={np.__version__}" in written.requirements
    assert written.signature == models.infer_signature(np.ones((9, 2)))
    assert written.example == "example.json"
    assert manifest.read(tmp_path / "m") == written
    assert everything_below(tmp_path) == ["m"]


def test_what_the_caller_gives_counts(model, tmp_path):
    given = models.infer_signature(np.ones((1, 2)), np.ones(1))
    written = models.save_model(model, tmp_path / "m", signature=given, requirements=["numpy>=1"])
    assert written.signature == given
    assert written.requirements == ["numpy>=1"]
    assert written.example is None


def test_parents_are_made_and_an_empty_folder_is_used(model, tmp_path):
    models.save_model(model, tmp_path / "a" / "b")
    (tmp_path / "c").mkdir()
    models.save_model(model, str(tmp_path / "c"))
    (tmp_path / "link").symlink_to(tmp_path / "c", target_is_directory=True)
    models.load_model(tmp_path / "link")


def test_nothing_is_overwritten(model, tmp_path):
    models.save_model(model, tmp_path / "m")
    before = (tmp_path / "m" / "model.json").read_bytes()
    with pytest.raises(errors.StoreError, match="is not empty; save to another folder"):
        models.save_model(model, tmp_path / "m")
    assert (tmp_path / "m" / "model.json").read_bytes() == before
    (tmp_path / "f").write_text("x")
    with pytest.raises(errors.StoreError, match="is a file"):
        models.save_model(model, tmp_path / "f")


def test_a_place_that_cannot_be_written_is_one_clear_error(model, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(errors.StoreError, match="cannot write a model to"):
        models.save_model(model, tmp_path / "file" / "m")


class Broken(LinearFlavor):
    """The linear flavor, failing in a chosen way after it has written."""

    def __init__(self, fail):
        self.fail = fail

    def save(self, model, folder):
        super().save(model, folder)
        return self.fail(folder)


def fail_with(error):
    def fail(folder):
        raise error

    return fail


def write(name):
    def then(folder):
        (folder / name).write_text("x")
        return {}

    return then


def link(folder):
    (folder / "link").symlink_to("/etc/passwd")
    return {}


FAILURES = {
    "error": (
        fail_with(TypeError("a lambda")),
        errors.ValueRefused,
        "TypeError: a lambda; flavor='pickle' keeps",
    ),
    "reason": (
        fail_with(errors.EpochalError("a lambda")),
        errors.ValueRefused,
        "Linear: a lambda; flavor='pickle'",
    ),
    "disk": (fail_with(OSError(28, "No space left on device")), errors.StoreError, "No space left"),
    "memory": (fail_with(MemoryError()), MemoryError, None),
    "interrupt": (fail_with(KeyboardInterrupt()), KeyboardInterrupt, None),
    "tuple": (lambda folder: {"a": (1, 2)}, errors.ValueRefused, "must be JSON"),
    "nan": (lambda folder: {"a": float("nan")}, errors.ValueRefused, "must be JSON"),
    "object": (lambda folder: {"a": object()}, errors.ValueRefused, "must be JSON"),
    "key": (lambda folder: {1: "a"}, errors.ValueRefused, "must be JSON"),
    "manifest": (write("model.json"), errors.PluginError, "the core's"),
    "example": (write("example.json"), errors.PluginError, "the core's"),
    "link": (link, errors.FormatError, "a link or device"),
    "name": (write("a\nb"), errors.FormatError, "no path inside"),
}


@pytest.mark.parametrize(("fail", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_a_save_that_fails_leaves_nothing(model, tmp_path, fail, kind, words):
    with pytest.raises(kind, match=words):
        models.save_model(model, tmp_path / "m", flavor=Broken(fail), example=np.ones((1, 2)))
    assert everything_below(tmp_path) == []


def test_a_model_that_its_flavor_cannot_keep_is_not_kept_otherwise(tmp_path):
    with pytest.raises(errors.ValueRefused, match=r"cannot keep this .*Linear: ValueError"):
        models.save_model(Linear(np.array([np.nan]), 0.0), tmp_path / "m")
    assert everything_below(tmp_path) == []
    models.save_model(Linear(np.array([np.nan]), 0.0), tmp_path / "m", flavor="pickle")
    assert np.isnan(models.load_model(tmp_path / "m", trust=["pickle"]).weights[0])


@pytest.mark.parametrize(
    "metadata", [{"a": object()}, {"a": float("inf")}, {"a": {1: 2}}], ids=["object", "inf", "number as key"]
)
def test_metadata_must_be_json(model, tmp_path, metadata):
    with pytest.raises(errors.ValueRefused, match="metadata must be JSON"):
        models.save_model(model, tmp_path / "m", metadata=metadata)


@pytest.mark.parametrize("lines", ["numpy", [1]], ids=str)
def test_requirements_are_lines(model, tmp_path, lines):
    with pytest.raises(errors.ValueRefused, match="list of lines for pip"):
        models.save_model(model, tmp_path / "m", requirements=lines)


def test_an_example_that_cannot_be_kept_leaves_its_signature(model, tmp_path):
    errors.forget()
    written = models.save_model(model, tmp_path / "m", example=pd.DataFrame({"a": [{1, 2}]}))
    assert written.example is None
    assert written.signature.inputs.columns[0].type == "object"
    models.load_model(tmp_path / "m")


def test_random_states_stay(model, tmp_path):
    before = random.getstate(), np.random.get_state()[1].tolist()
    models.save_model(model, tmp_path / "m", example=pd.DataFrame(np.ones((9, 2))))
    models.load_model(tmp_path / "m")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# -- the choice of a flavor ---------------------------------------------------------------------------------


def test_the_nearest_class_chooses():
    assert flavors.choose(Doubled(np.ones(1), 0.0)).name == "linear"
    chosen = LinearFlavor()
    assert flavors.choose(object(), chosen) is chosen
    assert isinstance(flavors.choose(object(), "pickle"), PickleFlavor)


def test_pickle_is_never_chosen_by_itself(tmp_path):
    with pytest.raises(errors.NotFound, match=r"no flavor keeps a builtins.object; there are: .*'pickle'"):
        models.save_model(object(), tmp_path / "m")


def test_an_unknown_class_of_a_known_framework_names_the_plugin(tmp_path):
    import torch

    with pytest.raises(errors.NotFound, match="pip install epochal-torch"):
        models.save_model(torch.nn.Linear(1, 1), tmp_path / "m")


def test_an_unknown_flavor_by_name(model, tmp_path):
    with pytest.raises(errors.NotFound, match=r"no flavor named 'linaer'; .*did you mean 'linear'"):
        models.save_model(model, tmp_path / "m", flavor="linaer")


# -- pickle -----------------------------------------------------------------------------------------------


def test_pickle_takes_code_of_main_along(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from epochal import models\n"
        "class Mine:\n"
        "    def predict(self, X): return np.asarray(X) * helper()\n"
        "def helper(): return 3\n"
        f"written = models.save_model(Mine(), {str(tmp_path / 'm')!r}, flavor='pickle')\n"
        "print(written.modules, sorted(written.frameworks))\n"
    )
    done = programs.run(sys.executable, script, env=_env())
    assert done.stdout.strip() == "['__main__'] ['cloudpickle', 'numpy']"
    with pytest.raises(errors.Untrusted, match="can run any code"):
        models.load_model(tmp_path / "m")
    loaded = models.load_model(tmp_path / "m", trust=["pickle"])
    assert loaded.predict([1, 2]).tolist() == [3, 6]


def test_without_cloudpickle_it_says_so(model, tmp_path, monkeypatch):
    import importlib.util

    model.hook = cloudpickle.loads(cloudpickle.dumps(partial(print)))
    model.kind = type("Here", (), {"__module__": "__main__"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.ValueRefused, match=r"pip install cloudpickle, or move them to a module$"):
        models.save_model(model, tmp_path / "m", flavor="pickle")


def test_what_pickle_cannot_keep_is_one_clear_error(tmp_path):
    with pytest.raises(errors.ValueRefused, match=r"'pickle' cannot keep this builtins.function: .*lambda"):
        models.save_model(lambda: 0, tmp_path / "m", flavor="pickle")


def _env():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_of_many_who_save_to_one_place_one_does(model, tmp_path):
    def save(_):
        try:
            return models.save_model(model, tmp_path / "m")
        except errors.StoreError:
            return None

    with ThreadPoolExecutor(8) as threads:
        saved = [written for written in threads.map(save, range(32)) if written]
    assert len(saved) == 1
    assert manifest.read(tmp_path / "m") == saved[0]
    assert everything_below(tmp_path) == ["m"]
