"""What an observer may do, and what it cannot do to the user."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import gc
import inspect
import os
import signal
import sys
import threading
import time
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

import epochal
from epochal import context, errors
from epochal.observe import admission, importlib_bootstrap, open_calls
from epochal.observe import call as calls
from epochal.testing import executed_lines, programs, raising_at

pytestmark = pytest.mark.epochal_strict


def simple(call):
    """Log the arguments, and the result."""
    call.run.log_params({"factor": getattr(call.instance, "factor", 0)})
    result = yield
    call.run.log({"seen": 1.0 if result is not None else 0.0})


def test_a_run_with_what_was_seen(framework, observe, runs):
    observe("Mean.fit", simple)
    model = framework.Mean(3)
    assert model.fit([1, 2, 3]) is model
    (run,) = runs()
    assert run.status == "finished"
    assert run.source == "framework"
    assert run.params == {"factor": 3}
    assert run.metrics == {"seen": 1.0}


def test_call_knows_its_arguments(framework, observe, store):
    seen = {}

    def observer(call):
        seen.update(call.arguments, name=call.name, instance=call.instance, weight=call["weight"])
        with pytest.raises(errors.ObserverError, match=r"no argument 'nope'; it has: self, data, weight"):
            call["nope"]
        yield

    observe("Mean.fit", observer)
    model = framework.Mean()
    framework.Mean.fit(data=[1], self=model)  # a decorator may pass self by name
    assert seen["self"] is seen["instance"] is model
    assert (seen["data"], seen["weight"], seen["name"]) == ([1], 1, "fit")


def test_replace_gives_the_original_other_arguments(framework, observe):
    def observer(call):
        call.replace(z=10)
        assert (yield) == 13

    observe("train", observer)
    mine = {"x": 1}
    assert framework.train(**mine) == 13
    assert mine == {"x": 1}


def test_replace_refuses_an_argument_that_is_not_there(framework, observe, swallowed):
    def observer(call):
        call.replace(zz=10)
        yield

    observe("train", observer)
    assert framework.train(1) == 6
    assert "no argument 'zz'" in str(swallowed.pop())


@pytest.mark.parametrize("where", ["before", "after replace", "after", "twice"])
def test_an_observer_that_fails_changes_nothing(framework, observe, swallowed, where):
    seen = []

    def observer(call):
        if where == "before":
            raise ValueError(where)
        call.replace(x=99 if where == "after replace" else 1)
        if where == "after replace":
            raise ValueError(where)
        seen.append((yield))
        if where == "after":
            raise ValueError(where)
        yield

    observe("train", observer)
    assert framework.train(1) == 6
    error = swallowed.pop()
    assert "yields once" in str(error) if where == "twice" else error.args == (where,)
    assert seen in ([], [6])


def test_a_failed_observer_leaves_its_run_open_until_the_original_ends(framework, observe, runs, swallowed):
    def observer(call):
        call.run.log_params({"a": 1})
        raise ValueError("late")
        yield

    observe("fails", observer)
    with pytest.raises(KeyError):
        framework.fails(KeyError("the user's"))
    assert runs()[0].status == "failed"
    assert swallowed.pop().args == ("late",)


def test_an_observer_that_returns_declines(framework, observe, runs):
    def observer(call):
        if call.instance.factor == 2:
            return
        call.run.log_params({})
        yield

    observe("Mean.fit", observer)
    framework.Mean(2).fit([1])
    assert runs() == []
    framework.Mean(3).fit([1])
    assert len(runs()) == 1


def test_to_decline_after_starting_a_run_ends_it_with_the_call(framework, observe, runs):
    def observer(call):
        call.run.log_params({"a": 1})
        if call["x"] == 1:
            return
        yield

    observe("train", observer)
    assert framework.train(1) == 6
    assert runs()[0].status == "finished"


def test_a_wrong_call_is_the_originals_to_refuse(framework, observe, runs):
    observe("train", simple)
    with pytest.raises(TypeError, match=r"train\(\) missing 1 required positional argument: 'x'"):
        framework.train()
    with pytest.raises(TypeError, match="nope"):
        framework.train(1, nope=2)
    assert runs() == []


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int


USERS = [
    ValueError("x"),
    StopIteration(3),
    KeyboardInterrupt(),
    SystemExit(2),
    GeneratorExit(),
    MemoryError(),
    FrozenError(1),
    ExceptionGroup("g", [OSError()]),
    StopAsyncIteration(),
    RuntimeError("generator raised StopIteration"),
]
WAYS = ["nothing", "cleans up", "raises", "raises from", "catches", "swallows"]


@pytest.mark.parametrize("error", USERS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("observer_does", WAYS)
def test_the_users_error_arrives_as_it_was(framework, observe, swallowed, error, observer_does, store):
    seen = []

    def observer(call):
        seen.append(call.run)
        try:
            yield
        except BaseException as caught:
            if observer_does == "nothing":
                raise
            if observer_does == "raises":
                raise LookupError("ours")  # noqa: B904 - so do people write
            if observer_does == "raises from":
                raise LookupError("ours") from caught
            if observer_does == "catches":
                try:
                    raise LookupError("ours") from caught
                except LookupError as inner:
                    BaseException.__context__.__set__(caught, inner)
                    raise caught from inner
            if observer_does == "cleans up":
                try:
                    raise LookupError("ours")
                except LookupError:
                    pass
                raise

    observe("fails", observer)
    cause = OSError("the cause")
    error = error.with_traceback(None)
    BaseException.__cause__.__set__(error, cause)
    try:
        framework.fails(error)
    except BaseException as caught:
        assert caught is error
    else:
        pytest.fail("it did not arrive")
    assert error.__cause__ is cause
    assert error.__context__ is None
    names = [f.f_code.co_name for f, _ in traceback.walk_tb(error.__traceback__)]
    assert names == ["test_the_users_error_arrives_as_it_was", "fails", "__call__", "fails"]
    assert seen[0].status == ("finished" if isinstance(error, SystemExit) and not error.code else "failed")
    if observer_does.startswith("raises"):
        assert isinstance(swallowed.pop(), LookupError)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_an_interrupt_in_an_observer_is_the_users(framework, observe, runs, where, kind):
    def observer(call):
        assert call.run
        if where == "before":
            raise kind
        yield
        raise kind

    observe("train", observer)
    with pytest.raises(type(kind)):
        framework.train(1)
    assert open_calls() == []
    assert context.current_run() is None
    assert runs()[0].status == "failed"


def test_an_interrupt_between_two_lines_of_the_gate_leaves_nothing_open(framework, observe, store):
    observe("train", simple)
    framework.train(1)
    source = Path(importlib_bootstrap.FILE).read_text().splitlines()
    lines = executed_lines(lambda: framework.train(1), [importlib_bootstrap.FILE])
    spared = ("if call.open:", "try:")  # Python looks for signals where something is called
    lines = [line for line in lines if not source[line.number - 1].strip().startswith(spared)]
    assert len(lines) >= 8
    for line in lines:
        with raising_at(line, KeyboardInterrupt()) as hit, pytest.raises(KeyboardInterrupt):
            framework.train(1)
        assert hit.struck
        assert open_calls() == [], line
        assert context.current_run() is None, line
    assert framework.train(1) == 6


# -- nesting ---------------------------------------------------------------------


def test_inner_calls_are_silent(framework, observe, runs):
    observe("Estimator.fit*", simple)
    framework.Child().fit([1, 2])
    assert len(runs()) == 1


def test_joined_calls_use_the_outer_run_and_are_numbered(framework, observe, runs):
    seen = []

    def joins(call):
        seen.append((call.outermost, call.nth))
        call.run.log({f"fit{call.nth}": 1.0})
        yield

    observe("outer", simple)
    observe("train", joins, nested="join")
    assert framework.outer(1) == 12
    assert seen == [(False, 1), (False, 2)]
    (run,) = runs()
    assert run.metrics == {"fit1": 1.0, "fit2": 1.0, "seen": 1.0}


def test_a_seal_keeps_everything_out(framework, observe, runs):
    def sealing(call):
        call.seal()
        assert call.run
        yield

    seen = []

    def joins(call):
        seen.append(call)
        yield

    observe("outer", sealing)
    observe("train", joins, nested="join")
    framework.outer(1)
    assert seen == []
    assert len(runs()) == 1


def test_a_run_of_the_users_is_used(framework, observe, runs):
    observe("Mean.fit", simple)
    with epochal.start_run() as run:
        framework.Mean().fit([1])
        framework.Mean().fit([1])
        assert run.status == "running"
    assert [view.id for view in runs()] == [run.id]


# -- threads ----------------------------------------------------------------------


def in_threads(jobs):
    results = []
    threads = [threading.Thread(target=lambda job=job: results.append(job())) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_executor(jobs):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda job: job(), jobs))


def in_pool(jobs):
    with ThreadPool(2) as pool:
        return pool.map(lambda job: job(), jobs)


def test_four_threads_are_four_runs(framework, observe, runs):
    observe("Estimator.fit*", simple)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        return framework.Mean().fit([1])

    assert len(in_threads([work] * 4)) == 4
    assert len(runs()) == 4


@pytest.mark.parametrize("way", [in_threads, in_executor, in_pool])
def test_workers_of_a_sealed_search_are_silent(framework, observe, runs, way):
    def search(call):
        if isinstance(call.instance, framework.Search):
            call.seal()
        assert call.run
        yield

    observe("Estimator.fit*", search)
    assert len(framework.Search().fit([1, 2], way).models_) == 2
    assert len(runs()) == 1


def test_workers_of_a_pool_know_their_parent(framework, observe, runs):
    """No seal is needed there: joblib's threads come from such a pool."""
    observe("Estimator.fit*", simple)
    framework.Search().fit([1, 2], in_pool)
    assert len(runs()) == 1


def test_a_joining_worker_uses_the_run_of_its_parent(framework, observe, runs):
    seen = []

    def joins(call):
        seen.append(call.run.id)
        yield

    observe("Search.fit", simple)
    observe("Mean.fit", joins, nested="join")
    framework.Search().fit([1, 2], in_pool)
    (run,) = runs()
    assert seen == [run.id] * 2


def test_a_thread_beside_a_search_that_has_a_run_of_its_own_is_observed(framework, observe, runs):
    def search(call):
        if isinstance(call.instance, framework.Search):
            call.seal()
        call.run.log({"seen": 1.0})
        yield

    observe("Estimator.fit*", search)

    def beside(jobs):
        def work():
            with epochal.start_run(name="mine", nested=True):
                framework.Mean().fit([1])

        in_threads([work])
        return []

    framework.Search().fit([1], beside)
    assert len(runs(children=True)) == 2


def test_tasks_that_outlive_a_call_are_calls_of_their_own(framework, observe, runs):
    observe("Estimator.fit*", simple)
    kept = []
    framework.Search().fit([1], lambda jobs: kept.append(contextvars.copy_context()) or [])
    assert len(runs()) == 1
    kept[0].run(framework.Mean().fit, [1])
    assert len(runs()) == 2


# -- coroutines ---------------------------------------------------------------------


def test_coroutine_functions(framework, observe, runs):
    observe("train_later", simple)

    async def both():
        return await asyncio.gather(framework.train_later(1), framework.train_later(2))

    assert asyncio.run(both()) == [3, 4]
    assert len(runs()) == 2
    assert inspect.iscoroutinefunction(framework.train_later)


def test_a_coroutines_error_arrives_as_it_was(framework, observe, runs):
    observe("fails_later", simple)
    error = ValueError("the user's")
    with pytest.raises(ValueError, match="the user's") as caught:
        asyncio.run(framework.fails_later(error))
    assert caught.value is error
    assert error.__context__ is None
    assert runs()[0].status == "failed"


def test_a_cancelled_coroutine_leaves_nothing_open(framework, observe, runs):
    framework.sleep = asyncio.sleep

    def observer(call):
        assert call.run
        yield

    namespace = framework.__dict__
    exec("async def sleeps():\n    await sleep(60)", namespace)
    observe("sleeps", observer)

    async def cancel():
        task = asyncio.create_task(framework.sleeps())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert runs()[0].status == "failed"


# -- memory ---------------------------------------------------------------------------


def test_nothing_is_kept_alive(framework, observe, store):
    observe("Estimator.fit*", simple)
    kept = []

    class Remember(framework.Mean):
        def fit(self, data):
            kept.append(contextvars.copy_context())  # as a task that is started meanwhile does
            return self

    model = Remember().fit([1])
    alive = weakref.ref(model)
    del model
    assert alive() is None, gc.get_referrers(alive())


def test_variable_names(framework, observe, store):
    names = []

    def observer(call):
        names.append((call.variable_name(call["data"]), call.variable_name(call["weight"])))
        yield

    observe("Mean.fit", observer)
    training_data = [1, 2]
    framework.Mean().fit(training_data)
    framework.Mean().fit([1, 2])
    _private = training_data
    del training_data
    framework.Mean().fit(_private)
    framework.Mean().fit(GLOBAL_DATA, 12345)
    assert [name for name, _ in names] == ["training_data", None, None, "GLOBAL_DATA"]


GLOBAL_DATA = [3]


def test_looking_for_names_keeps_nothing_alive(framework, observe, store):
    def observer(call):
        call.variable_name(call["data"])
        yield

    observe("Mean.fit", observer)

    class Data(list):
        pass

    data = Data([1])
    framework.Mean().fit(data)
    alive = weakref.ref(data)
    del data
    gc.collect()
    assert alive() is None


# -- slowness ------------------------------------------------------------------------------


def work(seconds=0.11):
    """Use the processor for this long, however long that takes."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def slowly(call):
    work()
    yield


def test_a_slow_observer_turns_itself_off(framework, observe, caplog):
    adapter = observe("train", slowly)
    for _ in range(4):
        framework.train(1)
    (state,) = adapter.states()
    assert state.state == "off"
    assert "used over 100 ms of processor time 3 times" in state.detail
    assert [r.getMessage() for r in caplog.records if "no longer observes" in r.getMessage()] == [
        f"epochal no longer observes {state.target}: {state.detail}; your code is not affected"
    ]
    used = time.thread_time()
    framework.train(1)
    assert time.thread_time() - used < 0.1, "it still works, though it is off"


def test_work_that_is_declared_is_not_slowness(framework, observe):
    def observer(call):
        with call.working():
            work()
        yield
        with call.working():
            work()

    adapter = observe("train", observer)
    for _ in range(4):
        framework.train(1)
    assert adapter.states()[0].state == "patched"


def test_slow_afterwards_counts_too(framework, observe):
    def observer(call):
        yield
        work()

    adapter = observe("train", observer)
    for _ in range(3):
        framework.train(1)
    assert adapter.states()[0].state == "off"


STALLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import tiny_framework.core
from epochal.observe import Adapter

def observer(call):
    os.kill(os.getpid(), signal.SIGSTOP)
    yield
    os.kill(os.getpid(), signal.SIGSTOP)

adapter = Adapter("stalled")
adapter.around("tiny_framework.core:Mean.fit", why="a test")(observer)
adapter.enable()
for _ in range(4):
    tiny_framework.core.Mean().fit([[1.0, 2.0]])
print(adapter.states()[0].state)
"""


def test_a_machine_that_stalls_is_not_the_observers_fault():
    """A14: a process that is stopped for longer than an observer may work, before and after each call."""
    stops = 0
    with programs.started(sys.executable, "-c", STALLED, Path(__file__).with_name("site")) as program:
        while (
            os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code == os.CLD_STOPPED
        ):
            threading.Event().wait(0.15)
            program.send_signal(signal.SIGCONT)
            stops += 1
        out = program.stdout.read()
    assert (stops, out) == (8, "patched\n")


# -- the engine's own errors -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["__init__", "begin", "succeed", "close", "_advance", "_judge"])
def test_an_error_of_the_engine_is_no_error_of_the_users(
    framework, observe, store, swallowed, monkeypatch, method
):
    observe("train", simple)
    original, broken = getattr(calls.Call, method), []

    def breaks(self, *args):
        if not broken:
            broken.append(1)
            raise ZeroDivisionError
        return original(self, *args)

    monkeypatch.setattr(calls.Call, method, breaks)
    assert framework.train(1) == 6
    assert broken
    assert isinstance(swallowed.pop(), ZeroDivisionError)
    swallowed.clear()


def test_even_reporting_may_fail(framework, observe, store, monkeypatch):
    observe("train", simple)
    monkeypatch.setattr(admission, "admit", lambda *a: 1 / 0)
    monkeypatch.setattr(importlib_bootstrap.errors, "report", lambda *a: 1 / 0)
    before = importlib_bootstrap.unreported
    assert framework.train(1) == 6
    assert importlib_bootstrap.unreported == before + 1
