"""Where runs differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .views import RunView

_ATTRIBUTES = ("project", "name", "status", "group", "job_type", "source", "duration")


def compare(views: Sequence[RunView]) -> dict[str, dict[str, list[Any]]]:
    """By kind and name the value in each run, where not all are the same; None where a run has none."""
    sides: dict[str, list[dict[str, Any]]] = {
        "attributes": [{name: getattr(view, name) for name in _ATTRIBUTES} for view in views],
        "params": [view.params for view in views],
        "metrics": [view.metrics for view in views],
        "tags": [view.tags for view in views],
        "notes": [view.facts() for view in views],
    }
    return {kind: _differing(values) for kind, values in sides.items()}


def _differing(values: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = sorted({name for one in values for name in one})
    rows = {name: [one.get(name) for one in values] for name in names}
    return {name: row for name, row in rows.items() if any(repr(value) != repr(row[0]) for value in row)}
