"""AdapterSuite: what every adapter must hold, as tests to inherit.

    class TestAdapter(AdapterSuite):
        adapter = epochal_xgboost.adapter

        def train(self, **arguments):
            return xgboost.train(PARAMS, data(), 3, verbose_eval=False)

        def same(self, a, b):
            return a.save_raw("json") == b.save_raw("json")

The letters are the promises of the contract (docs/autolog.md).  With
``EPOCHAL_NIGHTLY=1`` faults are injected at every line instead of a sample.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import importlib
import importlib.metadata
import inspect
import math
import os
import pickle
import random
import sys
import threading
import traceback
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .. import context, errors
from ..observe import Adapter, call, open_calls, trampoline
from ..observe.importlib_bootstrap import FILE, Detour
from . import faults, programs
from .comparison import fingerprint, random_state, seed_all
from .surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FunctionType

    from ..store import RunView

_EPOCHAL = Path(__file__).parents[1]
_TESTING = str(_EPOCHAL / "testing")
_SAMPLE = 60


class _Frozen(Exception):
    """An exception that refuses new attributes, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


USER_ERRORS: tuple[Callable[[], BaseException], ...] = (
    lambda: ValueError("the user's"),
    lambda: KeyError("the user's"),
    lambda: StopIteration("the user's"),
    MemoryError,
    lambda: _Frozen("the user's"),
    lambda: ExceptionGroup("the user's", [OSError()]),
    KeyboardInterrupt,
    lambda: SystemExit(3),
    GeneratorExit,
)


@pytest.mark.epochal_strict
class AdapterSuite:
    """Inherit the tests; say what to observe and how to train."""

    adapter: Adapter
    runs_per_training = 1

    # -- what a plugin says ----------------------------------------------------------

    def train(self, **arguments: Any) -> Any:
        """Train something small, the same each time, with these arguments; return the model."""
        raise NotImplementedError

    def same(self, a: Any, b: Any) -> bool:
        """Whether two results of `train` are bit-identical; by default all that they hold is compared."""
        return fingerprint(a) == fingerprint(b)

    def arguments(self) -> dict[str, Any]:
        """The objects of the user's that `train` hands to the framework, made anew by each call."""
        return {}

    def train_lazily(self, lazy: Callable[[Iterable[Any]], Iterator[Any]]) -> Any:
        """Train from ``lazy(batches)``, an iterator to be read once; leave it out if that cannot be."""
        return NotImplemented

    # -- A1, A2: nothing is different --------------------------------------------------

    def test_results_and_random_generators_are_bit_identical(self, store: Path) -> None:
        self._train()  # imports, caches
        plain, state = self._seeded()
        with self.observed():
            observed, observed_state = self._seeded()
        assert self.same(plain, observed), "the result differs under observation"
        assert observed_state == state, "a global random generator was used"

    def test_every_training_is_logged(self, runs: Callable[..., list[RunView]]) -> None:
        with self.observed():
            self._train()
            self._train()
        assert len(runs()) == 2 * self.runs_per_training
        assert {run.status for run in runs()} <= {"finished"}

    def test_a_run_of_the_users_is_used_and_left_open(self, runs: Callable[..., list[RunView]]) -> None:
        import epochal

        with self.observed(), epochal.start_run() as run:
            self._train()
            self._train()
            assert run.status == "running"
        assert [view.id for view in runs()] == [run.id]

    def test_the_arguments_are_not_mutated(self, store: Path) -> None:
        plain = self.arguments()
        self.train(**plain)
        ours = self.arguments()
        with self.observed():
            self.train(**ours)
        assert fingerprint(ours) == fingerprint(plain)

    def test_the_original_runs_once_and_its_result_is_handed_on(self, store: Path) -> None:
        with self.observed(inner=_Count, outer=_Count) as (inner, outer):
            self._train()
        with self.observed(inner=_Count) as (plain, _):
            self.adapter.disable(unpatch=True)
            self._train()
        calls = {f: probe for f, probe in plain.items() if probe.outermost}
        assert calls, "train() called nothing that the adapter has patched"
        for function, before in calls.items():
            name, results = function.__qualname__, outer[function].results
            assert [id(result) for result in inner[function].results] == [id(result) for result in results], (
                name
            )
            assert len(results) == len(before.results), f"{name} ran more or less often than unobserved"

    # -- A3: our errors stay ours -------------------------------------------------------

    def test_an_error_at_any_line_of_ours_changes_nothing(
        self, store: Path, swallowed: list[BaseException], record_property: Callable[[str, object], None]
    ) -> None:
        folders = [_EPOCHAL, *self._plugin_folders()]
        spared = [FILE, _TESTING]
        plain = self._train()
        with self.observed(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(call, "SLOW", math.inf)  # lines that are traced take ten times as long
            self._train()
            lines = faults.executed_lines(self._train, folders, spared)
            nightly = os.environ.get("EPOCHAL_NIGHTLY") == "1"
            chosen = lines if nightly else random.Random(0).sample(lines, min(_SAMPLE, len(lines)))
            struck = sum(self._training_survives(line, n, plain) for n, line in enumerate(chosen))
        swallowed.clear()
        record_property("lines", len(lines))
        record_property("faults", struck)
        print(f"A3 {self.adapter.name}: {struck} faults at {len(lines)} lines, training unharmed")
        assert struck > len(chosen) * 0.8, "the lines executed differ from training to training"

    def _training_survives(self, line: faults.Line, number: int, plain: Any) -> bool:
        errors.forget()
        with (
            faults.warnings_said() as said,
            faults.raising_at(line, faults.KINDS[number % len(faults.KINDS)]()) as hit,
        ):
            try:
                result = self._train()
            except BaseException as error:
                raise AssertionError(f"{type(error).__name__} at {line} reached the user") from error
        _clear_up()
        assert self.same(plain, result), f"an error at {line} changed the result"
        assert len(said) <= 1, f"an error at {line} was said {len(said)} times: {said}"
        assert not open_calls(), f"an error at {line} left an observed call open"
        return hit.struck

    # -- A4: the user's errors stay theirs ------------------------------------------------

    @pytest.mark.parametrize("make", USER_ERRORS, ids=lambda make: type(make()).__name__)
    def test_an_error_of_the_users_arrives_as_it_was(
        self, make: Callable[[], BaseException], runs: Callable[..., list[RunView]]
    ) -> None:
        with self.observed(inner=functools.partial(_Raise, make())):
            self.adapter.disable(unpatch=True)
            if not self._arrives():
                pytest.skip("the framework itself does not hand this error on as it is")
        with self.observed(inner=functools.partial(_Raise, make())):
            assert self._arrives(), "the error arrived changed"
        assert not open_calls()
        assert context.current_run() is None
        assert {run.status for run in runs()} <= {"failed"}

    # -- A5: functions stay what they are ---------------------------------------------------

    def test_functions_keep_their_identity_and_are_restored(self, store: Path) -> None:
        with self.observed():
            self._train()
            functions = self.adapter.patched()
        before = {f: _Portrait(f) for f in functions}
        with self.observed():
            for function in functions:
                before[function].assert_unchanged()
                assert list(trampoline.detours(function)), f"{function.__qualname__} is not patched"
        for function in functions:
            before[function].assert_unchanged()
            assert function.__code__ is before[function].code, f"{function.__qualname__} was not restored"
            assert vars(function) == before[function].attributes

    def test_bound_methods_travel(self, store: Path) -> None:
        """Pickle, deepcopy, and joblib's and cloudpickle's pickling where they are installed."""
        with self.observed(outer=_Count) as (_, outer):
            self._train()
            firsts = {f: probe.first for f, probe in outer.items() if probe.first is not None}
        methods = [
            m for f, first in firsts.items() if inspect.ismethod(m := getattr(first, f.__name__, None))
        ]
        ways: list[Callable[[Any], Any]] = [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy]
        with contextlib.suppress(ImportError):
            cloudpickle: Any = importlib.import_module("cloudpickle")
            ways.append(lambda m: pickle.loads(cloudpickle.dumps(m)))
        ways = [way for way in ways if all(_works(way, method) for method in methods)]
        with self.observed():
            for method in methods:
                for way in ways:
                    assert way(method).__name__ == method.__name__

    def test_others_may_wrap_what_we_patched(self, store: Path) -> None:
        """A wrapper put on top while we are there, as other trackers do, survives our leaving."""
        with self.observed():
            self._train()
            function = next(f for f in self.adapter.patched() if _public(f) is not None)
            owner, name, found = _public(function)  # type: ignore[misc]
            static = inspect.getattr_static(owner, name)

            @functools.wraps(found)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return found(*args, **kwargs)

            setattr(owner, name, wrapper)
        try:
            assert inspect.getattr_static(owner, name) is wrapper
            assert not list(trampoline.detours(function))
            self._train()
            with self.observed():
                self._train()
            assert inspect.getattr_static(owner, name) is wrapper
        finally:
            setattr(owner, name, static)

    # -- A9 to A12: nothing is kept, shared, consumed or touched -------------------------------

    def test_no_model_is_kept_alive(self, store: Path) -> None:
        with self.observed():
            self._train()
            try:
                alive = weakref.ref(self._train())
            except TypeError:
                pytest.skip("results of this framework take no weak references")
            gc.collect()
            assert alive() is None, f"kept by {[type(r).__name__ for r in gc.get_referrers(alive())]}"

    def test_four_threads_are_four_trainings(self, runs: Callable[..., list[RunView]]) -> None:
        plain, problems = self._train(), []

        def work() -> None:
            try:
                assert self.same(plain, self._train())
            except BaseException as error:
                problems.append(error)

        with self.observed():
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert problems == []
        assert len(runs()) == 4 * self.runs_per_training

    def test_worker_processes_start_no_runs(self, runs: Callable[..., list[RunView]]) -> None:
        joblib = pytest.importorskip("joblib")
        cloudpickle = pytest.importorskip("cloudpickle")
        module = sys.modules[type(self).__module__]
        cloudpickle.register_pickle_by_value(module)
        try:
            with self.observed():
                plain = self._train()
                before = len(runs())
                with pytest.MonkeyPatch.context() as patch:  # the class goes by value, its adapter not
                    for cls in type(self).__mro__:
                        if "adapter" in vars(cls):
                            patch.delattr(cls, "adapter")
                    results = joblib.Parallel(n_jobs=2)(
                        joblib.delayed(type(self)._train)(type(self)()) for _ in range(2)
                    )
        finally:
            cloudpickle.unregister_pickle_by_value(module)
            joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
        assert all(self.same(plain, result) for result in results)
        assert len(runs()) == before

    def test_iterators_are_read_as_before(self, store: Path) -> None:
        counts: list[int] = []

        def lazy(batches: Iterable[Any]) -> Iterator[Any]:
            counts.append(0)
            mine = len(counts) - 1
            for batch in batches:
                counts[mine] += 1
                yield batch

        plain = self.train_lazily(lazy)
        if plain is NotImplemented:
            pytest.skip("this framework does not train from iterators (train_lazily)")
        read = list(counts)
        counts.clear()
        with self.observed():
            observed = self.train_lazily(lazy)
        assert counts == read
        assert self.same(plain, observed)

    def test_surroundings_are_untouched(self, store: Path) -> None:
        self._train()
        surroundings = Surroundings()
        with self.observed():
            self._train()
            assert surroundings.changes() == []
        assert surroundings.changes() == []

    # -- A13: another framework than we know ----------------------------------------------------

    def test_a_missing_target_is_one_warning(self, store: Path, swallowed: list[BaseException]) -> None:
        for point in self.adapter.points:
            for watch in point.watches:
                module, _, path = watch.target.partition(":")
                importlib.import_module(module)
                changed = Adapter(f"{self.adapter.name}-changed", options=self.adapter.options_type)
                changed.around(f"{module}:Gone.{path}", why="a test")(point.observer)
                with faults.warnings_said() as said:
                    changed.enable()
                    changed.enable()
                    self._train()
                assert [state.state for state in changed.states()] == ["failed"]
                assert len(said) == 1
                changed.disable(unpatch=True)
        swallowed.clear()

    def test_an_unsupported_version_turns_the_adapter_off(self, store: Path) -> None:
        point = self.adapter.points[0]
        root = point.watches[0].target.partition(":")[0].partition(".")[0]
        names = importlib.metadata.packages_distributions().get(root, [])
        if not names:
            pytest.skip(f"{root} belongs to no installed distribution, so it has no version")
        name, requires = f"{self.adapter.name}-ancient", dict.fromkeys(names, "<0.0.0")
        ancient = Adapter(name, requires=requires, options=self.adapter.options_type)
        ancient.around(*(watch.target for watch in point.watches), why="a test")(point.observer)
        with faults.warnings_said() as said:
            ancient.enable()
            self._train()
        assert {state.state for state in ancient.states()} == {"off"}
        assert ancient.patched() == []
        assert len(said) == 1
        assert "supported is" in said[0]
        ancient.disable(unpatch=True)

    def test_enabling_imports_no_framework(self) -> None:
        plugin = self.adapter.points[0].observer.__module__
        roots = sorted(
            {w.target.partition(".")[0].partition(":")[0] for p in self.adapter.points for w in p.watches}
        )
        script = (
            f"import sys; sys.path[:] = {sys.path!r}; import {plugin} as plugin\n"
            "from epochal.observe import Adapter\n"
            "[a.enable() for a in vars(plugin).values() if isinstance(a, Adapter)]\n"
            f"print([name for name in {roots!r} if name in sys.modules])"
        )
        assert programs.python(script).stdout.strip() == "[]"

    def test_each_point_says_why(self) -> None:
        assert [point.watches[0].target for point in self.adapter.points if not point.why] == []

    # -- how -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def observed(
        self, inner: Callable[[], Any] | None = None, outer: Callable[[], Any] | None = None
    ) -> Iterator[tuple[dict[FunctionType, Any], dict[FunctionType, Any]]]:
        """The adapter is on, and off and gone afterwards; with probes below and above it."""
        with contextlib.ExitStack() as stack:
            below, above = {}, {}
            if inner is not None:
                self.adapter.enable()
                functions = self.adapter.patched()
                self.adapter.disable(unpatch=True)
                below = _put(stack, functions, inner)
            stack.callback(self.adapter.disable, unpatch=True)
            self.adapter.enable()
            if outer is not None:
                above = _put(stack, self.adapter.patched(), outer)
            yield below, above

    def _train(self) -> Any:
        return self.train(**self.arguments())

    def _arrives(self) -> bool:
        """Whether the error that the probes raise arrives as the same object, bare, with its traceback."""
        _Raise.raised = None
        try:
            self._train()
        except BaseException as caught:
            files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(caught.__traceback__)}
            ours = {f for f in files if f.startswith(str(_EPOCHAL)) and not f.startswith(_TESTING)}
            bare = caught.__context__ is None and caught.__cause__ is None
            return caught is _Raise.raised and bare and ours <= {FILE}
        raise AssertionError("the error did not arrive") from None

    def _seeded(self) -> tuple[Any, dict[str, str]]:
        seed_all(7)
        return self._train(), random_state()

    def _plugin_folders(self) -> set[Path]:
        modules = {sys.modules[point.observer.__module__] for point in self.adapter.points}
        files = [Path(module.__file__) for module in modules if module.__file__]
        return {file.parent if file.name == "__init__.py" else file for file in files}


class _Count(Detour):
    """Note the results that pass by, and the first argument of the first call."""

    depth = 0

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.first: Any = None
        self.outermost = 0

    def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        self.outermost += _Count.depth == 0
        _Count.depth += 1
        try:
            result = original(*args, **kwargs)
        finally:
            _Count.depth -= 1
        self.results.append(result)
        if self.first is None:
            self.first = next(
                iter(inspect.signature(original).bind(*args, **kwargs).arguments.values()), None
            )
        return result


class _Raise(Detour):
    """Raise, as if the original had."""

    raised: Any = None

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        _Raise.raised = self.error
        raise self.error


@dataclass
class _Portrait:
    """What others can see of a function."""

    function: FunctionType

    def __post_init__(self) -> None:
        self.code, self.attributes = self.function.__code__, dict(vars(self.function))
        self.public = _public(self.function)
        self.seen = self._look()

    def _look(self) -> dict[str, Any]:
        function = self.public[2] if self.public else self.function
        look: dict[str, Any] = {
            "identity": id(function),
            "signature": str(inspect.signature(function)),
            "names": (function.__name__, function.__qualname__, function.__module__, function.__doc__),
            "defaults": (function.__defaults__, function.__kwdefaults__),
            "annotations": function.__annotations__,
            "source": _source(function),
            "kind": (inspect.isfunction(function), inspect.iscoroutinefunction(function)),
        }
        with contextlib.suppress(pickle.PicklingError, AttributeError):
            look["pickle"] = pickle.dumps(function)
            look["unpickled"] = id(pickle.loads(look["pickle"]))
        look["copy"] = copy.deepcopy(function) is function
        return look

    def assert_unchanged(self) -> None:
        now = self._look()
        for name, was in self.seen.items():
            assert now[name] == was, f"{self.function.__qualname__}: {name} changed"


def _put(
    stack: contextlib.ExitStack, functions: list[FunctionType], probe: Callable[[], Any]
) -> dict[FunctionType, Any]:
    probes = {function: probe() for function in functions if not inspect.iscoroutinefunction(function)}
    for function, detour in probes.items():
        stack.callback(trampoline.install(function, detour))
    return probes


def _public(function: FunctionType) -> tuple[Any, str, Any] | None:
    """Where a function is found by its name: the owner, the name and what is there."""
    owner: Any = sys.modules.get(function.__module__)
    *parents, name = function.__qualname__.split(".")
    try:
        owner = functools.reduce(getattr, parents, owner)
        found = getattr(owner, name)
    except AttributeError:
        return None
    return (owner, name, found) if inspect.isfunction(found) else None


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _works(way: Callable[[Any], Any], value: Any) -> bool:
    try:
        way(value)
    except Exception:
        return False
    return True


def _clear_up() -> None:
    """After a fault in the lines that end a run, the run may still be there."""
    errors.swallowed.clear()
    while (run := context.current_run()) is not None:
        run.finish()
        context.leave(run)
