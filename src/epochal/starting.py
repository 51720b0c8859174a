"""Beginning a run: what is asked of `start_run`, checked and turned into its first record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import configuration, context, events, ids, journal, names, settings
from .errors import EpochalError, NotFound
from .tracking import Run, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def start_run(
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    tags: Mapping[str, Any] | Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    run_id: str | None = None,
    *,
    resume: bool = False,
    nested: bool = False,
    durability: str | None = None,
    console: bool | None = None,
) -> Run:
    """Start a run and make it the active one; use it in a ``with`` block, or call ``finish()``.

    ``config`` is a dict, an `argparse.Namespace`, a dataclass, or the path of a YAML or JSON file.
    ``nested=True`` makes the run a child of the active one.  A run that was started without ``with`` and
    is still open is ended as "superseded" (a notebook cell run twice); inside a ``with`` block, starting
    another run without ``nested=True`` raises `EpochalError`.  ``run_id`` with ``resume=True`` goes on
    with a run of this store; `NotFound` if there is none.  ``durability="sync"`` has the disk keep every
    record before the call returns (default: within a second).
    """
    parent = _make_room(nested=nested)
    run = open_run(
        project=project,
        name=name,
        config=config,
        tags=tags,
        group=group,
        job_type=job_type,
        notes=notes,
        run_id=run_id,
        resume=resume,
        durability=durability,
        console=console,
        parent=parent.id if parent else None,
    )
    context.enter(run)
    return run


def reopen(run_id: str, root: Path | None = None) -> Run:
    """Write more into a run that has ended, or that another process owns; its status stays what it is.

    Nothing is opened before the first record.  `NotFound` if the store has no such run.
    """
    root = root or settings.store_root()
    if not ids.valid(run_id) or not journal.run_folder(root, run_id).is_dir():
        raise NotFound(f"no run {run_id} in {root}; `epochal runs` lists those that are there")
    return Run(root, events.Start(run=run_id, writer="", attach=True), durability=settings.load().durability)


def _make_room(*, nested: bool) -> Run | None:
    """The run to be the parent; ends the open run where the next one takes its place."""
    active = context.current_run()
    if nested or active is None:
        return active
    if active.entered or active not in context.open_runs():
        raise EpochalError(
            f"the run {active.name} ({active.id}) is active; pass nested=True to start a child, or finish it"
        )
    active.finish("superseded")
    return None


def open_run(
    *,
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    tags: Mapping[str, Any] | Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    run_id: str | None = None,
    resume: bool = False,
    durability: str | None = None,
    console: bool | None = None,
    parent: str | None = None,
    source: str | None = None,
) -> Run:
    """Begin a run without making it active; `start_run` and the observer engine build on this."""
    chosen = settings.load()
    for what, text in (
        ("project", project),
        ("name", name),
        ("group", group),
        ("job_type", job_type),
        ("notes", notes),
    ):
        if text is not None and not isinstance(text, str):
            raise EpochalError(f"{what} must be text, not {type(text).__name__}")
    root = settings.store_root()
    run_id, resumed = _identify(root, run_id, resume=resume)
    values = configuration.as_mapping(config)
    run = Run(
        root,
        _start(
            run_id,
            resumed=resumed,
            project=project or chosen.project or "default",
            name=name,
            group=group,
            job_type=job_type,
            notes=notes,
            parent=parent,
            source=source,
            tags=words(tags),
        ),
        durability=durability or chosen.durability,
        strict=chosen.strict,
    )
    if values:
        run.config.update(values)
    run.begin(chosen, console=chosen.console if console is None else console)
    return run


def _identify(root: Path, run_id: str | None, *, resume: bool) -> tuple[str, bool]:
    if run_id is None:
        if resume:
            raise EpochalError("resume=True needs the run_id of the run to go on with")
        return ids.new(), False
    if not ids.valid(run_id):
        raise EpochalError(f"{run_id!r} is no run id (32 hexadecimal digits); leave it out and one is made")
    there = journal.run_folder(root, run_id).is_dir()
    if resume and not there:
        raise NotFound(f"no run {run_id} in {root} to resume; `epochal runs` lists those that are there")
    if there and not resume:
        raise EpochalError(f"the run {run_id} exists; pass resume=True to go on with it")
    return run_id, there


def _start(run_id: str, *, resumed: bool, name: str | None, **fields: Any) -> events.Start:
    from . import __version__

    start = events.Start(
        run=run_id,
        writer="",
        name=name or names.name_of(run_id),
        host=os.uname().nodename,
        pid=os.getpid(),
        user=_user(),
        epochal=__version__,
        rank=journal.rank(),
        attach=resumed,
        resumed=resumed,
        **fields,
    )
    for field in ("project", "name", "group", "job_type", "notes"):
        text = getattr(start, field)
        if text is not None:
            setattr(start, field, text.encode("utf-8", "backslashreplace").decode())
    return start


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return str(os.getuid())
