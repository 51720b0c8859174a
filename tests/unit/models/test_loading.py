"""Loading: references, trust, predictors, and what `check` says without loading."""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pandas as pd
import pytest

import epochal
from epochal import errors, models, settings
from epochal.models import manifest
from epochal.models.trust import names
from epochal.testing import programs
from epochal.testing.linear import Doubled, Linear, LinearFlavor

X = np.array([[1.0, 2.0], [3.0, 4.0]])
DOUBLED = "epochal.testing.linear.Doubled"


@pytest.fixture
def unreviewed(tmp_path):
    models.save_model(Doubled(np.ones(2), 0.0), tmp_path / "doubled", example=X)
    return tmp_path / "doubled"


@pytest.fixture
def store(tmp_path):
    with settings.override(store=tmp_path / "store", environment=False, system_interval=0):
        yield


# -- references -------------------------------------------------------------------------------------------


def test_a_folder_by_any_name(saved, model, monkeypatch):
    monkeypatch.chdir(saved.parent)
    for ref in (saved, str(saved), "saved", "./saved", saved / "model.json"):
        assert models.load_model(ref).predict(X).tolist() == model.predict(X).tolist()


def test_a_model_of_a_run(store, model):
    with epochal.start_run(project="p") as run:
        written = run.log_model(model, "linear one", example=X)
    assert written.run == run.id
    for ref in (f"runs:/{run.id}/linear one", f"runs:/{run.id[:20]}/linear one"):
        assert models.load_model(ref).predict(X).tolist() == model.predict(X).tolist()
    predictor = models.load_predictor(f"runs:/{run.id}/linear one")
    assert predictor.example.tolist() == X.tolist()
    assert predictor.predict([[1, 2]]).tolist() == model.predict([[1, 2]]).tolist()
    report = models.check(f"runs:/{run.id}/linear one")
    assert report.loads
    assert report.run == run.id
    with pytest.raises(errors.NotFound, match="has no model 'linear'; there are: linear one"):
        models.load_model(f"runs:/{run.id}/linear")
    with pytest.raises(errors.NotFound):
        models.load_model("runs:/ffffffffffff/linear")


def test_the_last_model_of_a_name_counts(store):
    with epochal.start_run(project="p") as run:
        for bias in (1.0, 2.0):
            run.log_model(Linear(np.ones(2), bias), "m")
    assert models.load_model(f"runs:/{run.id}/m").bias == 2.0


def test_a_file_of_a_run_is_no_model(store):
    with epochal.start_run(project="p") as run:
        run.log_text("x", "notes")
    with pytest.raises(errors.NotFound, match="no model 'notes'; there are: none"):
        models.load_model(f"runs:/{run.id}/notes")


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("models:/forest@best", "models:/ is not available in this version; use runs:/ID/NAME or a folder"),
        ("artifact:/p/forest:v1", "artifact:/ is not available in this version"),
        ("s3://bucket/forest", "nothing is known about s3:/"),
        ("runs:/abc", "names no model; write runs:/ID/NAME"),
        ("runs:/", "names no model"),
        ("runs:/abc/", "names no model"),
        ("nowhere/at/all", "there is no model at nowhere/at/all"),
    ],
)
def test_other_references_say_what_to_write(ref, words):
    for load in (models.load_model, models.load_predictor, models.check):
        with pytest.raises(errors.NotFound, match=words):
            load(ref)


def test_a_fresh_process_needs_only_the_plugin(saved):
    code = (
        "import sys\n"
        "from epochal import models, plugins\n"
        "from epochal.testing import linear\n"
        "with plugins.using(linear=linear):\n"
        f"    print(models.load_predictor({str(saved)!r}).predict([[1., 2.]]))\n"
        "print({'pandas', 'sklearn', 'torch'} & set(sys.modules))\n"
    )
    path = ":".join(p for p in sys.path if p)
    done = programs.python(code, env={"PYTHONPATH": path})
    assert done.stdout.splitlines()[0] == str(Linear(np.array([0.1, -2.5]), 0.25).predict([[1.0, 2.0]]))
    assert done.stdout.splitlines()[1] == "set()"


# -- trust ------------------------------------------------------------------------------------------------


def test_a_refusal_is_python_to_copy(unreviewed):
    with pytest.raises(errors.Untrusted) as caught:
        models.load_model(unreviewed, trust=["also.Mine"])
    assert caught.value.names == (DOUBLED,)
    text = str(caught.value)
    assert text.startswith(
        f"the model in {unreviewed} contains types epochal does not know to be safe: {DOUBLED}."
    )
    call = text.partition("If you trust where it comes from, ")[2]
    assert call == f"load_model({str(unreviewed)!r}, trust=['also.Mine', {DOUBLED!r}])"
    assert isinstance(eval(call, {"load_model": models.load_model}), Doubled)
    with pytest.raises(errors.Untrusted, match="load_predictor"):
        models.load_predictor(unreviewed)


def test_trust_takes_any_collection_of_names(unreviewed):
    for trust in ([DOUBLED], (DOUBLED, "x"), {DOUBLED}, frozenset([DOUBLED]), iter([DOUBLED])):
        assert isinstance(models.load_model(unreviewed, trust=trust), Doubled)


@pytest.mark.parametrize("wrong", [True, False, "x", b"x", 1, None, {"a": 1}, [1], [["a"]]], ids=repr)
def test_trust_is_nothing_else(wrong):
    with pytest.raises(errors.EpochalError, match="trust"):
        names(wrong)
    with pytest.raises(TypeError):
        names(wrong)


def test_one_string_is_explained(unreviewed):
    with pytest.raises(TypeError, match=r"write trust=\['pickle'\]"):
        models.load_model(unreviewed, trust="pickle")
    with pytest.raises(TypeError, match="trust=True says nothing about what is trusted"):
        models.load_model(unreviewed, trust=True)


def test_a_flavor_that_only_refuses_while_loading(unreviewed, monkeypatch):
    monkeypatch.setattr(LinearFlavor, "untrusted", lambda self, folder, meta: [])

    def load(self, folder, meta, trust):
        raise errors.Untrusted("found late", [DOUBLED])

    monkeypatch.setattr(LinearFlavor, "load", load)
    with pytest.raises(errors.Untrusted, match=r"does not know to be safe.*trust=") as caught:
        models.load_model(unreviewed)
    assert caught.value.names == (DOUBLED,)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ValueError("bad magic"), errors.FormatError, "cannot read the model in .*: ValueError: bad magic"),
        (
            ModuleNotFoundError("no", name="lightgbm"),
            errors.NotFound,
            "needs lightgbm: pip install .*numpy==",
        ),
        (errors.FormatError("its own words"), errors.FormatError, "^its own words$"),
        (MemoryError(), MemoryError, None),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_flavor_raises_becomes_one_line(saved, monkeypatch, error, kind, words):
    def load(self, folder, meta, trust):
        raise error

    monkeypatch.setattr(LinearFlavor, "load", load)
    with pytest.raises(kind, match=words):
        models.load_model(saved)


def test_other_versions_are_named_where_reading_fails(saved, monkeypatch):
    read = manifest.read(saved)
    read.frameworks["numpy"], read.frameworks["gone"] = "0.9", "1.0"
    (saved / "model.json").write_bytes(manifest.encode(read))
    models.load_model(saved)

    def load(self, folder, meta, trust):
        raise ValueError("bad magic")

    monkeypatch.setattr(LinearFlavor, "load", load)
    with pytest.raises(
        errors.FormatError, match=f"saved with gone 1.0, here none; numpy 0.9, here {np.__version__}"
    ):
        models.load_model(saved)


def test_another_release_is_mentioned_once(saved, caplog):
    errors.forget()
    read = manifest.read(saved)
    read.frameworks["numpy"] = "1.21.3"
    (saved / "model.json").write_bytes(manifest.encode(read))
    for _ in range(2):
        models.load_model(saved)
    said = [record.getMessage() for record in caplog.records if record.name == "epochal"]
    assert len(said) == 1
    assert said[0].startswith(
        f"the model in {saved} was saved with numpy 1.21.3 and is used with {np.__version__};"
    )
    read.frameworks["numpy"] = np.__version__ + ".post1"
    (saved / "model.json").write_bytes(manifest.encode(read))
    models.load_model(saved)
    assert len(caplog.records) == 1


# -- predictors -------------------------------------------------------------------------------------------


def test_a_predictor_holds_data_against_the_signature(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    model = Linear(np.array([1.0, 10.0]), 0.0)
    models.save_model(model, tmp_path / "m", example=frame)
    predictor = models.load_predictor(tmp_path / "m")
    assert predictor.predict(frame[["b", "a"]]).tolist() == [31.0, 42.0]
    assert predictor.predict([{"b": 3, "a": 1}]).tolist() == [31.0]
    assert [part.tolist() for part in predictor.batches(frame.iloc[i : i + 1] for i in range(2))] == [
        [31.0],
        [42.0],
    ]
    pd.testing.assert_frame_equal(predictor.example, frame)
    assert predictor.signature == models.infer_signature(frame)
    assert repr(predictor) == "<Predictor of epochal.testing.linear:Linear (linear)>"
    with pytest.raises(errors.SignatureMismatch, match="missing columns 'b'"):
        predictor.predict(frame[["a"]])


def test_batches_are_taken_one_at_a_time(saved):
    taken = []

    def parts():
        for i in range(3):
            taken.append(i)
            yield X

    answers = models.load_predictor(saved).batches(parts())
    next(answers)
    assert taken == [0]


class Also:
    def predict_proba(self, X):
        return np.asarray(X) / 2


def test_methods_that_only_some_models_have(saved):
    predictor = models.load_predictor(saved)
    assert not hasattr(predictor, "predict_proba")
    with pytest.raises(AttributeError, match=r"has no 'fit'; \.model is the object itself"):
        _ = predictor.fit
    predictor.model = Also()
    assert predictor.predict_proba(X).tolist() == (X / 2).tolist()
    with pytest.raises(errors.SignatureMismatch):
        predictor.predict_proba(X[0])
    with pytest.raises(errors.NotFound, match="has no predict"):
        predictor.predict(X)
    predictor.model = np.sum
    assert predictor.predict(X) == 10


def test_a_model_without_signature_takes_anything(model, tmp_path):
    models.save_model(model, tmp_path / "m")
    predictor = models.load_predictor(tmp_path / "m")
    assert predictor.signature is None
    assert predictor.example is None
    assert predictor.predict([[1, 2]]).tolist() == model.predict([[1, 2]]).tolist()


def test_the_flavor_may_predict(saved, monkeypatch):
    monkeypatch.setattr(LinearFlavor, "predict", lambda self, model, data: "asked", raising=False)
    assert models.load_predictor(saved).predict(X) == "asked"


# -- checking ---------------------------------------------------------------------------------------------


def test_a_check_says_that_it_loads(saved):
    report = models.check(saved)
    assert report.loads
    assert report.digests
    assert report.problems == report.untrusted == []
    assert report.advice == f"epochal.load_model({str(saved)!r})"
    assert report.type == "epochal.testing.linear:Linear"
    assert report.versions["numpy"] == (np.__version__, np.__version__)
    assert report.files == 2
    assert msgspec.json.decode(msgspec.json.encode(report), type=models.CheckReport) == report


def test_a_check_says_what_to_trust(unreviewed):
    report = models.check(unreviewed)
    assert not report.loads
    assert report.untrusted == [DOUBLED]
    assert report.advice.endswith(f"epochal.load_model({str(unreviewed)!r}, trust=[{DOUBLED!r}])")
    assert models.check(unreviewed, trust=[DOUBLED]).loads


def test_a_check_of_a_pickle(model, tmp_path):
    models.save_model(model, tmp_path / "m", flavor="pickle")
    report = models.check(tmp_path / "m")
    assert report.executes_code
    assert report.untrusted == ["pickle"]
    assert "run any code" in report.advice


def test_a_check_of_another_flavor_that_runs_code(saved, monkeypatch):
    monkeypatch.setattr(LinearFlavor, "executes_code", True)
    monkeypatch.delattr(LinearFlavor, "untrusted")
    assert models.check(saved).untrusted == ["linear"]
    with pytest.raises(errors.Untrusted, match=r"can run any code.*trust=\['linear'\]"):
        models.load_model(saved)


def test_a_check_never_builds_or_reads_what_is_damaged(saved, monkeypatch):
    def never(*_):
        raise AssertionError("built")

    monkeypatch.setattr(LinearFlavor, "load", never)
    assert models.check(saved).loads
    monkeypatch.setattr(LinearFlavor, "untrusted", never)
    (saved / "linear.json").write_text("{}")
    report = models.check(saved)
    assert not report.loads
    assert not report.digests
    assert "linear.json has changed" in report.problems[0]
    (saved / "model.json").write_text("{}")
    assert "names no format" in models.check(saved).problems[0]


def test_a_check_says_what_is_not_installed(saved):
    read = manifest.read(saved)
    read.frameworks |= {"gone": "1.0+cpu", "numpy": "0.9"}
    (saved / "model.json").write_bytes(manifest.encode(read))
    report = models.check(saved)
    assert not report.loads
    assert report.versions["gone"] == ("1.0+cpu", None)
    assert report.versions["numpy"] == ("0.9", np.__version__)
    assert report.advice.startswith("pip install gone==1.0, then epochal.load_model(")


def test_a_check_names_a_missing_flavor(saved):
    read = manifest.read(saved)
    read.flavor = "keras"
    (saved / "model.json").write_bytes(manifest.encode(read))
    report = models.check(saved)
    assert not report.loads
    assert "no flavor named 'keras'" in report.problems[0]
    assert "pip install epochal-keras" in report.problems[0]


def test_a_check_of_a_later_flavor(saved):
    read = manifest.read(saved)
    read.flavor_version = 7
    (saved / "model.json").write_bytes(manifest.encode(read))
    assert "upgrade the package" in models.check(saved).problems[0]
