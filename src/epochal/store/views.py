"""A run to read: it remembers what it has read; ask the store again to see what has happened since."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from epochal.errors import NotFound

from . import reading, show
from .cells import decode_json
from .reading import Entry, Reader
from .settle import definition, stepping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochal.media.stored import StoredMedia

    from .lists import RunList
    from .series import Buckets, History
    from .store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric as a whole; min, max and mean pass over NaN.

    value stands for it: what the user set, else min, max, mean, best if `define_metric` said so, else last.
    """

    value: Any
    last: float
    min: float
    max: float
    mean: float
    best: float
    count: int
    last_step: int
    step_metric: str | None
    goal: str | None


class Damage(NamedTuple):
    """What could not be read of a run's journals."""

    lines: int
    bytes: int
    missing: int  # records that were written, by their numbers, and are not there

    def __bool__(self) -> bool:
        return any(tuple(self))


class RunView:
    """A run, to read, and to rename, tag, annotate, delete."""

    def __init__(self, store: Store, row: Mapping[str, Any]) -> None:
        self._store, self._row = store, row

    # -- what it is --------------------------------------------------------------------

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return str(self._row["uuid"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._row["name"])

    @property
    def project(self) -> str:
        """The project it belongs to."""
        return str(self._row["project"])

    @property
    def status(self) -> str:
        """running, finished, failed, crashed (its process died), preempted or superseded."""
        return str(self._row["status"])

    @property
    def created(self) -> dt.datetime:
        """When it began, in UTC."""
        return dt.datetime.fromtimestamp(self._row["created"], dt.UTC)

    @property
    def ended(self) -> dt.datetime | None:
        """When it ended, in UTC; of a crashed run, when it was last heard of; None while it runs."""
        ended = self._row["ended"]
        return None if ended is None else dt.datetime.fromtimestamp(ended, dt.UTC)

    @property
    def duration(self) -> float:
        """Seconds from its begin to its end, or to now."""
        ended = self._row["ended"]
        return float((time.time() if ended is None else ended) - self._row["created"])

    @property
    def group(self) -> str | None:
        """The group it was started in."""
        return self._text("group")

    @property
    def job_type(self) -> str | None:
        """What kind of work it was said to be."""
        return self._text("job_type")

    @property
    def source(self) -> str | None:
        """What started it: a framework that was observed, or a script."""
        return self._text("source")

    @property
    def notes(self) -> str | None:
        """What the user wrote about it."""
        return self._text("notes")

    @property
    def user(self) -> str | None:
        """Who ran it."""
        return self._text("user")

    @property
    def host(self) -> str | None:
        """Where it ran."""
        return self._text("host")

    @property
    def deleted(self) -> bool:
        """Whether it is in the bin."""
        return bool(self._row["deleted"])

    @property
    def error(self) -> Entry | None:
        """The exception that ended it: type, text, traceback."""
        return None if self._row["error"] is None else Entry(decode_json(self._row["error"]))

    @property
    def url(self) -> str:
        """Where its journals lie."""
        from epochal.journal import run_folder

        return run_folder(self._store.root, self.id).as_uri()

    def _text(self, name: str) -> str | None:
        value = self._row[name]
        return None if value is None else str(value)

    # -- what it has -------------------------------------------------------------------

    @cached_property
    def params(self) -> dict[str, Any]:
        """Its params, nested config flattened with dots, as they were logged."""
        with self._store.connect() as connection:
            return reading.params_of(connection, [self._number])[self._number]

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its config, nested as it was given."""
        return self._read(lambda reader: reader.documents("config"))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """One number for each metric: the last one, unless `define_metric` or the user said otherwise."""
        with self._store.connect() as connection:
            return reading.metrics_of(connection, [self._number])[self._number]

    @cached_property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        with self._store.connect() as connection:
            return reading.tags_of(connection, [self._number])[self._number]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """`metrics`, and what the user set in ``run.summary``, numbers or not."""
        return dict(
            sorted({**self.metrics, **self._read(lambda reader: reader.documents("summary"))}.items())
        )

    def metric(self, key: str) -> Metric:
        """What is known of one metric as a whole; raises `NotFound`."""
        found = self._metrics.get(key)
        if found is None:
            raise NotFound(self._no_metric(key))
        totals, given = found
        how, goal = definition(key, self._defines)
        step_metric = stepping(key, self._defines)
        value = totals.summary(how, goal) if given is None else given
        return Metric(
            value,
            totals.last,
            totals.summary("min", None),
            totals.summary("max", None),
            totals.summary("mean", None),
            totals.summary("best", goal),
            totals.count,
            totals.last_step,
            step_metric,
            goal,
        )

    @cached_property
    def _metrics(self) -> dict[str, Any]:
        return self._read(lambda reader: reader.metric_rows())

    @cached_property
    def _defines(self) -> list[tuple[str, Any]]:
        return list(self._read(lambda reader: reader.documents("define")).items())

    def keys(self) -> list[str]:
        """The names of the metrics that have points."""
        return self._read(lambda reader: reader.keys())

    @overload
    def history(self, key: str) -> History: ...
    @overload
    def history(self, key: str, buckets: int) -> Buckets: ...
    def history(self, key: str, buckets: int | None = None) -> History | Buckets:
        """All points of a metric in the order of writing, or at most ``buckets`` that show every extreme.

        Raises `NotFound` if it was never logged.
        """
        if key not in self.keys():
            raise NotFound(self._no_metric(key))
        if buckets is not None:
            return self._read(lambda reader: reader.buckets(key, max(1, buckets)))
        return self._read(lambda reader: reader.history(key))

    def system(self) -> dict[str, History]:
        """The machine's load while it ran, by what was measured."""
        return self._read(
            lambda reader: {key: reader.history(key, system=True) for key in reader.keys(system=True)}
        )

    @cached_property
    def artifacts(self) -> list[Entry]:
        """Everything it kept, the last version of each name: name, type, files, size, digest, metadata."""
        return list({one["name"]: one for one in self._read(lambda reader: reader.artifacts())}.values())

    @property
    def files(self) -> list[Entry]:
        """The artifacts that are no models."""
        return [one for one in self.artifacts if one["type"] != "model"]

    @property
    def models(self) -> list[Entry]:
        """The artifacts that are models; load one with ``epochal.load_model("runs:/ID/NAME")``."""
        return [one for one in self.artifacts if one["type"] == "model"]

    def media(self, key: str | None = None) -> list[StoredMedia]:
        """Pictures, tables, histograms, ... in the order of writing; those of one key if it is given."""
        from epochal.artifacts.objects import Objects
        from epochal.media.stored import StoredMedia

        objects = Objects(self._store.root)
        return [StoredMedia(one, objects) for one in self._read(lambda reader: reader.media(key))]

    @cached_property
    def notes_named(self) -> dict[str, Any]:
        """The named documents about it: environment, git, dataset/NAME, ..."""
        return self._read(lambda reader: reader.documents("note"))

    def note(self, name: str) -> Any:
        """One named document, None if it has none of that name."""
        return self._read(lambda reader: reader.note(name))

    @property
    def environment(self) -> dict[str, Any]:
        """Python, packages, machine; empty if it was not looked at."""
        return self.note("environment") or {}

    @property
    def git(self) -> dict[str, Any]:
        """Commit, branch, uncommitted changes; empty outside a repository."""
        return self.note("git") or {}

    def facts(self) -> dict[str, Any]:
        """The parts of environment, git and data sets, flattened, for comparing runs."""
        from .cells import flatten

        return {
            path: value
            for name, data in self.notes_named.items()
            if name in {"environment", "git"} or name.startswith("dataset/")
            for path, value in flatten(name, data).items()
        }

    def console(self, stream: str | None = None) -> str:
        """What it printed: both streams as they came, or "stdout" or "stderr"."""
        return self._read(lambda reader: reader.console(stream))

    @property
    def parent(self) -> str | None:
        """The id of the run it is a part of."""
        return self._text("parent")

    @property
    def children(self) -> RunList:
        """The runs that are parts of it."""
        return self._store.runs(f"parent = '{self.id}' order by created", children=True)

    @cached_property
    def damage(self) -> Damage:
        """What of it could not be read; false if all of it could."""
        sources = self._read(lambda reader: reader.sources())
        missing = sum(max(0, max(s["next_point"], s["next_other"]) - s["records"]) for s in sources)
        return Damage(sum(s["damaged"] for s in sources), sum(s["damaged_bytes"] for s in sources), missing)

    @property
    def dropped(self) -> int:
        """How many records its processes said they could not write."""
        sources = self._read(lambda reader: reader.sources())
        return sum(decode_json(s["end"]).get("dropped", 0) for s in sources if s["end"])

    # -- changing it -------------------------------------------------------------------

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._change("update", {"name": str(name)})

    def set_notes(self, notes: str) -> None:
        """Write about it; replaces what was written."""
        self._change("update", {"notes": str(notes)})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; None removes one."""
        self._change("tags", {"values": {str(k): None if v is None else str(v) for k, v in tags.items()}})

    def delete(self) -> None:
        """Put it into the bin: hidden, and all of it kept."""
        self._change("update", {"deleted": True})

    def undelete(self) -> None:
        """Take it out of the bin."""
        self._change("update", {"deleted": False})

    def purge(self) -> None:
        """Delete it for good; raises `StoreError` while it is being written."""
        self._store.purge(self.id)

    def _change(self, kind: str, data: dict[str, Any]) -> None:
        self._store.append(self.id, kind, data)
        with self._store.connect() as connection:
            self._row = reading.run_row(connection, self.id)
        for name in [name for name in vars(self) if name not in {"_store", "_row"}]:
            delattr(self, name)

    # -- inside ------------------------------------------------------------------------

    @property
    def _number(self) -> int:
        return int(self._row["id"])

    def _read(self, ask: Callable[[Reader], T]) -> T:
        with self._store.connect() as connection:
            return ask(Reader(connection, self._number))

    def _no_metric(self, key: str) -> str:
        import difflib

        keys = self.keys()
        near = difflib.get_close_matches(key, keys, 3, 0.5) or keys[:8]
        have = (
            f"it has {', '.join(near)}{', ...' if len(keys) > len(near) else ''}" if keys else "it has none"
        )
        return f"run {self.id[:12]} ({self.name}) has no metric {key!r}; {have}"

    def __repr__(self) -> str:
        return show.run_text(self)

    def _repr_html_(self) -> str:
        return show.run_html(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunView) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)
