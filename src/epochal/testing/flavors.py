"""FlavorSuite: what every flavor promises, as tests that a plugin inherits.

::

    class TestMyFlavor(FlavorSuite):
        flavor = MyFlavor()
        models = [Case("forest", make_fitted_forest, X), Case("own", make_own, X, trust=["my.Type"])]

Each model is made and saved once for the class.  It must predict the same after loading,
here and in a fresh process with nothing but the plugin; any changed, missing or added byte
must be refused; nothing in a folder may run unless the caller trusts it by name.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec
import pytest

from epochal import errors, plugins
from epochal.hooks import hookimpl
from epochal.models import check, load_model, load_predictor, manifest, save_model

from . import programs
from .fresh import each_operation
from .malice import HOSTILE, Poison, poisoned, poisons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from epochal.models import Flavor


class Case(NamedTuple):
    """One model: its name, how to make it, data to predict, and the trust that loading it takes."""

    name: str
    make: Callable[[], Any]
    data: Any = None
    trust: Sequence[str] = ()


class Kept(NamedTuple):
    """A case that has been saved, and what the model answered before."""

    case: Case
    folder: Path
    kind: type
    answers: Any

    def copy(self, to: Path) -> Path:
        """A copy of the folder to do harm to."""
        return Path(shutil.copytree(self.folder, to / "model"))


class FlavorSuite:
    """Inherit, set ``flavor`` and ``models``; override ``answers`` or ``same`` where need be."""

    flavor: ClassVar[Any]
    models: ClassVar[Sequence[Case | tuple[Any, ...]]]
    frameworks: ClassVar[Sequence[str]] = ()
    """Modules that importing the plugin must not import."""
    sampled = 3
    """How many of the models the dearer tests take; nightly they take all."""

    def answers(self, model: Any, data: Any) -> Any:
        """What the model says about the data."""
        predict = getattr(self.flavor, "predict", None)
        if predict is not None:
            return predict(model, data)
        return model.predict(data) if hasattr(model, "predict") else model(data)

    def same(self, one: Any, other: Any) -> bool:
        """Whether two answers are equal, bit for bit."""
        return identical(one, other)

    # -- set-up ------------------------------------------------------------------------

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give every test that asks for ``kept`` each of the models, for ``sample`` the first few."""
        few = len(self.models) if _nightly() else self.sampled
        for fixture, cases in (("kept", self.models), ("sample", self.models[:few])):
            if fixture in metafunc.fixturenames:
                given = [Case(*case) for case in cases]
                metafunc.parametrize(fixture, given, ids=[case.name for case in given], indirect=True)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def installed(cls) -> Iterator[None]:
        """The flavor among the plugins, for the time of the class if it is not installed."""
        if cls.flavor.name in plugins.registry("flavors"):
            yield
        else:
            with plugins.using(flavor_suite=_Plugin(cls.flavor)):
                yield

    @pytest.fixture(scope="class")
    @classmethod
    def shelf(cls, installed: None) -> dict[str, Kept]:
        """What has been saved so far for this class."""
        return {}

    @pytest.fixture
    def kept(
        self, request: pytest.FixtureRequest, shelf: dict[str, Kept], tmp_path_factory: pytest.TempPathFactory
    ) -> Kept:
        """One of the models, saved."""
        return self.keep(request.param, shelf, tmp_path_factory.mktemp("kept"))

    @pytest.fixture
    def sample(
        self, request: pytest.FixtureRequest, shelf: dict[str, Kept], tmp_path_factory: pytest.TempPathFactory
    ) -> Kept:
        """One of the first few models, saved."""
        return self.keep(request.param, shelf, tmp_path_factory.mktemp("kept"))

    def keep(self, case: Case, shelf: dict[str, Kept], room: Path) -> Kept:
        """Make and save a model, or take it from the shelf."""
        if case.name not in shelf:
            model = case.make()
            save_model(model, room / "model", flavor=self.flavor.name, example=case.data)
            shelf[case.name] = Kept(case, room / "model", type(model), self._ask(model, case.data))
        return shelf[case.name]

    def _ask(self, model: Any, data: Any) -> Any:
        return None if data is None else self.answers(model, data)

    # -- there and back ----------------------------------------------------------------

    def test_it_is_a_flavor(self) -> None:
        assert isinstance(self.flavor.name, str)
        assert self.flavor.version >= 1
        assert isinstance(self.flavor.executes_code, bool)
        assert all(path.count(":") == 1 for path in self.flavor.types), "types are 'module:Class'"

    def test_what_is_loaded_answers_the_same(self, kept: Kept) -> None:
        model = load_model(kept.folder, trust=self._trust(kept.case))
        assert self.same(self._ask(model, kept.case.data), kept.answers)

    def test_its_types_choose_the_flavor(self, kept: Kept) -> None:
        found = plugins.registry("flavors").for_type(kept.kind)
        assert (found is not None and found.name == self.flavor.name) or not self.flavor.types

    def test_the_manifest_says_what_it_is(self, sample: Kept) -> None:
        read = manifest.read(sample.folder)
        assert (read.flavor, read.flavor_version) == (self.flavor.name, self.flavor.version)
        assert msgspec.json.decode(msgspec.json.encode(read.meta)) == read.meta
        assert all("==" in line for line in read.requirements)
        assert read.signature is not None or sample.case.data is None

    def test_check_foretells_loading(self, kept: Kept) -> None:
        report = check(kept.folder)
        assert report.digests
        assert not report.problems
        assert report.loads is not bool(self._trust(kept.case)), report.advice
        assert check(kept.folder, trust=self._trust(kept.case)).loads

    def test_saving_and_loading_leave_random_states_alone(self, sample: Kept, tmp_path: Path) -> None:
        model = load_model(sample.folder, trust=self._trust(sample.case))
        before = _random_states()
        save_model(model, tmp_path / "again", flavor=self.flavor.name)
        load_model(tmp_path / "again", trust=self._trust(sample.case))
        assert identical(_random_states(), before)

    def test_all_load_in_a_fresh_process(
        self, shelf: dict[str, Kept], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        all_kept = [self.keep(Case(*case), shelf, tmp_path_factory.mktemp("kept")) for case in self.models]
        told = self._elsewhere("answers", all_kept, tmp_path_factory.mktemp("fresh"))
        errors_there = {name: text for name, (kind, text) in told["result"].items() if kind == "error"}
        assert not errors_there
        differ = [k.case.name for k in all_kept if not self.same(told["result"][k.case.name][1], k.answers)]
        assert not differ, "other answers in a fresh process"

    def test_importing_the_plugin_imports_no_framework(
        self, shelf: dict[str, Kept], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        kept = self.keep(Case(*self.models[0]), shelf, tmp_path_factory.mktemp("kept"))
        told = self._elsewhere("answers", [kept], tmp_path_factory.mktemp("fresh"))
        assert not told["brought"] & set(self.frameworks)

    # -- damage ------------------------------------------------------------------------

    def test_a_changed_byte_is_refused(self, sample: Kept, tmp_path: Path) -> None:
        for at, path in enumerate(_files(sample.folder)):
            folder = sample.copy(tmp_path / str(at))
            data = bytearray((folder / path).read_bytes())
            if data:
                data[len(data) // 2] ^= 1
                (folder / path).write_bytes(data)
                self._refuses(folder, sample.case, errors.FormatError)

    def test_a_missing_file_is_refused(self, sample: Kept, tmp_path: Path) -> None:
        for at, path in enumerate(_files(sample.folder)):
            folder = sample.copy(tmp_path / str(at))
            (folder / path).unlink()
            expected = errors.NotFound if path == manifest.NAME else errors.FormatError
            self._refuses(folder, sample.case, expected)

    def test_an_added_file_is_refused(self, sample: Kept, tmp_path: Path) -> None:
        folder = sample.copy(tmp_path)
        (folder / "more.py").write_text("")
        self._refuses(folder, sample.case, errors.FormatError, match="more.py")

    def test_a_linked_file_is_refused(self, sample: Kept, tmp_path: Path) -> None:
        folder = sample.copy(tmp_path)
        path = folder / _files(folder)[-1]
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        self._refuses(folder, sample.case, errors.FormatError)

    @pytest.mark.parametrize("third", [1, 2, 3])
    def test_a_save_killed_at_any_moment_leaves_nothing_or_a_model(
        self, third: int, shelf: dict[str, Kept], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """One moment in each third of the save, the last of all among them; nightly every one."""
        kept = self.keep(Case(*self.models[0]), shelf, tmp_path_factory.mktemp("kept"))
        operations: list[int] = []
        model = load_model(kept.folder, trust=self._trust(kept.case))
        with each_operation(tmp_path / "whole", lambda: operations.append(1)):
            save_model(model, tmp_path / "whole" / "model", flavor=self.flavor.name)
        assert _state(tmp_path / "whole" / "model") == "whole"
        count = len(operations)
        begin, end = count * (third - 1) // 3, count * third // 3
        moments = range(begin + 1, end + 1) if _nightly() else [max(end, 1)]
        for at in moments:
            target = tmp_path / str(at) / "room" / "model"
            self._elsewhere("killed", [kept], tmp_path / str(at), code=-9, at=at, target=target)
            assert _state(target) in {"nothing", "whole"}, f"killed at operation {at} of {count}"
        print(f"kill -9 while saving: {len(moments)} of {count} points, 0 torn models")

    def test_an_unknown_flavor_is_named(self, sample: Kept, tmp_path: Path) -> None:
        folder = sample.copy(tmp_path)
        read = manifest.read(folder)
        read.flavor = "no-such-flavor"
        (folder / manifest.NAME).write_bytes(manifest.encode(read))
        self._refuses(folder, sample.case, errors.NotFound, match=r"'no-such-flavor'; there are: ")

    # -- malice ------------------------------------------------------------------------

    def test_nothing_untrusted_is_loaded(self, kept: Kept) -> None:
        trust = self._trust(kept.case)
        if not trust:
            assert not check(kept.folder).untrusted
            return
        with pytest.raises(errors.Untrusted) as refusal:
            load_model(kept.folder)
        assert set(refusal.value.names) <= set(trust)
        assert f"trust={sorted(refusal.value.names)!r}" in str(refusal.value)
        load_model(kept.folder, trust=refusal.value.names)

    def test_code_in_place_of_data_never_runs(self, sample: Kept, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        tried = 0
        for path in _files(sample.folder):
            for form, poison in poisons(canary):
                folder = sample.copy(tmp_path / f"{tried}-{form}")
                (folder / path).write_bytes(poison)
                if path != manifest.NAME:
                    _restate(folder)
                self._survives(folder, sample, canary)
                tried += 1
        print(f"malicious files: {tried} tried, 0 ran")

    @pytest.mark.parametrize(
        "entry",
        [
            {"path": "../outside"},
            {"path": "/etc/passwd"},
            {"path": "a/../../outside"},
            {"path": "..\\outside"},
            {"size": 2**62},
            {"size": -1},
        ],
        ids=str,
    )
    def test_hostile_entries_are_refused(self, sample: Kept, tmp_path: Path, entry: dict[str, Any]) -> None:
        (tmp_path / "outside").write_text("x")
        folder = sample.copy(tmp_path)
        read = manifest.read(folder)
        read.files[0] = msgspec.structs.replace(read.files[0], **entry)
        read.example = None
        (folder / manifest.NAME).write_bytes(manifest.encode(read))
        self._refuses(folder, sample.case, errors.FormatError)

    def test_hostile_notes_never_run(self, sample: Kept, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        for at, hostile in enumerate(HOSTILE):
            folder = sample.copy(tmp_path / str(at))
            read = manifest.read(folder)
            read.meta = poisoned(read.meta, hostile.format(canary=canary))
            (folder / manifest.NAME).write_bytes(manifest.encode(read))
            self._survives(folder, sample, canary)

    def test_a_folder_cannot_choose_pickle(self, sample: Kept, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        folder = sample.copy(tmp_path)
        read = manifest.read(folder)
        (folder / "model.pkl").write_bytes(pickle.dumps(Poison(canary)))
        read.flavor, read.flavor_version, read.files = "pickle", 1, _listed(folder)
        (folder / manifest.NAME).write_bytes(manifest.encode(read))
        trust = set(self._trust(sample.case)) - {"pickle"}
        for load in (load_model, load_predictor):
            with pytest.raises(errors.Untrusted, match="pickle"):
                load(folder, trust=trust)
        assert check(folder).untrusted == ["pickle"]
        assert not canary.exists()

    def test_trust_is_a_list_of_names(self, sample: Kept) -> None:
        wrongs: list[Any] = [True, False, "pickle", 1, None, {"pickle": 1}, [True]]
        for wrong in wrongs:
            with pytest.raises(errors.EpochalError, match="trust"):
                load_model(sample.folder, trust=wrong)

    # -- how -----------------------------------------------------------------------------

    def _trust(self, case: Case) -> list[str]:
        return [*case.trust, *([self.flavor.name] if self.flavor.executes_code else [])]

    def _refuses(self, folder: Path, case: Case, expected: type[Exception], match: str | None = None) -> None:
        with pytest.raises(expected, match=match):
            load_model(folder, trust=self._trust(case))

    def _survives(self, folder: Path, kept: Kept, canary: Path) -> None:
        """Neither looking nor loading ran the payload; a model that loaded all the same is the old one."""
        with contextlib.suppress(errors.EpochalError):
            check(folder)
        with contextlib.suppress(errors.EpochalError):
            model = load_model(folder, trust=kept.case.trust)
            assert self.same(self._ask(model, kept.case.data), kept.answers)
        assert not canary.exists(), f"{folder.name} ran code"

    def _elsewhere(
        self, task: str, all_kept: list[Kept], room: Path, *, code: int = 0, **more: Any
    ) -> dict[str, Any]:
        """Have `fresh` do the task in a process of its own; empty if that has been killed."""
        home = sys.modules[type(self.flavor).__module__]
        job = {
            "module": home.__name__,
            "file": home.__file__,
            "flavor": self.flavor.name,
            "cases": [(k.case.name, k.folder, _packed(k.case.data), self._trust(k.case)) for k in all_kept],
            "room": room,
            **more,
        }
        path = room / f"{task}.job"
        room.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(job))
        python_path = os.pathsep.join(entry for entry in sys.path if entry)
        command = (sys.executable, "-m", "epochal.testing.fresh", task, path)
        programs.run(*command, env={"PYTHONPATH": python_path}, code=code)
        result = path.with_suffix(".result")
        told: dict[str, Any] = pickle.loads(result.read_bytes()) if result.exists() else {}
        return told


def identical(one: Any, other: Any) -> bool:
    """Whether two answers are the same: arrays of any library, tables, nestings; NaN equals NaN."""
    import numpy as np

    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    if hasattr(one, "toarray"):
        one, other = one.toarray(), other.toarray()
    left, right = np.asarray(one), np.asarray(other)
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.dtype.kind in "fc":
        return bool(np.array_equal(left, right, equal_nan=True))
    missing = (left != left) & (right != right)  # noqa: PLR0124 - None, NaN and NaT among objects
    return bool(np.all((left == right) | missing))


class _Plugin:
    """A plugin of one flavor."""

    def __init__(self, flavor: Flavor) -> None:
        self.flavor = flavor

    @hookimpl
    def flavors(self) -> list[Flavor]:
        """Add it."""
        return [self.flavor]


def _nightly() -> bool:
    return os.environ.get("EPOCHAL_NIGHTLY") == "1"


def _state(target: Path) -> str:
    """``nothing``, ``whole``, or what is wrong with a model folder."""
    if not target.exists():
        return "nothing"
    try:
        manifest.verify(target, manifest.read(target))
    except errors.EpochalError as error:
        return f"{type(error).__name__}: {error}"
    return "whole"


def _packed(data: Any) -> bytes | None:
    return None if data is None else pickle.dumps(data)


def _random_states() -> list[Any]:
    import numpy as np

    return [random.getstate(), np.random.get_state()]  # noqa: NPY002 - the global state is the subject


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _listed(folder: Path) -> list[manifest.File]:
    return [file for file in manifest.scan(folder) if file.path != manifest.NAME]


def _restate(folder: Path) -> None:
    """Have the manifest agree with the files, as whoever forges a folder would."""
    read = manifest.read(folder)
    read.files = _listed(folder)
    (folder / manifest.NAME).write_bytes(manifest.encode(read))
