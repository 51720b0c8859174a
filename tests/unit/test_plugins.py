from __future__ import annotations

import sys
import types

import pytest

from epochal import errors, hooks, plugins, settings
from epochal.testing import programs

pytestmark = pytest.mark.epochal_strict


def plugin(**functions):
    made = types.SimpleNamespace(__name__="made")
    for name, function in functions.items():
        setattr(made, name, hooks.hookimpl(function))
    return made


class Item:
    def __init__(self, name, *types):
        self.name, self.types = name, types


class Base: ...


class Middle(Base): ...


class Leaf(Middle): ...


HERE = __name__


def nothing():
    return []


def test_the_nearest_class_wins_whatever_the_order():
    base = plugin(flavors=lambda: [Item("base", f"{HERE}:Base")])
    middle = plugin(flavors=lambda: [Item("middle", f"{HERE}:Middle")])
    for order in ({"a": base, "b": middle}, {"a": middle, "b": base}):
        with plugins.using(**order):
            found = plugins.registry("flavors")
            assert found.for_type(Leaf).name == found.for_type(Middle).name == "middle"
            assert found.for_type(Base).name == "base"
            assert found.for_type(Item) is None or found.for_type(Item).name == "pickle"


def test_types_may_have_their_public_names(monkeypatch):
    public = types.ModuleType("public_alias")
    public.Thing = Leaf
    monkeypatch.setitem(sys.modules, "public_alias", public)
    with plugins.using(a=plugin(flavors=lambda: [Item("x", "public_alias:Thing", "not_imported:Y")])):
        assert plugins.registry("flavors").for_type(Leaf).name == "x"
    assert "not_imported" not in sys.modules


def test_an_unknown_name_says_which_exist():
    with plugins.using(
        a=plugin(adapters=lambda: [Item("skboost")]), b=plugin(adapters=lambda: [Item("tarch")])
    ):
        found = plugins.registry("adapters")
        with pytest.raises(errors.NotFound) as caught:
            found["skbosot"]
        assert "no adapter named 'skbosot'; there are: " in str(caught.value)
        assert "(did you mean 'skboost'?)" in str(caught.value)
        assert "skboost" in found
        assert found["tarch"].name == "tarch"
        assert found.source("tarch") == "b"


def test_a_duplicate_is_refused_naming_both(swallowed):
    first = plugin(adapters=lambda: [Item("x")])
    second = plugin(adapters=lambda: [Item("y"), Item("x")])
    with plugins.using(one=second, two=first):
        found = plugins.registry("adapters")
        names = [n for n in found.names if n in {"x", "y"}]
        reports = {r.name: r for r in plugins.report()}
        assert names in (["x"], ["x", "y"])  # pluggy asks the last one first
        assert [r.state for r in (reports["one"], reports["two"])].count("broken") == 1
        assert len(found) == len(list(found))
    (error,) = swallowed
    assert "adapters: 'x' comes from both " in str(error)
    assert "one" in str(error)
    assert "two" in str(error)
    swallowed.clear()


def test_a_broken_hook_adds_nothing_and_shows(swallowed):
    with plugins.using(bad=plugin(adapters=lambda: 1 / 0), good=plugin(adapters=lambda: [Item("fine")])):
        assert "fine" in plugins.registry("adapters")
        reports = {r.name: r for r in plugins.report()}
        assert reports["bad"].state == "broken"
        assert reports["bad"].problems == ["adapters: ZeroDivisionError: division by zero"]
        assert reports["good"].adds["adapters"] == ["fine"]
        assert reports["good"].state == "ok"
    assert isinstance(swallowed.pop(), ZeroDivisionError)


def test_a_misspelled_hook_is_refused():
    with pytest.raises(errors.PluginError, match=r"no hook 'flavours'; there are: .*did you mean 'flavors'"):
        plugins.using(a=plugin(flavours=nothing)).__enter__()


def test_what_is_used_for_a_block_is_gone_after_it():
    with plugins.using(a=plugin(adapters=lambda: [Item("temporary")])):
        assert "temporary" in plugins.registry("adapters")
    assert "temporary" not in plugins.registry("adapters")
    assert "a" not in {r.name for r in plugins.report()}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages with an entry point of ours; each is (entry name, distribution, source)."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = []

    def install(*packages):
        for name, distribution, source in packages:
            module = distribution.replace("-", "_")
            made.append(module)
            (tmp_path / f"{module}.py").write_text(source)
            info = tmp_path / f"{module}-1.2.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
            (info / "entry_points.txt").write_text(f"[epochal]\n{name} = {module}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        plugins.reset()

    yield install
    monkeypatch.undo()
    for module in made:
        sys.modules.pop(module, None)
    plugins.reset()


GOOD = """
from epochal.hooks import hookimpl
class Adapter:
    name = 'fine'
@hookimpl
def adapters(): return [Adapter()]
"""


def test_plugins_are_found_by_entry_point(installed):
    installed(("fine", "epochal-fine", GOOD))
    reports = {r.name: r for r in plugins.report()}
    assert reports["fine"].version == "1.2"
    assert reports["fine"].distribution == "epochal-fine"
    assert reports["fine"].adds["adapters"] == ["fine"]
    assert "fine" in plugins.registry("adapters")


HOOKIMPL = "from epochal.hooks import hookimpl\n@hookimpl\n"
BROKEN = {
    "import": ("import nowhere_at_all", "load: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "syntax": ("def broken(:", "load: SyntaxError"),
    "misspelled": (
        f"{HOOKIMPL}def adaptors(): return []",
        "load: PluginError: there is no hook 'adaptors'; there are: adapters",
    ),
    "argument": (
        f"{HOOKIMPL}def commands(wrong): return []",
        "load: PluginValidationError: Plugin 'broken'",
    ),
}


@pytest.mark.parametrize(("source", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_package_takes_nobody_along(installed, swallowed, source, problem):
    installed(("broken", "epochal-broken", source), ("fine", "epochal-fine", GOOD))
    reports = {r.name: r for r in plugins.report()}
    assert reports["broken"].state == "broken"
    assert reports["broken"].problems[0].startswith(problem)
    assert reports["fine"].state == "ok"
    assert "fine" in plugins.registry("adapters")
    assert len(swallowed) == 1
    swallowed.clear()


def test_two_packages_with_one_name_are_refused_naming_both(installed, swallowed):
    installed(("fine", "epochal-fine", GOOD), ("fine", "epochal-other", GOOD))
    assert "fine" in plugins.registry("adapters")
    assert "plugin 'fine' comes from both epochal_" in str(swallowed.pop())


def test_the_setting_narrows_what_loads(installed, caplog):
    installed(("fine", "epochal-fine", GOOD), ("other", "epochal-other", "raise AssertionError('loaded')"))
    with settings.override(plugins=("fine", "fien")):
        plugins.reset()
        reports = {r.name: r for r in plugins.report()}
    assert reports["fine"].state == "ok"
    assert reports["other"].state == "off"
    assert "settings name a plugin 'fien' that is not installed; there are: " in caplog.text
    assert "did you mean 'fine'" in caplog.text
    assert "epochal_other" not in sys.modules


def test_the_environment_narrows_what_loads():
    script = "from epochal import plugins; print([r.name for r in plugins.report() if r.state != 'off'])"
    done = programs.python(script, env={"EPOCHAL_PLUGINS": ""})
    assert done.stdout.strip() == str(list(plugins.BUILT_IN))


def test_every_hook_has_documentation_and_is_asked():
    declared = {name for name, value in vars(hooks).items() if hasattr(value, "epochal_spec")}
    assert declared == set(plugins.ADDING)
    for name in declared:
        assert len(getattr(hooks, name).__doc__) > 20
