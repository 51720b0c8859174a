"""What a run kept besides numbers: tables, histograms, texts, pictures, data sets, models, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from . import text
from .curves import sparkline
from .overview import pairs, part, section
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from ..store import RunView

_ROWS = 10
_CELL = 24
_TABLES = 8
_FILES = 30


def contents(run: RunView, screen: Screen) -> Iterator[RenderableType]:
    """Sections for everything but numbers; nothing for what the run does not have."""
    data = {name.partition("/")[2]: run.note(name) for name in run.notes_named if name.startswith("dataset/")}
    if data:
        yield from section("Data", datasets(data, screen))
    latest = {part(medium, "key"): medium for medium in run.media()}
    tables = [medium for medium in latest.values() if part(medium, "type") == "table"]
    drawn = [drawing for medium in tables[:_TABLES] if (drawing := table(medium, screen)) is not None]
    if drawn:
        yield from section("Tables", *_spaced(drawn))
    bars = [medium for medium in latest.values() if part(medium, "type") == "histogram"]
    if bars:
        yield from section("Histograms", histograms(bars, screen))
    rest = [
        medium for medium in latest.values() if part(medium, "type") not in {"table", "histogram"}
    ] + tables[_TABLES:]
    if rest:
        yield from section("Media", media(rest))
    if run.models:
        yield from section("Models", *_spaced([model(run, found, screen) for found in listed(run.models)]))
    if run.files:
        yield from section("Files", files(listed(run.files)))


def listed(found: Any) -> list[Any]:
    """The items of a mapping or a sequence."""
    return list(found.values()) if isinstance(found, Mapping) else list(found)


def _spaced(things: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for number, thing in enumerate(things):
        yield Group(Text(), thing) if number else thing


def datasets(data: Mapping[str, Any], screen: Screen) -> RenderableType:
    """A line for each data set: rows and columns, classes, fingerprint."""
    rows: list[tuple[str, Text | str]] = []
    for name, about in data.items():
        said = Text()
        shape = part(about, "shape") or [
            part(about, "rows"),
            *([len(c)] if isinstance(c := part(about, "columns"), list) else []),
        ]
        said.append(
            screen.sign(" × " if screen.unicode else " x ").join(
                f"{n:,}" if isinstance(n, int) else str(n) for n in shape if n is not None
            )
        )
        balance = part(about, "classes") or part(about, "balance") or part(about, "target", "classes")
        if isinstance(balance, Mapping) and balance:
            shares = ", ".join(f"{text.safe(k, 30)}: {text.number(v)}" for k, v in list(balance.items())[:6])
            said.append(f"  classes {shares}{', ...' if len(balance) > 6 else ''}")
        mark = part(about, "fingerprint") or part(about, "hash") or part(about, "digest")
        if mark:
            said.append(f"  {text.safe(mark)[:16]}", style=DIM)
        rows.append((name, said))
    return pairs(rows)


def table(medium: Any, screen: Screen) -> RenderableType | None:
    """The first rows of a logged table; a confusion matrix shaded by row."""
    data = part(medium, "data") or {}
    columns, rows = data.get("columns") or [], data.get("preview") or []
    if not columns or not rows:
        return None
    key, total = str(part(medium, "key")), data.get("rows", len(rows))
    shown = rows[: _ROWS if total > len(rows) or len(rows) > _ROWS + 2 else len(rows)]
    cells = [[_cell(row[i] if i < len(row) else None, screen) for row in shown] for i in range(len(columns))]
    heads = [_fit(text.safe(name), screen) for name in columns]
    fitting = _fitting(heads, cells, screen)
    matrix = "confusion" in key.lower()
    out = screen.table()
    for i in fitting:
        numeric = all(isinstance(row[i] if i < len(row) else None, (int, float, type(None))) for row in shown)
        out.add_column(
            Text(heads[i]), justify="right" if numeric else "left", no_wrap=True, overflow="ignore"
        )
    for number, row in enumerate(shown):
        out.add_row(
            *(_shaded(Text(cells[i][number]), row, i) if matrix else Text(cells[i][number]) for i in fitting)
        )
    head = Text(text.safe(key), style="cyan")
    if part(medium, "caption"):
        head.append(f"  {text.safe(part(medium, 'caption'), 200)}", style=DIM)
    left = [text.count(total - len(shown), "more row")] if total > len(shown) else []
    left += [text.count(len(columns) - len(fitting), "more column")] if len(fitting) < len(columns) else []
    return Group(head, out, *([Text(f"and {', '.join(left)}", style=DIM)] if left else []))


def _fitting(heads: Sequence[str], cells: Sequence[Sequence[str]], screen: Screen) -> list[int]:
    """The columns that fit beside each other; the first always."""
    out, left = [], screen.width - 2 if screen.width else None
    for i, head in enumerate(heads):
        wide = max(cell_len(head), *(cell_len(cell) for cell in cells[i])) + 2
        if left is not None:
            left -= wide
            if left < -2 and out:
                break
        out.append(i)
    return out


def _cell(found: Any, screen: Screen) -> str:
    if isinstance(found, float):
        return text.number(found)
    if isinstance(found, str) and found in {"NaN", "Infinity", "-Infinity"}:
        return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[found]
    return _fit("" if found is None else text.value(found), screen)


def _fit(shown: str, screen: Screen) -> str:
    if screen.width is None or cell_len(shown) <= _CELL:
        return shown
    while cell_len(shown) >= _CELL:
        shown = shown[:-1]
    return shown + screen.sign("…")


def _shaded(cell: Text, row: Sequence[Any], column: int) -> Text:
    counts = [v for v in row if isinstance(v, (int, float)) and not isinstance(v, bool)]
    value, total = row[column], sum(counts)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and total > 0:
        share = value / total
        cell.stylize(BEST if share > 0.5 else "yellow" if share > 0.1 else DIM if not value else "")
    return cell


def histograms(found: Sequence[Any], screen: Screen) -> RenderableType:
    """A row of blocks for each histogram, with its range."""
    out = Table.grid(padding=(0, 2, 0, 0))
    for medium in found:
        data = part(medium, "data") or {}
        counts, edges = data.get("counts") or [], data.get("edges") or [0, 0]
        bars = sparkline(counts, 32, ascii_only=not screen.unicode)
        span = f"{text.number(float(edges[0]))} to {text.number(float(edges[-1]))}"
        mean = f"mean {text.number(data['mean'])}" if "mean" in data else ""
        out.add_row(
            Text(text.safe(part(medium, "key")), style=DIM),
            Text(bars, style="cyan"),
            Text(span),
            Text(mean, style=DIM),
        )
    return out


def media(found: Sequence[Any]) -> RenderableType:
    """A line for each picture, page, text or sound."""
    out = Table.grid(padding=(0, 2, 0, 0))
    for medium in found:
        kept = part(medium, "files") or []
        about = text.size(sum(part(file, "size") or 0 for file in kept)) if kept else ""
        said = part(medium, "caption") or (part(medium, "data") or {}).get("preview", "")
        said = text.safe(said, 80) if isinstance(said, str) else ""
        out.add_row(
            Text(text.safe(part(medium, "key"))),
            Text(text.safe(part(medium, "type")), style=DIM),
            Text(about, style=DIM),
            Text(said, style=DIM),
        )
    return out


def model(run: RunView, found: Any, screen: Screen) -> RenderableType:
    """A model: what it is, what it takes, and the code that loads it."""
    about = part(found, "metadata") or {}
    name = str(part(found, "name"))
    kind = str(part(about, "class") or part(about, "type") or "").rpartition(":")[2]
    head = Text(text.safe(name), style="cyan")
    facts = [kind, part(about, "flavor"), text.size(part(found, "size"))]
    head.append(f"  {', '.join(text.safe(fact) for fact in facts if fact)}", style=DIM)
    lines: list[Text] = [head]
    takes = signature(part(about, "signature"))
    if takes:
        lines.append(Text(f"takes {takes}", style=DIM))
    arrow = screen.sign(">>> ")
    lines.append(
        Text(arrow, style=DIM).append(
            f"epochal.load_model({_literal(f'runs:/{run.id}/{name}')})", style="bold"
        )
    )
    return Group(*lines)


def _literal(ref: str) -> str:
    return '"' + text.safe(ref.replace("\\", "\\\\").replace('"', '\\"'), 0) + '"'


def signature(found: Any) -> str:
    """The inputs that a model takes, in a few words."""
    inputs = part(found, "inputs")
    columns = part(inputs, "columns")
    if isinstance(columns, list):
        names = [text.safe(part(column, "name") or column, 40) for column in columns]
        return (
            f"{text.count(len(names), 'column')}: {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"
        )
    shape, dtype = part(inputs, "shape"), part(inputs, "dtype")
    if shape is not None:
        return f"an array of {' x '.join('any' if n in {None, -1} else str(n) for n in shape)} {text.safe(dtype or '')}".strip()
    return ""


def files(found: Sequence[Any]) -> RenderableType:
    """A line for each file: path and size."""
    out = Table.grid(padding=(0, 2, 0, 0))
    out.add_column()
    out.add_column(justify="right")
    for one in found[:_FILES]:
        name = part(one, "path") or part(one, "name")
        out.add_row(Text(text.safe(name)), Text(text.size(part(one, "size")), style=DIM))
    left = len(found) - _FILES
    return Group(out, Text(f"and {left} more", style=DIM)) if left > 0 else out
