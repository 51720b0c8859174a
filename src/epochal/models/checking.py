"""What loading a model would do, without doing any of it: `epochal load-check`."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import msgspec

from epochal import errors

from . import flavors, loading, manifest
from . import trust as trusted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from .loading import Place
    from .manifest import Manifest


class CheckReport(msgspec.Struct, kw_only=True):
    """The answer of `check`; plain data, also as JSON."""

    ref: str
    loads: bool = False
    """Whether ``load_model(ref, trust)`` would go on to construct the model."""
    advice: str = ""
    """What to do next: the exact call, or what to install."""
    type: str = ""
    flavor: str = ""
    flavor_version: int = 0
    executes_code: bool = False
    created: str = ""
    run: str | None = None
    size: int = 0
    files: int = 0
    digests: bool = False
    """Whether every file is as it was saved."""
    python: tuple[str, str] = ("", "")
    """Saved with, here."""
    versions: dict[str, tuple[str, str | None]] = {}
    """Distributions that the model needs: saved with, here (None: not installed)."""
    modules: list[str] = []
    """Modules that it needs and no distribution brings."""
    untrusted: list[str] = []
    """Types to look at: neither reviewed by the flavor nor passed as ``trust``."""
    signature: str = ""
    problems: list[str] = []


def check(ref: str | os.PathLike[str], trust: Iterable[str] = ()) -> CheckReport:
    """Say what ``load_model(ref, trust)`` would do; reads and verifies, imports and builds nothing.

    A reference to nothing raises `errors.NotFound`; everything wrong with a model that is
    there is in the report.
    """
    names = trusted.names(trust)
    with loading.locate(ref) as place:
        report = CheckReport(ref=place.ref)
        try:
            read = manifest.read(place.folder, place.ref)
        except errors.FormatError as error:
            report.problems.append(str(error))
            report.advice = "save the model again"
            return report
        _describe(report, read)
        _verify(report, place, read)
        _audit(report, place, read, names)
    _conclude(report, names)
    return report


def _describe(report: CheckReport, read: Manifest) -> None:
    report.type, report.flavor, report.flavor_version = read.type, read.flavor, read.flavor_version
    report.created, report.run, report.size, report.files = read.created, read.run, read.size, len(read.files)
    report.python = (read.python, platform.python_version())
    report.modules = read.modules
    report.signature = str(read.signature) if read.signature else ""
    changed = {name: now for name, _, now in loading.changed_versions(read)}
    report.versions = {name: (then, changed.get(name, then)) for name, then in read.frameworks.items()}


def _verify(report: CheckReport, place: Place, read: Manifest) -> None:
    try:
        manifest.verify(place.folder, read, place.ref)
        report.digests = True
    except errors.FormatError as error:
        report.problems.append(str(error))


def _audit(report: CheckReport, place: Place, read: Manifest, names: frozenset[str]) -> None:
    try:
        flavor = flavors.named(read.flavor)
        report.executes_code = flavor.executes_code
        loading.supported(place, read, flavor)
        if report.digests:  # what has changed since it was saved is not even looked at
            report.untrusted = sorted(loading.unknown_types(place, read, flavor) - names)
    except errors.EpochalError as error:
        report.problems.append(str(error))


def _conclude(report: CheckReport, names: frozenset[str]) -> None:
    missing = [
        f"{name}=={then.partition('+')[0]}" for name, (then, now) in report.versions.items() if now is None
    ]
    trust = f", trust={sorted(names.union(report.untrusted))!r}" if names or report.untrusted else ""
    call = f"epochal.load_model({report.ref!r}{trust})"
    report.loads = not (report.problems or report.untrusted or missing)
    if report.problems:
        report.advice = "save the model again, or fetch it again from where it came"
    elif missing:
        report.advice = f"pip install {' '.join(missing)}, then {call}"
    elif report.untrusted:
        what = "run any code it likes" if report.executes_code else f"build {', '.join(report.untrusted)}"
        report.advice = f"it can {what}; if you trust where it comes from: {call}"
    else:
        report.advice = call
