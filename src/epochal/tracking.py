"""Run: what a user holds while training; it turns calls into records of the journal.

`log` is the hot path: plain numbers go into one JSON line and one `write(2)`.
Everything that is not a plain number takes the slow path, where it is made one,
kept as media, or refused by name: a value that cannot be kept is warned of once
and counted, and the rest of the call is kept (with the setting ``strict``, raised).
"""

from __future__ import annotations

import fnmatch
import getpass
import os
import threading
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import configuration, context, endings, errors, events, ids, journal, names, settings
from .errors import EpochalError, NotFound, ValueRefused

if TYPE_CHECKING:
    from types import TracebackType

    from .models.manifest import Manifest
    from .surroundings.console import Capture
    from .surroundings.sampler import Sampler

_SUMMARIES = ("min", "max", "mean", "best", "last")
_GOALS = ("minimize", "maximize")
_STATUSES = ("finished", "failed", "preempted", "superseded")
_EXACT = 2**53
_INT64 = 2**63


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
    run = open_run(project=project, name=name, config=config, tags=tags, group=group, job_type=job_type, notes=notes,
                   run_id=run_id, resume=resume, durability=durability, console=console,
                   parent=parent.id if parent else None)  # fmt: skip
    context.enter(run)
    return run


def _make_room(*, nested: bool) -> Run | None:
    """The run to be the parent; ends the open run where the next one takes its place."""
    active = context.current_run()
    if nested or active is None:
        return active
    if active.entered or active not in context.open_runs():
        raise EpochalError(
            f"the run {active.name} ({active.id}) is active; pass nested=True to start a child of it, or finish it first"
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
    run = Run(root, _start(run_id, resumed=resumed, project=project or chosen.project or "default", name=name, group=group,
                           job_type=job_type, notes=notes, parent=parent, source=source, tags=_tags(tags)),
              durability=durability or chosen.durability, strict=chosen.strict)  # fmt: skip
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
        raise EpochalError(
            f"{run_id!r} is no run id: those are 32 hexadecimal digits, and start_run() makes one if you give none"
        )
    there = journal.run_folder(root, run_id).is_dir()
    if resume and not there:
        raise NotFound(f"no run {run_id} in {root} to resume; `epochal runs` lists those that are there")
    if there and not resume:
        raise EpochalError(f"the run {run_id} exists; pass resume=True to go on with it")
    return run_id, there


def _start(run_id: str, *, resumed: bool, name: str | None, **fields: Any) -> events.Start:
    from . import __version__

    start = events.Start(run=run_id, writer="", name=name or names.name_of(run_id), host=os.uname().nodename,
                         pid=os.getpid(), user=_user(), epochal=__version__, rank=_rank(), attach=resumed,
                         resumed=resumed, **fields)  # fmt: skip
    for field in ("project", "name", "group", "job_type", "notes"):
        text = getattr(start, field)
        if text is not None:
            setattr(start, field, text.encode("utf-8", "backslashreplace").decode())
    return start


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return str(os.getuid())


def _rank() -> int:
    text = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0"
    return int(text) if text.isdecimal() else 0


def _tags(tags: Mapping[str, Any] | Iterable[str] | None) -> dict[str, str]:
    if tags is None:
        return {}
    if isinstance(tags, str):
        tags = [tags]
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag, "") for tag in tags)
    return {_text(key): _text(value) for key, value in pairs}


def _text(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


class Run:
    """One training, being recorded.  Made by `start_run`; methods may be called from any thread."""

    def __init__(
        self, root: Path, start: events.Start, *, durability: str = "second", strict: bool = False
    ) -> None:
        self.store = root
        self.id, self.name, self.project = start.run, start.name, start.project
        self.status = "running"
        self.entered = False
        """Whether a ``with`` block owns this run."""
        self.tags = dict(start.tags)
        self.config = configuration.Config(changed=self._config_changed)
        self.summary = configuration.Summary(self._summary_changed)
        self.error_before = endings.last_error()
        self.refused = 0
        self._strict = strict
        self._start, self._durability = start, durability
        self._definitions: list[events.Define] = []
        self._means: dict[str, tuple[int, float]] = {}
        self._kept: dict[str, float] = {}
        self._last = self.summary.last
        self._step = _last_step(root, self.id) if start.resumed else -1
        self._closing = threading.RLock()
        self._probe: threading.Thread | None = None
        self._sampler: Sampler | None = None
        self._capture: Capture | None = None
        self._forked = False
        self._writer: journal.Writer | journal.Deferred = journal.Writer(root, start, durability=durability)

    # -- logging ---------------------------------------------------------------------

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers, and media, at a step.

        Numbers may be Python's, NumPy's, or 0-d tensors; nested mappings become ``outer/inner``.  Without
        ``step`` it is one more than the last.  Steps may repeat, go back, or be negative: all points are kept.
        When this returns the record is in the kernel: killing the process does not lose it.
        """
        try:
            for key, value in values.items():
                kind = type(value)
                if (
                    (kind is not float or value - value != 0.0)  # NaN and infinities are spelled out, slowly
                    and (kind is not int or not -_EXACT <= value <= _EXACT)
                ) or type(key) is not str:
                    raise TypeError
            if step is None:
                step = self._step + 1
            elif type(step) is not int or not -_INT64 <= step < _INT64:
                raise TypeError
            self._writer.write("metrics", events.Metrics(step, values))  # type: ignore[arg-type]
        except (TypeError, AttributeError, UnicodeError):
            self._log_slowly(values, step)
            return
        self._step = step
        self._last.update(values)
        if self._definitions:
            self._summarise(values)

    def _log_slowly(self, values: Any, step: Any) -> None:
        from . import media, values as convert

        if not isinstance(values, Mapping):
            self._refuse("log()", f"takes a mapping of names to values, not {convert.describe(values)}")
            return
        at = self._step_of(step)
        if at is None:
            return
        numbers: dict[str, Any] = {}
        for key, value in convert.flatten(values, "/").items():
            try:
                name = convert.check_key(key)
                item = media.wrap(value)
                if item is not None:
                    self._write_media(name, item, at)
                else:
                    numbers[name] = convert.scalar(value)
            except ValueRefused as error:
                self._refuse(str(key), str(error))
            except Exception as error:  # noqa: BLE001 - a user's object may raise anything
                self._refuse(str(key), f"{type(error).__name__}: {error}")
        self._step = at
        if numbers:
            self._write("metrics", events.Metrics(at, {k: _spelled(v) for k, v in numbers.items()}))
            self._last.update(numbers)
            self._summarise(numbers)

    def _step_of(self, step: Any) -> int | None:
        if step is None:
            return self._step + 1
        try:
            number = int(step.item() if hasattr(step, "item") else step)
            if number == step and -_INT64 <= number < _INT64:
                return number
        except (TypeError, ValueError, OverflowError):
            pass
        self._refuse(
            "step", f"{step!r} is not a whole number of 64 bits; log other axes as metrics of their own"
        )
        return None

    def _refuse(self, key: str, reason: str) -> None:
        self.refused += 1
        message = f"{key!r} was not logged: {reason}"
        if self._strict:
            raise ValueRefused(message)
        errors.warn_once((self.id, key, reason), "epochal: %s", message)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; nested mappings become ``outer.inner``, any object becomes JSON or its repr."""
        from . import values as convert

        flat = convert.flatten(configuration.as_mapping(params), ".")
        self._write(
            "params", events.Values({_text(key): convert.plain(value) for key, value in flat.items()})
        )

    def set_tags(self, tags: Mapping[str, Any] | Iterable[str]) -> None:
        """Set tags: a mapping, or bare words.  A value of None removes the tag."""
        removed = (
            {key for key, value in tags.items() if value is None} if isinstance(tags, Mapping) else set()
        )
        values: dict[str, str | None] = {k: v for k, v in _tags(tags).items() if k not in removed}
        self.tags = {k: v for k, v in {**self.tags, **values}.items() if k not in removed and v is not None}
        self._write("tags", events.Tags({**values, **dict.fromkeys(map(_text, removed))}))

    def set_notes(self, notes: str) -> None:
        """Replace the text that describes this run."""
        self._write("update", events.Update(notes=_text(notes)))

    def define_metric(
        self, name: str, step_metric: str | None = None, summary: str | None = None, goal: str | None = None
    ) -> None:
        """Say how a metric, or all that match a glob ("val/*"), is drawn and summarised.

        ``summary`` is "min", "max", "mean", "best" or "last" (the default); "best" needs ``goal``, which is
        "minimize" or "maximize".  ``step_metric`` names the metric that is its x axis.
        """
        if summary is not None and summary not in _SUMMARIES:
            raise EpochalError(f"no summary named {summary!r}; there are: {', '.join(_SUMMARIES)}")
        if goal is not None and goal not in _GOALS:
            raise EpochalError(f"no goal named {goal!r}; there are: {', '.join(_GOALS)}")
        if summary == "best" and goal is None:
            raise EpochalError(
                f"the best {name!r} is the smallest or the largest? Say goal='minimize' or 'maximize'"
            )
        definition = events.Define(metric=name, step_metric=step_metric, summary=summary, goal=goal)
        self._definitions.append(definition)
        self._write("define", definition)

    def log_note(self, name: str, data: Any) -> None:
        """Keep a named JSON document with the run; the last one of a name counts."""
        from .values import plain

        self._write("note", events.Note(_text(name), plain(data)))

    def log_media(self, key: str, value: Any, step: int | None = None) -> None:
        """Log a picture, table, figure, histogram, ... under a key; raises `ValueRefused` if it is none."""
        from . import media, values as convert

        item = media.wrap(value)
        if item is None:
            raise ValueRefused(
                f"{key!r}: {convert.describe(value)} is no picture, table, figure, histogram, text, sound or film"
            )
        at = self._step_of(step if step is not None else max(self._step, 0))
        if at is not None:
            self._write_media(convert.check_key(key), item, at)

    def _write_media(self, key: str, item: Any, step: int) -> None:
        encoded = item.encode()
        objects = self._objects()
        files = []
        for name, content, mime in encoded.files:
            blob = (
                objects.put_bytes(content) if isinstance(content, bytes) else objects.put_file(Path(content))
            )
            files.append(events.File(name, blob.digest, blob.size, mime))
        self._write("media", events.Media(key, step, encoded.type, files, encoded.data, encoded.caption))

    # -- files and models ----------------------------------------------------------------

    def log_artifact(
        self, path: str | os.PathLike[str], name: str | None = None, type: str = "file",  # noqa: A002 - the field's word
        metadata: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Keep a file, or a folder with all its files, as it is now.

        Raises `NotFound` if it is not there, `StoreError` if it changes meanwhile or holds what is no file.
        """
        from .artifacts.objects import walk

        source = Path(path)
        objects, files = self._objects(), []
        for inner, file in walk(source):
            blob = objects.put_file(file)
            files.append(events.File(_text(inner), blob.digest, blob.size))
        self._write_artifact(name or source.resolve().name, type, files, metadata)

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as a file named ``name``."""
        self._keep_bytes(text.encode("utf-8", "backslashreplace"), name)

    def log_dict(self, content: Mapping[str, Any], name: str) -> None:
        """Keep a mapping as a JSON file named ``name``."""
        import json

        from .values import plain

        self._keep_bytes(json.dumps(plain(content), indent=2, ensure_ascii=False).encode(), name)

    def _keep_bytes(self, data: bytes, name: str) -> None:
        blob = self._objects().put_bytes(data)
        self._write_artifact(name, "file", [events.File(_text(name), blob.digest, blob.size)], None)

    def log_model(
        self,
        model: Any,
        name: str = "model",
        *,
        flavor: str | None = None,
        example: Any = None,
        signature: Any = None,
        requirements: list[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Keep a model; ``epochal.load_model("runs:/ID/NAME")`` brings it back.

        The flavor follows from the model's class unless it is named.  Raises what `save_model` raises.
        """
        import tempfile

        from .artifacts.objects import walk
        from .models import save_model

        objects = self._objects()
        with tempfile.TemporaryDirectory(dir=objects.scratch()) as scratch:
            folder = Path(scratch) / "model"
            manifest = save_model(model, folder, flavor=flavor, example=example, signature=signature,
                                  requirements=requirements, metadata=metadata, run_id=self.id)  # fmt: skip
            files = [events.File(inner, *objects.adopt(file)) for inner, file in walk(folder)]
        self._write_artifact(name, "model", files, manifest.summary())
        return manifest

    def _write_artifact(
        self, name: str, kind: str, files: list[events.File], metadata: Mapping[str, Any] | None
    ) -> None:
        import blake3
        import msgspec

        from .values import plain

        content = msgspec.json.encode([(f.path, f.digest, f.size) for f in files])
        self._write("artifact", events.Artifact(_text(name), kind, files, sum(f.size for f in files),
                                                blake3.blake3(content).hexdigest(), plain(dict(metadata or {}))))  # fmt: skip

    def _objects(self) -> Any:
        from .artifacts.objects import Objects

        return Objects(self.store)

    # -- beginning and end -----------------------------------------------------------------

    def begin(self, chosen: settings.Settings, *, console: bool) -> None:
        """Start what accompanies a run: probes of the surroundings, load samples, console."""
        from . import probing

        endings.watch(self)
        with errors.guard("epochal", "start of a run"):
            probing.begin(self, chosen, console=console)

    def accompany(
        self, *, probe: threading.Thread | None = None, sampler: Any = None, capture: Any = None
    ) -> None:
        """What has to be ended with this run."""
        self._probe = probe or self._probe
        self._sampler = sampler or self._sampler
        self._capture = capture or self._capture

    def child(
        self, name: str | None = None, config: Any = None, tags: Any = None, source: str | None = None
    ) -> Run:
        """Open a run below this one; it is not made active. End it with ``finish()`` or use it in a ``with`` block."""
        return open_run(project=self.project, name=name, config=config, tags=tags, parent=self.id, source=source,
                        durability=self._durability, console=False)  # fmt: skip

    def finish(self, status: str = "finished", error: events.Failure | None = None) -> None:
        """End the run.  Never waits for more than the disk; calling it again does nothing."""
        if status not in _STATUSES:
            raise EpochalError(f"a run cannot end as {status!r}; it can be {', '.join(_STATUSES)}")
        with self._closing:
            if self.status != "running":
                return
            self._stop_companions()
            if not self._forked:  # a forked child leaves the end to the run's own process
                writer = self._writer
                self._write(
                    "end", events.End(status, error, writer.emitted + 1, writer.dropped, self.refused)
                )
            self.status = status
        endings.forget(self)
        context.leave(self)
        self._close_when_probed()

    def fail(self, error: BaseException) -> None:
        """End the run by an exception: "failed" with its text, or "finished" for ``sys.exit(0)``."""
        if isinstance(error, SystemExit) and error.code in (None, 0):
            self.finish()
            return
        text = _text("".join(traceback.format_exception_only(error)).strip())
        trace = _text("".join(traceback.format_exception(error)))
        self.finish("failed", events.Failure(type(error).__qualname__, text, trace[-20_000:]))

    def _stop_companions(self) -> None:
        for companion in (self._sampler, self._capture):
            if companion is not None:
                with errors.guard("epochal", "end of a run"):
                    companion.stop()

    def _close_when_probed(self) -> None:
        """Close the journal now, or leave that to the probe that still has something to say."""
        if self._probe is None or not self._probe.is_alive():
            self._writer.close()

    def probed(self) -> None:
        """The probe has said everything; called by its thread."""
        with self._closing:
            self._probe = None
            if self.status != "running":
                self._writer.close()

    def flush(self) -> None:
        """Wait until the surroundings are noted and the disk has everything."""
        probe = self._probe
        if probe is not None:
            probe.join(10)
        self._writer.sync()

    def event(self, kind: str, data: Any) -> None:
        """Append a record of any kind; for plugins with events of their own."""
        self._write(kind, data)

    @property
    def url(self) -> str:
        """Where the run can be looked at: the folder of its journals, as a file: URL."""
        return journal.run_folder(self.store, self.id).as_uri()

    def __enter__(self) -> Run:
        self.entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.fail(error)

    def __repr__(self) -> str:
        return f"<Run {self.name} {self.id} {self.status}>"

    # -- inside ----------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In a forked child: the parent's file is not ours; the first record opens one of our own."""
        self._forked = True
        self._closing = threading.RLock()
        self._probe = self._sampler = self._capture = None
        self._writer = journal.Deferred(self._attach)

    def _write(self, kind: str, data: Any) -> None:
        self._writer.write(kind, data)

    def _attach(self) -> journal.Writer:
        start = events.Start(
            run=self.id, writer="", host=os.uname().nodename, pid=os.getpid(), rank=_rank(), attach=True
        )
        self._writer = writer = journal.Writer(self.store, start, durability=self._durability)
        return writer

    def _config_changed(self, key: str) -> None:
        from .values import plain

        value = self.config[key]
        value = value.to_dict() if isinstance(value, configuration.Config) else value
        self._write("config", events.Values({_text(key): plain(value)}))

    def _summary_changed(self, key: str, value: Any) -> None:
        from .values import plain

        self._write("summary", events.Values({_text(key): plain(value)}))

    def _summarise(self, values: Mapping[str, Any]) -> None:
        """Keep ``summary`` as `define_metric` asks for; the projection computes the same from the points."""
        for key, value in values.items():
            definition = next((d for d in reversed(self._definitions)
                               if d.summary and fnmatch.fnmatchcase(key, d.metric)), None)  # fmt: skip
            if definition is None:
                continue
            count, total = self._means.get(key, (0, 0.0))
            self._means[key] = (count + 1, total + value)
            kept = self._kept.get(key, value)
            smaller = definition.summary == "min" or definition.goal == "minimize"
            if definition.summary == "mean":
                kept = (total + value) / (count + 1)
            elif definition.summary != "last":
                kept = (min if smaller else max)(kept, value)
            else:
                kept = value
            self._kept[key] = self._last[key] = kept


def _spelled(value: float) -> float | str:
    """A number as JSON can say it."""
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - the test for NaN


def _last_step(root: Path, run_id: str) -> int:
    """The highest step a run has reached, from its journals."""
    steps = [record.data["step"] for file in journal.run_folder(root, run_id).glob("*.jsonl")
             for record in journal.read(file) if record.kind == "metrics"]  # fmt: skip
    return max(steps, default=-1)
