"""Epochal records machine-learning experiments.

``epochal.autolog()`` keeps every training of a supported framework;
``epochal.start_run()`` keeps what you log; ``epochal.runs()`` finds it again.

Importing this package loads what a run needs, from the standard library and msgspec, so that the first
`start_run` is quick; every other name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .starting import start_run
from .tracking import Run

if TYPE_CHECKING:
    from .active import (
        active_run,
        define_metric,
        finish,
        log,
        log_artifact,
        log_dict,
        log_model,
        log_params,
        log_text,
        set_notes,
        set_tags,
    )
    from .autologging import autolog, quiet
    from .configuration import Config, Summary
    from .errors import EpochalError
    from .media import Audio, Figure, Histogram, Html, Image, Table, Text, Video
    from .models import infer_signature, load_model, load_predictor, save_model
    from .store import run, runs

    config: Config
    summary: Summary

__version__ = "0.1.0"

_HOME = {
    "active": (
        "active_run",
        "define_metric",
        "finish",
        "log",
        "log_artifact",
        "log_dict",
        "log_model",
        "log_params",
        "log_text",
        "set_notes",
        "set_tags",
    ),
    "autologging": ("autolog", "quiet"),
    "errors": ("EpochalError",),
    "media": ("Audio", "Figure", "Histogram", "Html", "Image", "Table", "Text", "Video"),
    "models": ("infer_signature", "load_model", "load_predictor", "save_model"),
    "store": ("run", "runs"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Audio",
    "EpochalError",
    "Figure",
    "Histogram",
    "Html",
    "Image",
    "Run",
    "Table",
    "Text",
    "Video",
    "active_run",
    "autolog",
    "config",
    "define_metric",
    "finish",
    "infer_signature",
    "load_model",
    "load_predictor",
    "log",
    "log_artifact",
    "log_dict",
    "log_model",
    "log_params",
    "log_text",
    "quiet",
    "run",
    "runs",
    "save_model",
    "set_notes",
    "set_tags",
    "start_run",
    "summary",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE:
        import importlib

        value = getattr(importlib.import_module(f".{_MODULE[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in {"config", "summary"}:  # of the run that is active at this moment
        from .active import needed
        from .errors import EpochalError as NoRun

        try:
            return getattr(needed(), name)
        except NoRun as error:
            raise AttributeError(f"epochal.{name}: {error}") from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
