"""The functions of the package that act on the active run: ``epochal.log(...)`` and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .context import current_run
from .errors import EpochalError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from .models.manifest import Manifest
    from .tracking import Run


def active_run() -> Run | None:
    """The run that is active here, or None."""
    return current_run()


def needed() -> Run:
    """The active run; raises `EpochalError` if there is none."""
    run = current_run()
    if run is None:
        raise EpochalError("no run is active; start one with epochal.start_run()")
    return run


def finish(status: str = "finished") -> None:
    """End the active run; does nothing if there is none."""
    run = current_run()
    if run is not None:
        run.finish(status)


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """Log numbers and media to the active run; see `Run.log`."""
    needed().log(values, step)


def log_params(params: Mapping[str, Any]) -> None:
    """Log parameters to the active run; see `Run.log_params`."""
    needed().log_params(params)


def set_tags(tags: Mapping[str, Any] | Iterable[str]) -> None:
    """Tag the active run; see `Run.set_tags`."""
    needed().set_tags(tags)


def set_notes(notes: str) -> None:
    """Describe the active run."""
    needed().set_notes(notes)


def define_metric(
    name: str, step_metric: str | None = None, summary: str | None = None, goal: str | None = None
) -> None:
    """Say how a metric of the active run is drawn and summarised; see `Run.define_metric`."""
    needed().define_metric(name, step_metric, summary, goal)


def log_artifact(
    path: str | os.PathLike[str],
    name: str | None = None,
    type: str = "file",  # noqa: A002 - the field's word
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Keep a file or folder with the active run; see `Run.log_artifact`."""
    needed().log_artifact(path, name, type, metadata)


def log_text(text: str, name: str) -> None:
    """Keep a text as a file of the active run."""
    needed().log_text(text, name)


def log_dict(content: Mapping[str, Any], name: str) -> None:
    """Keep a mapping as a JSON file of the active run."""
    needed().log_dict(content, name)


def log_model(model: Any, name: str = "model", **options: Any) -> Manifest:
    """Keep a model with the active run; see `Run.log_model`."""
    return needed().log_model(model, name, **options)
