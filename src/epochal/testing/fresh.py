"""The other process of FlavorSuite: ``python -m epochal.testing.fresh TASK JOB``.

It knows of a model only its folder and the plugin.  ``answers`` loads each model and
predicts; ``killed`` loads one and saves it, until the process is killed at one of the
save's file operations.  It is never forked: a fork of a process that has used a
framework may wait for ever for threads that it has not.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def main(task: str, job_file: str) -> None:
    """Do what the job says and write the result beside it."""
    job = pickle.loads(Path(job_file).read_bytes())
    before = set(sys.modules)
    with using(job["module"], job["file"], job["flavor"]):
        brought = {name.partition(".")[0] for name in set(sys.modules) - before}
        result = {"answers": answers, "killed": killed}[task](job)
    Path(job_file).with_suffix(".result").write_bytes(pickle.dumps({"brought": brought, "result": result}))


def using(module: str, file: str, flavor: str) -> Any:
    """Have the flavor as a plugin; one that is installed has come by its entry point."""
    from epochal import plugins

    if flavor in plugins.registry("flavors"):
        return contextlib.nullcontext()
    return plugins.using(flavor_suite=_import(module, file))


def _import(name: str, file: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def answers(job: dict[str, Any]) -> dict[str, Any]:
    """What each model answers; an error is an answer too."""
    from epochal.models import load_predictor

    found: dict[str, Any] = {}
    for name, folder, data, trust in job["cases"]:
        try:
            predictor = load_predictor(folder, trust=trust)
            found[name] = ("answer", None if data is None else predictor.predict(pickle.loads(data)))
        except Exception as error:
            found[name] = ("error", f"{type(error).__name__}: {error}")
    return found


def killed(job: dict[str, Any]) -> None:
    """Save the model and be killed before the save's n-th file operation; returns if it has fewer."""
    from epochal.models import load_model, save_model

    _, folder, _, trust = job["cases"][0]
    model = load_model(folder, trust=trust)
    save_model(model, Path(job["room"]) / "warm", flavor=job["flavor"])  # imports what is imported late
    left = [job["at"]]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with each_operation(Path(job["target"]).parent, count):
        save_model(model, job["target"], flavor=job["flavor"])


@contextlib.contextmanager
def each_operation(below: Path, told: Callable[[], None]) -> Iterator[None]:
    """Call ``told`` before each operation on a file below the folder that Python makes in this block."""
    _listen()
    _told.append((str(below), told))
    try:
        yield
    finally:
        _told.pop()


_told: list[tuple[str, Callable[[], None]]] = []


@functools.cache
def _listen() -> None:
    """Have Python tell of what it does: once, since an audit hook stays for the life of the process."""

    def listen(event: str, args: tuple[Any, ...]) -> None:
        if _told and event in EVENTS:
            paths = [str(arg) for arg in args if isinstance(arg, str | os.PathLike)]
            for root, told in _told:
                if any(path.startswith(root) for path in paths):
                    told()

    sys.addaudithook(listen)


if __name__ == "__main__":
    main(*sys.argv[1:])
