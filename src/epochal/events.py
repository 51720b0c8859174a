"""The kinds of event that a journal holds, each with its fields.

A record says one thing that happened.  Everything a reader shows is computed from
records, so their shapes are the format that must stay readable for ever.

The format's version is `FORMAT`.  To raise it: keep every field that was ever
written readable (fields may be added, with a default; none may change its meaning),
keep a journal of the old format in `tests/formats/`, and let the projection
understand both.  A *new kind* needs no new version: readers skip what they do not know.
"""

from __future__ import annotations

from typing import Any

import msgspec

FORMAT = 1

Json = Any
"""Whatever JSON can say; non-finite floats are the strings "NaN", "Infinity", "-Infinity"."""


class Start(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A process begins to write; the first one of a run (``attach`` false) names the run."""

    run: str
    writer: str
    format: int = FORMAT
    project: str = "default"
    name: str = ""
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    source: str | None = None
    parent: str | None = None
    tags: dict[str, str] = {}
    rank: int = 0
    host: str = ""
    pid: int = 0
    user: str = ""
    locked: bool = False
    attach: bool = False
    resumed: bool = False
    epochal: str = ""


class Values(msgspec.Struct):
    """Params, config (by top-level key), user-set summary values; the last write wins."""

    values: dict[str, Json]


class Metrics(msgspec.Struct):
    """Numbers at one step."""

    step: int
    values: dict[str, Json]


class Tags(msgspec.Struct):
    """Tags set; None removes one."""

    values: dict[str, str | None]


class Define(msgspec.Struct, omit_defaults=True):
    """How a metric, or all that match a glob, is summarised and drawn."""

    metric: str
    step_metric: str | None = None
    summary: str | None = None
    goal: str | None = None


class File(msgspec.Struct, omit_defaults=True):
    """A file kept in the object store under its BLAKE3 digest; ``path`` is its name for the user only."""

    path: str
    digest: str
    size: int
    mime: str | None = None


class Artifact(msgspec.Struct, omit_defaults=True):
    """Files with a name: data, a model, a text."""

    name: str
    type: str
    files: list[File]
    size: int
    digest: str
    metadata: dict[str, Json] = {}


class Media(msgspec.Struct, omit_defaults=True):
    """A picture, table, histogram, ... logged under a key at a step."""

    key: str
    step: int
    type: str
    files: list[File] = []
    data: dict[str, Json] = {}
    caption: str | None = None


class Text(msgspec.Struct):
    """What the program printed."""

    stream: str
    text: str


class System(msgspec.Struct, omit_defaults=True):
    """The machine's load at this moment."""

    values: dict[str, Json]
    rank: int = 0


class Note(msgspec.Struct):
    """A named JSON document about the run: its environment, data, git state; the last write wins."""

    name: str
    data: Json


class Update(msgspec.Struct, omit_defaults=True):
    """A change of the run's own fields, possibly long after its end."""

    name: str | None = None
    notes: str | None = None
    group: str | None = None
    project: str | None = None
    deleted: bool | None = None


class Failure(msgspec.Struct):
    """The exception that ended a run."""

    type: str
    text: str
    traceback: str = ""


class End(msgspec.Struct, omit_defaults=True):
    """A process has stopped writing.  emitted = written + dropped, by this writer."""

    status: str
    error: Failure | None = None
    emitted: int = 0
    dropped: int = 0
    refused: int = 0


KINDS: dict[str, type[msgspec.Struct]] = {
    "start": Start,
    "params": Values,
    "config": Values,
    "metrics": Metrics,
    "define": Define,
    "summary": Values,
    "tags": Tags,
    "artifact": Artifact,
    "media": Media,
    "text": Text,
    "system": System,
    "note": Note,
    "update": Update,
    "end": End,
}

STATUSES = ("running", "finished", "failed", "crashed", "preempted", "superseded")
"""What a run can be; "running" and "crashed" are never written, they are seen from the writer's lock."""
