"""A whole run as JSON, for `epochal show --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..terminal.layout import part
from . import base

if TYPE_CHECKING:
    from ..store import RunView


def full(run: RunView) -> dict[str, Any]:
    """Everything about a run but the points of its curves (`epochal plot --json` has those)."""
    return {
        **base.brief(run),
        "config": run.config,
        "error": _error(run.error),
        "curves": {key: run.metric(key).count for key in run.keys()},  # noqa: SIM118 - not a mapping
        "summary": run.summary,
        "documents": run.notes_named,
        "media": [
            {name: part(one, name) for name in ("key", "step", "type", "caption", "data", "files")}
            for one in run.media()
        ],
        "models": [_artifact(one) | {"ref": f"runs:/{run.id}/{part(one, 'name')}"} for one in run.models],
        "artifacts": [_artifact(one) for one in run.artifacts],
        "damage": {name: part(run.damage, name) for name in ("lines", "bytes", "missing")},
        "dropped": run.dropped,
        "children": [child.id for child in run.children],
    }


def _error(error: Any) -> Any:
    if error is None:
        return None
    return {name: part(error, name) for name in ("type", "text", "traceback")}


def _artifact(one: Any) -> dict[str, Any]:
    files = [
        {name: part(file, name) for name in ("path", "digest", "size")} for file in part(one, "files") or []
    ]
    return {
        **{name: part(one, name) for name in ("name", "type", "size", "digest", "metadata")},
        "files": files,
    }
