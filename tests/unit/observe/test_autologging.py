from __future__ import annotations

import asyncio
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace

import pytest

import epochal
from epochal import autologging, errors, settings
from epochal.hooks import hookimpl
from epochal.observe import Adapter
from epochal.testing import programs, using

pytestmark = pytest.mark.epochal_strict


@dataclass(frozen=True)
class OneOptions:
    plots: bool = True
    rows: int = 10
    ratio: float = 0.5
    exclude: tuple[str | type, ...] = ()

    def __post_init__(self):
        if self.rows < 0:
            raise ValueError("rows must not be negative")


@dataclass(frozen=True)
class TwoOptions:
    plots: bool = True


def simple(call):
    call.run.log({"seen": 1.0})
    yield


@pytest.fixture
def two(framework):
    """Two frameworks, "one" and "two", each with a plugin."""
    one, two = Adapter("one", options=OneOptions), Adapter("two", options=TwoOptions)
    one.around(f"{framework.__name__}:Estimator.fit*", why="a test")(simple)
    two.around(f"{framework.__name__}:train", why="a test")(simple)
    plugin = SimpleNamespace(adapters=hookimpl(lambda: [one, two]))
    with using(sklearn=SimpleNamespace(), both=plugin):
        yield one, two
        one.disable(unpatch=True)
        two.disable(unpatch=True)


def test_every_framework(two, framework, runs):
    epochal.autolog()
    framework.Mean().fit([1])
    framework.train(1)
    assert sorted(run.source for run in runs()) == ["one", "two"]


def test_only_the_named_ones(two):
    epochal.autolog("two")
    assert [a.enabled for a in two] == [False, True]


@pytest.mark.parametrize("off", ["one", ["one"], ("one",), {"one"}])
def test_all_but(two, off):
    epochal.autolog(off=off)
    assert [a.enabled for a in two] == [False, True]


def test_off_again(two, framework, runs):
    epochal.autolog()
    epochal.autolog(off=["one"])
    assert [a.enabled for a in two] == [False, True]
    epochal.autolog(off=True)
    assert [a.enabled for a in two] == [False, False]
    framework.train(1)
    assert runs() == []
    epochal.autolog("one")
    autologging.disable()
    assert [a.enabled for a in two] == [False, False]
    with pytest.raises(errors.NotFound):
        autologging.disable("three")


def test_the_setting_turns_it_off(two):
    with settings.override(autolog=False):
        epochal.autolog()
        assert [a.enabled for a in two] == [False, False]
        with pytest.raises(errors.EpochalError, match="no framework"):
            epochal.autolog("three")


def test_options_reach_the_frameworks_that_have_them(two):
    epochal.autolog(plots=False, rows=3)
    assert two[0].options == OneOptions(plots=False, rows=3)
    assert two[1].options == TwoOptions(plots=False)
    epochal.autolog("one", plots=True)
    assert two[0].options == OneOptions(plots=True, rows=3)
    assert two[1].options == TwoOptions(plots=False)
    epochal.autolog("one", exclude=(dict, "list"), ratio=1)
    assert two[0].options.exclude == (dict, "list")


NO_SENSE = "autolog: an option of one makes no sense: "
WRONG = {
    "no framework named 'oen'; there are: one, two (did you mean 'one'?)": lambda: epochal.autolog("oen"),
    "no framework named 'catboost'; there are: one, two"
    " (a framework comes with its plugin: pip install epochal-catboost)": lambda: epochal.autolog("catboost"),
    "no framework named 'tow'; there are: one, two (did you mean 'two'?)": lambda: epochal.autolog(off="tow"),
    "autolog: no option 'rows' for two; there are: plots": lambda: epochal.autolog("two", rows=1),
    "autolog: no option 'polts' for one, two; there are: exclude, plots, ratio, rows"
    " (did you mean 'plots'?)": lambda: epochal.autolog(polts=1),
    NO_SENSE + "plots is 'no', but must be of type bool": lambda: epochal.autolog("one", plots="no"),
    NO_SENSE + "rows is True, but must be of type int": lambda: epochal.autolog("one", rows=True),
    NO_SENSE + "rows must not be negative": lambda: epochal.autolog("one", rows=-1),
}


@pytest.mark.parametrize(("message", "call"), WRONG.items(), ids=[str(n) for n in range(len(WRONG))])
def test_wrong_calls_say_what_to_do_and_change_nothing(two, call, message):
    with pytest.raises(errors.EpochalError) as caught:
        call()
    assert str(caught.value) == message
    assert [a.enabled for a in two] == [False, False]
    assert two[0].options == OneOptions()


# -- quiet -------------------------------------------------------------------------


def test_quiet_blocks_nest(two, framework, runs):
    epochal.autolog()
    with epochal.quiet():
        framework.train(1)
        with epochal.quiet():
            framework.train(1)
        framework.train(1)
    assert runs() == []
    framework.train(1)
    assert len(runs()) == 1


def test_quiet_ends_with_an_error(two, framework, runs):
    epochal.autolog()
    with pytest.raises(ValueError, match="the user's"), epochal.quiet():
        raise ValueError("the user's")
    framework.train(1)
    assert len(runs()) == 1


def test_quiet_functions_and_coroutines(two, framework, runs):
    epochal.autolog()

    @epochal.quiet()
    def silent(x):
        """Train."""
        return framework.train(x) if x > 3 else silent(x + 1)

    @epochal.quiet()
    async def silent_later(x):
        await asyncio.sleep(0)
        return framework.train(x)

    async def both():
        return await asyncio.gather(silent_later(1), loud_later(1))

    async def loud_later(x):
        await asyncio.sleep(0)
        return framework.train(x)

    assert silent(1) == 9
    assert silent.__doc__ == "Train."
    assert runs() == []
    assert asyncio.run(both()) == [6, 6]
    assert len(runs()) == 1


def test_quiet_reaches_the_workers_of_its_own_pools_only(two, framework, runs):
    epochal.autolog()
    with ThreadPool(1) as outside:
        inside = epochal.quiet()
        with inside, ThreadPool(1) as pool:
            pool.apply(framework.train, (1,))
            assert runs() == []
        outside.apply(framework.train, (1,))
    assert len(runs()) == 1


# -- what it costs, what it imports ----------------------------------------------------


def test_it_imports_nothing_heavy(tmp_path):
    heavy = {
        "numpy",
        "pandas",
        "sklearn",
        "torch",
        "matplotlib",
        "sqlalchemy",
        "rich",
        "click",
        "lark",
        "scipy",
    }
    script = f"import sys; import epochal; epochal.autolog()\nprint(sorted({heavy!r} & set(sys.modules)))"
    done = programs.python(script, cwd=tmp_path, env={"EPOCHAL_STORE": str(tmp_path)})
    assert done.stdout == "[]\n"
    assert not (tmp_path / "runs").exists()
