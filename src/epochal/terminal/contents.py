"""What a run kept besides numbers: data sets, figures, tables, histograms, models, files."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..errors import EpochalError
from . import text
from .curves import sparkline
from .figures import drawn, shaded
from .layout import across, is_number, listed, pairs, part, section
from .pictures import side_by_side
from .screen import BEST, DIM, GAP, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from ..media.stored import StoredMedia
    from ..store import RunView

_ROWS = 10
_CELL = 36
_TABLES = 8
_FILES = 30
_NAMES = 6
_READ = 10_000


def contents(run: RunView, screen: Screen) -> Iterator[RenderableType]:
    """Sections for everything but numbers; nothing for what the run does not have."""
    data = {
        name.partition("/")[2]: note for name, note in run.notes_named.items() if name.startswith("dataset/")
    }
    if data:
        yield from section("Data", datasets(data, screen))
    latest = {medium.key: medium for medium in run.media()}
    figures = _figures(latest, screen)
    if figures:
        yield from section("Figures", side_by_side(list(figures.values()), across(screen)))
    drawings = {key: drawing for key, one in latest.items() if (drawing := table(one, screen)) is not None}
    tables = dict(list(drawings.items())[:_TABLES])
    if tables:
        yield from section("Tables", *_spaced(list(tables.values())))
    bars = {key: one for key, one in latest.items() if _is_histogram(one)}
    if bars:
        yield from section("Histograms", histograms(list(bars.values()), screen))
    rest = [one for key, one in latest.items() if key not in {*figures, *tables, *bars}]
    if rest:
        yield from section("Media", media(rest))
    if run.models:
        yield from section("Models", *_spaced([model(run, found) for found in run.models]))
    if run.files:
        yield from section("Files", files(run.files))


def _is_histogram(medium: StoredMedia) -> bool:
    counts, edges = listed(medium.data.get("counts")), listed(medium.data.get("edges"))
    return medium.type == "histogram" and len(edges) > 1 and all(map(is_number, [*counts, *edges]))


def _figures(latest: Mapping[str, StoredMedia], screen: Screen) -> dict[str, RenderableType]:
    width = min(72, (screen.columns - 2) // across(screen) - 3)
    found = {key: drawn(key, one.data, screen, width) for key, one in latest.items() if one.type == "figure"}
    return {key: drawing for key, drawing in found.items() if drawing is not None}


def _spaced(things: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for number, thing in enumerate(things):
        yield Group(Text(), thing) if number else thing


def datasets(data: Mapping[str, Any], screen: Screen) -> RenderableType:
    """A line for each data set: rows and columns, classes, fingerprint."""
    rows: list[tuple[str, Text | str]] = []
    for name, about in data.items():
        shape = listed(part(about, "shape")) or [part(about, "rows")]
        said = Text(screen.sign(" × ").join(f"{n:,}" for n in shape if isinstance(n, int)))  # noqa: RUF001 - the sign
        classes = part(about, "target", "classes")
        if isinstance(classes, Mapping) and classes:
            shares = ", ".join(
                f"{text.safe(k, 30)}: {text.number(v)}" for k, v in list(classes.items())[:_NAMES]
            )
            said.append(f"  classes {shares}{_more(classes)}")
        mark = part(about, "fingerprint")
        if mark:
            said.append(f"  fingerprint {text.safe(mark)[:16]}", style=DIM)
        rows.append((name, said))
    return pairs(rows)


def _more(items: Mapping[str, Any] | Sequence[Any]) -> str:
    return ", ..." if len(items) > _NAMES else ""


def table(medium: StoredMedia, screen: Screen) -> RenderableType | None:
    """The first rows of a logged table, a confusion matrix shaded by row; None if there are none."""
    columns = listed(medium.data.get("columns"))
    rows = [row for row in listed(medium.data.get("preview")) if isinstance(row, list)]
    if medium.type != "table" or not columns or not rows:
        return None
    total = _total(medium, rows)
    rank = next((i for i, name in enumerate(columns) if str(name).startswith("rank")), None)
    rows = [[*row, *[None] * (len(columns) - len(row))] for row in rows]
    shown = (_ranked(medium, columns, rows, rank) if rank is not None else rows)[:_ROWS]
    cells = [_column([row[i] for row in shown], screen) for i in range(len(columns))]
    heads = [_fit(text.safe(name), screen) for name in columns]
    fitting = _fitting(heads, cells, screen)
    out = screen.table()
    for i in fitting:
        numeric = all(isinstance(row[i], (int, float, type(None))) for row in shown)
        out.add_column(Text(heads[i]), justify="right" if numeric else "left", no_wrap=True)
    matrix = "confusion" in medium.key.lower()
    for number, row in enumerate(shown):
        counts = row[1 : len(columns)]
        best = BEST if rank is not None and row[rank] == 1 else ""
        drawn_cells = (shaded(row[i], counts) if matrix and i else Text(cells[i][number]) for i in fitting)
        out.add_row(*drawn_cells, style=best)
    head = Text(text.safe(medium.key), style="bold")
    if medium.caption:
        head.append(f"  {text.safe(medium.caption, 200)}", style=DIM)
    left = [text.count(total - len(shown), "more row")] if total > len(shown) else []
    left += [text.count(len(columns) - len(fitting), "more column")] if len(fitting) < len(columns) else []
    return Group(head, out, *([Text(f"and {', '.join(left)}", style=DIM)] if left else []))


def _total(medium: StoredMedia, rows: Sequence[Any]) -> int:
    said = medium.data.get("rows")
    return int(said) if is_number(said) else len(rows)


def _ranked(medium: StoredMedia, columns: Sequence[str], rows: list[list[Any]], rank: int) -> list[list[Any]]:
    """The rows in order of their rank; all of them, if the table is of a size to be read for it."""
    if len(rows) < _total(medium, rows) <= _READ:
        with contextlib.suppress(EpochalError, OSError, ImportError):  # then the first rows it is
            rows = [[row.get(name) for name in columns] for row in medium.rows()]
    return sorted(rows, key=lambda row: row[rank] if is_number(row[rank]) else math.inf)


def _column(found: list[Any], screen: Screen) -> list[str]:
    if found and all(isinstance(value, float) for value in found):
        return text.numbers(found)
    return [_cell(value, screen) for value in found]


def _fitting(heads: Sequence[str], cells: Sequence[Sequence[str]], screen: Screen) -> list[int]:
    """The columns that fit beside each other; the first always."""
    out: list[int] = []
    left = screen.width or None
    for i, head in enumerate(heads):
        if left is not None:
            left -= max(cell_len(head), *(cell_len(cell) for cell in cells[i])) + GAP
            if left < 0 and out:
                break
        out.append(i)
    return out


def _cell(found: Any, screen: Screen) -> str:
    if isinstance(found, float):
        return text.number(found)
    spelled = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
    if isinstance(found, str) and found in spelled:
        return spelled[found]
    return _fit("" if found is None else text.value(found), screen)


def _fit(shown: str, screen: Screen) -> str:
    if screen.width is None or cell_len(shown) <= _CELL:
        return shown
    while cell_len(shown) >= _CELL:
        shown = shown[:-1]
    return shown + screen.sign("…")


def histograms(found: Sequence[StoredMedia], screen: Screen) -> RenderableType:
    """A row of blocks for each histogram, with its range."""
    out = Table.grid(padding=(0, GAP, 0, 0))
    for medium in found:
        counts, edges = listed(medium.data.get("counts")), medium.data["edges"]
        blocks = sparkline(counts, 32, ascii_only=not screen.unicode)
        span = f"{text.number(float(edges[0]))} to {text.number(float(edges[-1]))}"
        mean = f"mean {text.number(medium.data['mean'])}" if "mean" in medium.data else "-"
        out.add_row(
            Text(text.safe(medium.key)), Text(blocks, style="cyan"), Text(span), Text(mean, style=DIM)
        )
    return out


def media(found: Sequence[StoredMedia]) -> RenderableType:
    """A line for each picture, page, text or sound."""
    rows = []
    for medium in found:
        size = text.size(sum(file["size"] for file in medium.files)) if medium.files else "-"
        said = medium.caption or medium.data.get("preview", "")
        rows.append([medium.key, medium.type, size, said if isinstance(said, str) else ""])
    used = [
        i for i in range(4) if any(row[i] for row in rows)
    ]  # an empty last column would cost the first a letter
    out = Table.grid(padding=(0, GAP, 0, 0))
    for row in rows:
        out.add_row(*(Text(text.safe(row[i], 80), style=DIM if i else "") for i in used))
    return out


def model(run: RunView, found: Mapping[str, Any]) -> RenderableType:
    """A model: what it is, what it takes, and the code that loads it."""
    about, name = found.get("metadata") or {}, str(found["name"])
    kind = str(part(about, "class") or "").rpartition(":")[2]
    facts = [kind, part(about, "flavor"), text.size(found.get("size"))]
    head = Text(text.safe(name), style="bold")
    head.append(f"  {', '.join(text.safe(fact) for fact in facts if fact)}", style=DIM)
    takes = signature(part(about, "signature"))
    lines = [head, *([Text(f"takes {takes}", style=DIM)] if takes else [])]
    call = f"epochal.load_model({_literal(f'runs:/{run.id}/{name}')})"
    return Group(*lines, Text.assemble((">>> ", DIM), (call, "bold")))


def _literal(ref: str) -> str:
    return '"' + text.safe(ref.replace("\\", "\\\\").replace('"', '\\"'), 0) + '"'


def signature(found: Any) -> str:
    """The inputs that a model takes, in a few words."""
    inputs = part(found, "inputs")
    columns = part(inputs, "columns")
    if isinstance(columns, list):
        names = [text.safe(part(column, "name") or "", 40) for column in columns]
        return f"{text.count(len(names), 'column')}: {', '.join(names[:_NAMES])}{_more(names)}"
    shape = part(inputs, "shape")
    if not isinstance(shape, list):
        return ""
    sizes = " x ".join("any" if n in {None, -1} else str(n) for n in shape)
    return f"an array of {sizes} {text.safe(part(inputs, 'dtype') or '')}".strip()


def files(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A line for each file: name and size."""
    out = Table.grid(padding=(0, GAP, 0, 0))
    out.add_column()
    out.add_column(justify="right")
    for one in found[:_FILES]:
        out.add_row(Text(text.safe(one.get("name", ""))), Text(text.size(one.get("size")), style=DIM))
    left = len(found) - _FILES
    return Group(out, Text(f"and {left} more", style=DIM)) if left > 0 else out
