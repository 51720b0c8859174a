"""Adapters and points: what is patched, when, and what is said where it cannot be."""

from __future__ import annotations

import functools
import importlib
import re
import sys

import pytest

from epochal import errors
from epochal.observe import Adapter, trampoline, versions
from epochal.testing import warnings_said

pytestmark = pytest.mark.epochal_strict


def note(log):
    def observer(call):
        log.append(call.name)
        yield

    return observer


def test_nothing_is_imported_and_the_point_waits(framework, observe):
    name = framework.__name__
    for module in [m for m in sys.modules if m.partition(".")[0] == name.partition(".")[0]]:
        del sys.modules[module]
    log = []
    adapter = observe("train", note(log))
    assert name not in sys.modules
    assert [s.state for s in adapter.states()] == ["waiting"]
    again = importlib.import_module(name)
    assert [s.state for s in adapter.states()] == ["patched"]
    assert again.train(1) == 6
    assert log == ["train"]


def test_subclasses_there_and_later_ones(framework, observe, store):
    log = []
    adapter = observe("Estimator.fit*", note(log))
    framework.Mean().fit([1])
    framework.Child().fit([1])

    class Later(framework.Mean):
        def fit(self, data):
            return "later"

    assert Later().fit([1]) == "later"
    assert Later.registered
    assert log == ["fit"] * 3
    adapter.disable(unpatch=True)
    assert adapter.patched() == []
    assert list(trampoline.detours(Later.fit)) == []
    Later().fit([1])
    assert log == ["fit"] * 3


def test_a_base_without_a_hook_for_subclasses_gets_one_and_loses_it(framework, observe, store):
    framework.Plain = type("Plain", (), {"__module__": framework.__name__})
    log = []
    adapter = observe("Plain.fit*", note(log))

    class Later(framework.Plain):
        def fit(self):
            return 1

    assert Later().fit() == 1
    assert log == ["fit"]
    adapter.disable(unpatch=True)
    assert "__init_subclass__" not in vars(framework.Plain)


def test_a_subclass_whose_method_is_no_function_is_left_alone(framework, observe, store):
    log = []
    observe("Estimator.fit*", note(log))
    later = type("Later", (framework.Estimator,), {"fit": functools.partial(int, "3")})
    assert later.fit() == 3
    assert log == []


def test_functions_that_match(framework, observe, store):
    log = []
    adapter = observe("*_score", note(log))
    assert (framework.a_score(1), framework.b_score(1), framework._hidden_score(1)) == (1, -1, 0)
    assert log == ["a_score", "b_score"]
    assert len(adapter.patched()) == 2


def test_two_adapters_on_one_function(framework, observe, store):
    seen = []

    def one(call):
        seen.append(("one", call["z"], call.outermost))
        yield

    def two(call):
        seen.append(("two", call["z"], call.outermost))
        yield

    first = observe("train", one, nested="join")
    second = observe("train", two, nested="join")
    assert framework.train(1) == 6
    assert seen == [("two", 3, True), ("one", 3, False)]
    first.disable(unpatch=True)
    second.disable(unpatch=True)
    first.disable(unpatch=True)
    assert list(trampoline.detours(framework.train)) == []


def test_off_and_on_again(framework, observe, store):
    log = []
    adapter = observe("train", note(log))
    adapter.enable()
    framework.train(1)
    adapter.disable()
    framework.train(1)
    adapter.enable()
    framework.train(1)
    adapter.disable(unpatch=True)
    framework.train(1)
    adapter.enable()
    framework.train(1)
    assert log == ["train"] * 3
    assert len(list(trampoline.detours(framework.train))) == 1


def test_switching_is_safe_while_a_call_is_open(framework, observe, runs):
    def observer(call):
        assert call.run
        adapter.disable(unpatch=True)
        result = yield
        call.run.log({"result": float(result)})

    adapter = observe("train", observer)
    assert framework.train(1) == 6
    assert runs()[0].metrics == {"result": 6.0}


@pytest.mark.parametrize(("path", "message"), [
    ("nothing", "AttributeError: .*nothing"),
    ("Gone.fit*", "has no attribute 'Gone'"),
    ("Mean.gone", "gone"),
    ("generate", "generator function"),
    ("warnings", "no Python function but a module"),
    ("*_nothing", "no public function like"),
])  # fmt: skip
def test_a_target_that_cannot_be_patched_is_one_warning(framework, observe, swallowed, path, message):
    with warnings_said() as said:
        adapter = observe(path, note([]))
        adapter.enable()
    (state,) = adapter.states()
    assert state.state == "failed"
    assert re.search(message, state.detail)
    assert len(said) == 1
    assert "your code is not affected" in said[0]
    swallowed.clear()
    assert framework.train(1) == 6


def test_a_reloaded_module_is_patched_again(framework, observe, store):
    log = []
    observe("train", note(log))
    importlib.reload(framework)
    assert framework.train(1) == 6
    assert log == ["train"]


def test_what_adapters_refuse():
    adapter = Adapter("a")
    with pytest.raises(errors.ObserverError, match="must be a generator function: it yields once"):
        adapter.around("m:f")(lambda call: None)
    with pytest.raises(errors.ObserverError, match="nested is 'both'; it can be 'skip' or 'join'"):
        adapter.around("m:f", nested="both")
    for n in range(3):
        adapter.around(f"m:f{n}", f"m:g{n}")(note([]))
    with pytest.raises(errors.ObserverError, match="has 3 points already"):
        adapter.around("m:f4")


@pytest.mark.parametrize(("version", "wanted", "fits"), [
    ("1.4.0", ">=1.4", True), ("1.4", ">=1.4.0", True), ("1.3.9", ">=1.4", False), ("2.0", ">=1.4,<2", False),
    ("1.10", ">=1.9", True), ("1.8.0rc1", ">=1.8", True), ("1.8.dev0", ">=1.8", True),
    ("3.0+cpu", "==3.0", True),
    ("1.5.2", "~=1.4", True), ("2.0", "~=1.4", False), ("1.4.9", "~=1.4.2", True), ("1.5", "~=1.4.2", False),
    ("1.5", "!=1.5", False), ("1.5.1", "!=1.5.*", False), ("1.5.1", "==1.5.*", True), ("1", "", True),
    ("1.2", "> 1.1 , <= 1.2", True), ("1.2", "something odd", True), ("2!1.0", ">=1", True),
])  # fmt: skip
def test_versions(version, wanted, fits):
    assert versions.fits(version, wanted) is fits


RANGES = (">=1.0", ">1.0", "<1.4", "<=1.4.2", "==1.4", "!=1.4", "~=1.4", "~=1.4.1", "==1.*", ">=1,<2")


def test_versions_agree_with_packaging():
    specifiers = pytest.importorskip("packaging.specifiers")
    for version in ("0.9", "1.0", "1.0.1", "1.4", "1.4.2", "1.10", "2.0", "2.1.3"):
        for wanted in (
            ">=1.0",
            ">1.0",
            "<1.4",
            "<=1.4.2",
            "==1.4",
            "!=1.4",
            "~=1.4",
            "~=1.4.1",
            "==1.*",
            ">=1,<2",
        ):
            assert versions.fits(version, wanted) == (version in specifiers.SpecifierSet(wanted)), (
                version,
                wanted,
            )


def test_the_range_is_read_from_the_plugins_metadata(tmp_path, monkeypatch):
    info = tmp_path / "epochal_ranged-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: epochal-ranged\nVersion: 1\nRequires-Dist: epochal\n"
        "Requires-Dist: scikit-learn<0.1,>=0.0; extra == 'framework'\n"
        "Requires-Dist: pytest; extra == 'tests'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert versions.supported_range("epochal-ranged") == {"scikit-learn": "<0.1,>=0.0"}
    assert versions.supported_range("epochal-nobody") == {}
    assert "supported is pytest<0.1" in versions.complaint({"pytest": "<0.1"})
    assert versions.complaint({"pytest": ">=0.1", "nobody-has-this": ">=5"}) is None


def test_out_of_range_is_off_with_one_line(framework, store):
    adapter = Adapter("old", requires={"pytest": "<1"})
    name = framework.__name__
    adapter.around(f"{name}:train", f"{name}:warn", why="a test")(note([]))
    with warnings_said() as said:
        adapter.enable()
        adapter.enable()
    assert {s.state for s in adapter.states()} == {"off"}
    assert adapter.patched() == []
    assert len(said) == 1
    assert f"pytest {pytest.__version__} is installed; supported is pytest<1" in said[0]
    adapter.disable(unpatch=True)
