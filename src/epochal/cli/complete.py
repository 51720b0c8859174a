"""What the shell offers after a Tab: run ids, metric keys, projects, words of a filter.

A completion that fails offers nothing: the shell must never show an error for a Tab.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from ..terminal.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import click

    from ..store import RunView

_MANY = 200
_FIELDS = ("status", "name", "project", "created", "duration", "source", "group")


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Ids of recent runs, with their names; names once a name was begun."""
    return _offer(_run_items(incomplete))


def complete_metric(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Keys of the metrics of recent runs."""
    return _offer(CompletionItem(key) for key in _keys("metrics") if key.startswith(incomplete))


def complete_plot(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """First runs, then metric keys, as `epochal plot` takes them."""
    runs = complete_run(ctx, param, incomplete)
    return runs + complete_metric(ctx, param, incomplete) if ctx.params.get(param.name or "") else runs


def complete_project(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Names of projects."""
    names = _offer(CompletionItem(str(run.project)) for run in _recent() if run.project)
    return [item for item in names if item.value.startswith(incomplete)]


def complete_filter(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The fields that a filter may begin with."""
    fields = [*_FIELDS, *(f"{kind}.{key}" for kind in ("metrics", "params", "tags") for key in _keys(kind))]
    return [CompletionItem(field) for field in fields if field.startswith(incomplete)]


def _run_items(incomplete: str) -> Iterator[CompletionItem]:
    for run in _recent():
        label = safe(f"{run.name} {run.status}", 60)
        if run.id.startswith(incomplete):
            yield CompletionItem(run.id, help=label)
        elif incomplete and (run.name or "").startswith(incomplete):
            yield CompletionItem(str(run.name), help=run.status)
    if "last".startswith(incomplete):
        yield CompletionItem("last", help="the newest run")


def _recent() -> list[RunView]:
    import epochal

    with contextlib.suppress(Exception):
        return list(epochal.runs(limit=_MANY))
    return []


def _keys(kind: str) -> list[str]:
    return sorted({key for run in _recent() for key in getattr(run, kind)})


def _offer(items: Iterable[CompletionItem]) -> list[CompletionItem]:
    """Each value once; values that a shell could not show on one line are left out."""
    return list({item.value: item for item in items if item.value.isprintable()}.values())
