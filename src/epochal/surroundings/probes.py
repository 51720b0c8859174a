"""The core's own probes, added through the same hook as everybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from epochal.hooks import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable


class Probe(msgspec.Struct, frozen=True):
    """Something to note once of the surroundings of a run, under its name in the note "environment"."""

    name: str
    once: Callable[[], Any]


@hookimpl
def probes() -> list[Probe]:
    """Add the GPUs and the installed packages."""
    return [Probe("gpus", _gpus), Probe("packages", _packages)]


def _gpus() -> Any:
    from . import gpu

    return gpu.describe()


def _packages() -> Any:
    from .packages import packages

    return packages()
