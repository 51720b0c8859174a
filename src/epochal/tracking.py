"""Run: what a user holds while training; it turns calls into records of the journal.

`log` is the hot path: plain numbers go into one JSON line and one `write(2)`.
Everything that is not a plain number takes the slow path, where it is made one,
kept as media, or refused by name: a value that cannot be kept is warned of once
and counted, and the rest of the call is kept (with the setting ``strict``, raised).
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import configuration, context, endings, errors, events, journal, keeping
from .errors import EpochalError, ValueRefused

if TYPE_CHECKING:
    from types import TracebackType

    from . import settings
    from .models.manifest import Manifest
    from .surroundings.console import Capture
    from .surroundings.sampler import Sampler

_SUMMARIES = ("min", "max", "mean", "best", "last")
_GOALS = ("minimize", "maximize")
_STATUSES = ("finished", "failed", "preempted", "superseded")
_EXACT = 2**53
_INT64 = 2**63


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
        self._definitions = self.summary.definitions
        self._last = self.summary.last
        self._step = journal.last_step(root, self.id) if start.resumed else -1
        self._closing = threading.RLock()
        self._probe: threading.Thread | None = None
        self._sampler: Sampler | None = None
        self._capture: Capture | None = None
        self._attached = start.attach and not start.resumed
        """Whether the run's beginning and end are somebody else's: those of another process, or long past."""
        self._writer: journal.Writer | journal.Deferred = (
            journal.Deferred(self._attach)
            if self._attached
            else journal.Writer(root, start, durability=durability)
        )

    # -- logging ---------------------------------------------------------------------

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers, and media, at a step.

        Numbers may be Python's, NumPy's, or 0-d tensors; nested mappings become ``outer/inner``.  ``step``
        is one more than the last if not given; it may repeat, go back, or be negative: all points are kept.
        When this returns the record is in the kernel: killing the process does not lose it.
        """
        try:
            for key, value in values.items():
                kind = type(value)
                if (
                    (kind is not float or value - value != 0.0)  # NaN and infinities are spelled out, slowly
                    and (kind is not int or not -_EXACT <= value <= _EXACT)
                ) or (type(key) is not str or not key):
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
            self.summary.track(values)

    def _log_slowly(self, values: Any, step: Any) -> None:
        from . import values as convert

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
                try:
                    numbers[name] = convert.scalar(value)
                except ValueRefused:
                    if not self._logged_as_media(name, value, at):
                        raise
            except ValueRefused as error:
                self._refuse(str(key), str(error))
            except Exception as error:
                self._refuse(str(key), f"{type(error).__name__}: {error}")
        self._step = at
        if numbers:
            self._write("metrics", events.Metrics(at, {k: convert.plain(v) for k, v in numbers.items()}))
            self._last.update(numbers)
            self.summary.track(numbers)

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
        self._write("params", events.Values({utf8(key): convert.plain(value) for key, value in flat.items()}))

    def set_tags(self, tags: Mapping[str, Any] | Iterable[str]) -> None:
        """Set tags: a mapping, or bare words.  A value of None removes the tag."""
        removed = (
            {key for key, value in tags.items() if value is None} if isinstance(tags, Mapping) else set()
        )
        values: dict[str, str | None] = {k: v for k, v in words(tags).items() if k not in removed}
        self.tags = {k: v for k, v in {**self.tags, **values}.items() if k not in removed and v is not None}
        self._write("tags", events.Tags({**values, **dict.fromkeys(map(utf8, removed))}))

    def set_notes(self, notes: str) -> None:
        """Replace the text that describes this run."""
        self._write("update", events.Update(notes=utf8(notes)))

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

        self._write("note", events.Note(utf8(name), plain(data)))

    def log_media(self, key: str, value: Any, step: int | None = None) -> None:
        """Log a picture, table, figure, histogram, ... under a key; raises `ValueRefused` if it is none."""
        from . import values as convert

        at = self._step_of(step if step is not None else max(self._step, 0))
        if at is not None and not self._logged_as_media(convert.check_key(key), value, at):
            kinds = "picture, table, figure, histogram, text, sound or film"
            raise ValueRefused(f"{key!r}: {convert.describe(value)} is no {kinds}")

    def _logged_as_media(self, key: str, value: Any, step: int) -> bool:
        from . import media

        item = media.wrap(value)
        if item is not None:
            self._write("media", keeping.keep_media(self.store, key, item, step))
        return item is not None

    # -- files and models ----------------------------------------------------------------

    def log_artifact(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        type: str = "file",  # noqa: A002 - the field's word
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep a file, or a folder with all its files, as it is now.

        Raises `NotFound` if it is not there, `StoreError` if it changes meanwhile or holds what is no file.
        """
        self._write("artifact", keeping.keep_path(self.store, Path(path), name, type, metadata))

    def log_text(self, content: str, name: str) -> None:
        """Keep a text as a file named ``name``."""
        self._write(
            "artifact", keeping.keep_bytes(self.store, content.encode("utf-8", "backslashreplace"), name)
        )

    def log_dict(self, content: Mapping[str, Any], name: str) -> None:
        """Keep a mapping as a JSON file named ``name``."""
        import json

        from .values import plain

        data = json.dumps(plain(content), indent=2, ensure_ascii=False).encode()
        self._write("artifact", keeping.keep_bytes(self.store, data, name))

    def log_model(self, model: Any, name: str = "model", **options: Any) -> Manifest:
        """Keep a model; ``epochal.load_model("runs:/ID/NAME")`` brings it back.

        Takes the options of `save_model` (``flavor``, ``example``, ``signature``, ``requirements``,
        ``metadata``) and raises what it raises.
        """
        event, manifest = keeping.keep_model(self.store, model, name, {**options, "run_id": self.id})
        self._write("artifact", event)
        return manifest

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
        """Open a run below this one, without making it active; end it with ``finish()`` or ``with``."""
        from . import starting

        return starting.open_run(
            project=self.project,
            name=name,
            config=config,
            tags=tags,
            parent=self.id,
            source=source,
            durability=self._durability,
            console=False,
        )

    def finish(self, status: str = "finished", error: events.Failure | None = None) -> None:
        """End the run.  Never waits for more than the disk; calling it again does nothing."""
        if status not in _STATUSES:
            raise EpochalError(f"a run cannot end as {status!r}; it can be {', '.join(_STATUSES)}")
        with self._closing:
            if self.status != "running":
                return
            self._stop_companions()
            if not self._attached:
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
        from .surroundings.redact import redact

        text = redact(utf8("".join(traceback.format_exception_only(error)).strip()))
        trace = redact(utf8("".join(traceback.format_exception(error)))[-20_000:])
        self.finish("failed", events.Failure(type(error).__qualname__, text, trace))

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

    def __enter__(self) -> Self:
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
        self._attached = True
        self._closing = threading.RLock()
        self._probe = self._sampler = self._capture = None
        self._writer = journal.Deferred(self._attach)

    def _write(self, kind: str, data: Any) -> None:
        self._writer.write(kind, data)

    def _attach(self) -> journal.Writer:
        start = events.Start(
            run=self.id,
            writer="",
            host=os.uname().nodename,
            pid=os.getpid(),
            rank=journal.rank(),
            attach=True,
        )
        self._writer = writer = journal.Writer(self.store, start, durability=self._durability)
        return writer

    def _config_changed(self, key: str) -> None:
        from .values import plain

        value = self.config[key]
        value = value.to_dict() if isinstance(value, configuration.Config) else value
        self._write("config", events.Values({utf8(key): plain(value)}))

    def _summary_changed(self, key: str, value: Any) -> None:
        from .values import plain

        self._write("summary", events.Values({utf8(key): plain(value)}))


def utf8(value: object) -> str:
    """Any object as text that UTF-8 can hold."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def words(tags: Mapping[str, Any] | Iterable[str] | None) -> dict[str, str]:
    """Tags from a mapping or from bare words."""
    if tags is None:
        return {}
    if isinstance(tags, str):
        tags = [tags]
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag, "") for tag in tags)
    return {utf8(key): utf8(value) for key, value in pairs}
