"""The other process of FlavorSuite: ``python -m epochal.testing.fresh TASK JOB``.

It knows of a model only its folder and the plugin.  ``answers`` loads each model and
predicts; ``kills`` loads one and saves it again and again, each time in a fork that is
killed one file operation later than the last.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def main(task: str, job_file: str) -> None:
    """Do what the job says and write the result beside it."""
    job = pickle.loads(Path(job_file).read_bytes())
    before = set(sys.modules)
    with using(job["module"], job["file"], job["flavor"]):
        brought = {name.partition(".")[0] for name in set(sys.modules) - before}
        result = {"answers": answers, "kills": kills}[task](job)
    Path(job_file).with_suffix(".result").write_bytes(pickle.dumps({"brought": brought, "result": result}))


def using(module: str, file: str, flavor: str) -> Any:
    """Have the flavor as a plugin; one that is installed has come by its entry point."""
    import contextlib

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


def kills(job: dict[str, Any]) -> list[str]:
    """What was left by a save killed at its n-th file operation, for each n until one lives."""
    from epochal.models import load_model

    _, folder, _, trust = job["cases"][0]
    model = load_model(folder, trust=trust)
    _save(model, job, Path(job["room"]) / "warm")  # what is imported late is imported now
    states = []
    for at in range(1, 200):
        target = Path(job["room"]) / f"kill-{at}" / "model"
        child = os.fork()
        if child == 0:
            _die_at(at, str(target.parent))
            _save(model, job, target)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        states.append(_state(target))
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the save itself failed"
            return states
    raise AssertionError("a save takes more than 200 file operations")


def _save(model: Any, job: dict[str, Any], target: Path) -> None:
    from epochal.models import save_model

    save_model(model, target, flavor=job["flavor"])


def _die_at(at: int, below: str) -> None:
    """Kill this process before its n-th operation on a file below the folder."""
    left = [at]

    def listen(event: str, args: tuple[Any, ...]) -> None:
        paths = [str(arg) for arg in args if isinstance(arg, str | os.PathLike)] if event in EVENTS else []
        if any(path.startswith(below) for path in paths):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)


def _state(target: Path) -> str:
    """``nothing``, ``whole``, or what is wrong."""
    from epochal.models import manifest

    if not target.exists():
        return "nothing"
    try:
        manifest.verify(target, manifest.read(target))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "whole"


if __name__ == "__main__":
    main(*sys.argv[1:])
