"""The code swap, on the interpreter at hand; `test_other_pythons` runs portable.py on the others."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import pickle
import sys
import threading
from pathlib import Path

import pytest

from epochal.observe import trampoline
from epochal.observe.importlib_bootstrap import Detour
from epochal.testing import programs

PORTABLE = Path(__file__).with_name("portable.py")


class Note(Detour):
    def __init__(self, log=None, name="n"):
        self.log, self.name = [] if log is None else log, name

    def __call__(self, original, /, *args, **kwargs):
        self.log.append(self.name)
        return original(*args, **kwargs)


def test_every_name_leads_through_the_detour(framework):
    package = sys.modules[framework.__name__.partition(".")[0]]
    early = framework.train
    note = Note()
    remove = trampoline.install(trampoline.innermost(framework, "train"), note)
    assert package.train is framework.train is early
    assert early(1) == 6
    assert early(1, 5, z=1) == 7
    assert note.log == ["n", "n"]
    assert remove()
    assert early(1) == 6
    assert note.log == ["n", "n"]


def test_the_function_looks_as_before(framework):
    function = framework.train
    before = (
        str(inspect.signature(function)),
        function.__doc__,
        inspect.getsource(function),
        dict(vars(function)),
        function.__code__,
        pickle.dumps(function),
    )
    remove = trampoline.install(function, Note())
    assert str(inspect.signature(function)) == before[0]
    assert function.__doc__ == before[1]
    assert inspect.getsource(function) == before[2]
    assert pickle.dumps(function) == before[5]
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function
    assert function.__code__.co_qualname == "train"
    with pytest.raises(TypeError, match="nope"):
        function(1, nope=1)
    assert remove()
    assert vars(function) == before[3]
    assert function.__code__ is before[4]


def test_attributes_that_others_set_meanwhile_stay(framework):
    remove = trampoline.install(framework.train, Note())
    framework.train.theirs = 1
    assert remove()
    assert vars(framework.train) == {"theirs": 1}


@pytest.mark.parametrize(("name", "call", "result"), [
    ("fit", lambda c: c().fit([2, 4]).mean_, 3.0),
    ("build", lambda c: type(c.build([1])).__name__, "Child"),
    ("tool", lambda c: c.tool(4), 8),
])  # fmt: skip
def test_methods_of_each_kind(framework, name, call, result):
    note = Note()
    remove = trampoline.install(trampoline.innermost(framework.Child, name), note)
    assert call(framework.Child) == result
    assert note.log == ["n"]
    assert remove()


def test_a_wrapper_on_top_stays_when_we_leave(framework):
    ours = framework.train
    note = Note()
    remove = trampoline.install(ours, note)
    framework.train = functools.wraps(ours)(lambda *a, **k: ("theirs", ours(*a, **k)))
    assert framework.train(1) == ("theirs", 6)
    assert remove()
    assert framework.train(1) == ("theirs", 6)
    assert note.log == ["n"]


def test_we_go_below_a_wrapper_and_survive_its_leaving(framework):
    plain, note = framework.train, Note()
    framework.train = functools.wraps(plain)(lambda *a, **k: ("theirs", plain(*a, **k)))
    remove = trampoline.install(trampoline.innermost(framework, "train"), note)
    assert framework.train(1) == ("theirs", 6)
    framework.train = plain
    assert framework.train(1) == 6
    assert note.log == ["n", "n"]
    assert remove()


def test_two_layers_come_out_in_either_order(framework):
    log, function = [], framework.train
    code = function.__code__
    lower = trampoline.install(function, a := Note(log, "lower"))
    upper = trampoline.install(function, b := Note(log, "upper"))
    assert list(trampoline.detours(function)) == [b, a]
    assert function(1) == 6
    assert log == ["upper", "lower"]
    assert not lower()
    assert upper()
    assert lower()
    assert function.__code__ is code
    assert not hasattr(function, "__wrapped__")
    assert list(trampoline.detours(function)) == []


def test_generators_are_refused(framework):
    with pytest.raises(TypeError, match="generator function"):
        trampoline.install(framework.generate, Note())


def test_what_is_no_function_is_refused():
    import builtins

    with pytest.raises(TypeError, match="no Python function but a builtin"):
        trampoline.innermost(builtins, "len")


def test_swapping_while_four_threads_call(framework):
    stop, problems, calls = threading.Event(), [], [0] * 4

    def hammer(n):
        while not stop.is_set():
            calls[n] += 1
            if framework.train(1) != 6:
                problems.append(n)

    threads = [threading.Thread(target=hammer, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    swaps = 0
    while swaps < 2000 or min(calls) == 0:  # a busy machine may start a thread late
        assert trampoline.install(framework.train, Note([]))()
        swaps += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_sent_by_value_it_needs_no_epochal(framework, tmp_path):
    """cloudpickle sends what is defined in a notebook by value; the worker may not have epochal."""
    cloudpickle = pytest.importorskip("cloudpickle")
    note = Note()
    remove = trampoline.install(trampoline.innermost(framework.Child, "fit"), note)
    cloudpickle.register_pickle_by_value(framework)
    try:
        data = cloudpickle.dumps(framework.Child())
    finally:
        cloudpickle.unregister_pickle_by_value(framework)
        assert remove()
    (tmp_path / "model").write_bytes(data)
    script = (
        "import sys; sys.modules['epochal'] = None  # as where it is not installed\n"
        "import pickle; model = pickle.load(open('model', 'rb')).fit([2, 4])\n"
        "print(model.mean_, model.child_)"
    )
    done = programs.python(script, cwd=tmp_path, env={"PYTHONPATH": None})
    assert done.stdout == "3.0 True\n", done.stderr


@pytest.mark.parametrize("active", [True, False])
def test_warnings_point_at_the_users_line(framework, observe, recwarn, active):
    def observer(call):
        yield

    adapter = observe("warn", observer)
    adapter.points[0].watches[0].active = active
    line = inspect.currentframe().f_lineno + 1
    framework.warn()
    (warning,) = recwarn.list
    assert (warning.filename, warning.lineno) == (__file__, line)


def test_the_self_check_passes_here():
    trampoline.self_check.cache_clear()
    trampoline.self_check()


def test_a_free_threaded_python_is_refused(monkeypatch, framework):
    trampoline.self_check.cache_clear()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    with pytest.raises(TypeError, match="free-threaded"):
        trampoline.install(framework.train, Note())
    trampoline.self_check.cache_clear()


def pythons():
    found = {sys.executable: sys.version.split()[0]}
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in sorted(folder.glob("3.*/bin/python3")):
        version = path.parents[1].name
        if tuple(int(n) for n in version.split(".")[:2] if n.isdigit()) >= (3, 11):
            found[str(path)] = version
    return found


@pytest.mark.parametrize("python", pythons(), ids=pythons().values())
def test_other_pythons(python):
    """Everything the trampoline relies on, on each Python that is installed."""
    done = programs.run(python, PORTABLE)
    assert done.stdout.startswith("ok 3.")
