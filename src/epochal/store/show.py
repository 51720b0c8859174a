"""Runs as text in a terminal and as HTML in a notebook; what a user named is cut, and escaped in HTML."""

from __future__ import annotations

import html
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .lists import RunList
    from .views import RunView

_ROWS: Final = 20
_CELL: Final = 22
_COLUMNS: Final = 8


def list_text(found: RunList) -> str:
    """A table, cut to the width of the terminal."""
    views = found[:_ROWS] if len(found) else []
    if not views:
        return f"no runs{': ' + found.hint if found.hint else ''}"
    from ..terminal.runs import table
    from ..terminal.screen import Screen

    screen = Screen.plain(shutil.get_terminal_size().columns)
    return "\n".join([screen.render(table(views, screen)).rstrip("\n"), *_foot(found)])


def list_html(found: RunList) -> str:
    """A table for a notebook."""
    views = found[:_ROWS] if len(found) else []
    if not views:
        return f"<p>{html.escape(list_text(found))}</p>"
    columns = _columns(views)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cells[row])}</td>' for cells in columns.values())}</tr>"
        for row in range(len(views))
    )
    foot = "".join(f"<p>{html.escape(line)}</p>" for line in _foot(found))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{foot}"


def run_text(run: RunView) -> str:
    """A run in a few lines."""
    lines = [
        f"Run {run.id} {cut(run.name, 40)!r}: {run.status}, project {cut(run.project)}, {span(run.duration)}"
    ]
    lines += [f"  {name}: {text}" for name, text in _sections(run)]
    return "\n".join(lines)


def run_html(run: RunView) -> str:
    """A run in a notebook."""
    name, status = html.escape(cut(run.name, 60)), html.escape(run.status)
    head = f"<b>{name}</b> <code>{run.id}</code> {status}, {span(run.duration)}"
    rows = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in _sections(run))
    return f"<p>{head}</p><table>{rows}</table>"


def _sections(run: RunView) -> Iterable[tuple[str, str]]:
    for name in ("params", "metrics", "tags"):
        values = getattr(run, name)
        if values:
            some = [f"{cut(key, 40)}={number(value)}" for key, value in list(values.items())[:8]]
            yield name, ", ".join(some) + (f", ... ({len(values)})" if len(values) > 8 else "")
    if run.error:
        yield "error", cut(f"{run.error.get('type')}: {run.error.get('text')}", 100)
    if run.damage:
        lost = run.damage
        yield "damage", f"{lost.lines} lines ({lost.bytes} bytes) unreadable, {lost.missing} records missing"


def _columns(views: Sequence[RunView]) -> dict[str, list[str]]:
    """The cells of a table, the columns that tell these runs apart first."""
    from ..terminal.runs import ranked_metrics, varying

    now = time.time()
    columns = {
        "id": [view.id[:12] for view in views],
        "name": [cut(view.name) for view in views],
        "project": [cut(view.project) for view in views],
        "status": [view.status for view in views],
        "age": [span(now - view.created.timestamp()) for view in views],
        "duration": [span(view.duration) for view in views],
    }
    for kind, names in (("metrics", ranked_metrics(views)), ("params", varying(views))):
        values = [getattr(view, kind) for view in views]
        for name in names[:_COLUMNS]:
            columns[cut(name)] = [number(one[name]) if name in one else "" for one in values]
    return columns


def _foot(found: RunList) -> list[str]:
    return [f"{len(found):,} runs, the first {_ROWS} shown"] if len(found) > _ROWS else []


def number(value: Any) -> str:
    """A value in a cell."""
    return f"{value:.6g}" if isinstance(value, float) else cut(value)


def cut(value: Any, most: int = _CELL) -> str:
    """A text in one line of at most so many characters, without what a terminal would obey."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def span(seconds: float) -> str:
    """A length of time: 12s, 3m, 2.5h, 4d."""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    for unit, size, least in (("m", 60, 3600), ("h", 3600, 2 * 86400)):
        if seconds < least:
            return f"{seconds / size:.1f}".removesuffix(".0") + unit
    return f"{seconds / 86400:.0f}d"
