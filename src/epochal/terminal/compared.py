"""Runs side by side: what differs between them, with the best metric marked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from . import text
from .columns import best
from .screen import BEST, DIM, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from ..store import RunView

_CELL = 28
_KEY = 36
ABSENT = object()


def compared(runs: Sequence[RunView], *, everything: bool = False) -> dict[str, dict[str, list[Any]]]:
    """Section -> key -> value of each run (`ABSENT`: none); only what differs, unless ``everything``."""
    sections = {
        "run": [_own(run) for run in runs],
        "params": [dict(run.params) for run in runs],
        "metrics": [dict(run.metrics) for run in runs],
        "tags": [dict(run.tags) for run in runs],
        "environment": [_environment(run) for run in runs],
    }
    out: dict[str, dict[str, list[Any]]] = {}
    for name, values in sections.items():
        keys = dict.fromkeys(key for one in values for key in one)
        rows = {key: [one.get(key, ABSENT) for one in values] for key in keys}
        out[name] = {key: row for key, row in rows.items() if everything or _differ(row)}
    return out


def _own(run: RunView) -> dict[str, Any]:
    return {"status": run.status, "project": run.project, "duration": run.duration, "source": run.source}


def _environment(run: RunView) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in ("environment", "git"):
        found = run.note(name)
        if isinstance(found, dict):
            _flatten(found, "" if name == "environment" else f"{name}.", flat)
    return {key: value for key, value in flat.items() if not key.startswith(_PASSING)}


_PASSING = ("git.diff", "pid", "started", "environment.time")


def _flatten(found: Mapping[str, Any], prefix: str, into: dict[str, Any]) -> None:
    for key, value in found.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", into)
        else:
            into[f"{prefix}{key}"] = value


def _differ(row: Sequence[Any]) -> bool:
    return (
        len({ABSENT if value is ABSENT else json.dumps(value, sort_keys=True, default=str) for value in row})
        > 1
    )


def comparison(
    runs: Sequence[RunView], screen: Screen, *, everything: bool = False
) -> Iterator[RenderableType]:
    """Tables of what differs; as many runs beside each other as fit, the first one always among them."""
    found = compared(runs, everything=everything)
    if len(runs) < 2 or not any(found.values()):
        yield Text("these runs do not differ" if len(runs) > 1 else "one run has nothing to differ from")
        return
    short = text.shortest(run.id for run in runs) if screen.width else {run.id: run.id for run in runs}
    for block in _blocks(len(runs), screen):
        yield _block(runs, block, found, short, screen)


def _blocks(count: int, screen: Screen) -> Iterator[list[int]]:
    others = list(range(1, count))
    each = len(others) if screen.width is None else max(1, (screen.width - _KEY) // (_CELL // 2 + 4) - 1)
    for start in range(0, max(1, len(others)), max(1, each)):
        yield [0, *others[start : start + each]]


def _block(
    runs: Sequence[RunView],
    block: Sequence[int],
    found: Mapping[str, Mapping[str, list[Any]]],
    short: Mapping[str, str],
    screen: Screen,
) -> Table:
    table = screen.table()
    table.add_column(
        Text(""),
        no_wrap=True,
        max_width=_KEY if screen.width else None,
        overflow="ellipsis",
    )
    for i in block:
        head = Text(text.safe(runs[i].name or "unnamed"), style="bold").append(
            f"\n{short[runs[i].id]}", style=DIM
        )
        table.add_column(head, justify="right", overflow="fold", min_width=8)
    change = len(block) == 2
    if change:
        table.add_column(Text("change"), justify="right", no_wrap=True)
    for section, rows in found.items():
        if rows and table.row_count:
            table.add_row()
        if rows:
            table.add_row(Text(_TITLES[section], style="bold underline"))
        for key, row in rows.items():
            shown = _cells(section, key, [row[i] for i in block], screen)
            delta = [_change(section, key, row[block[0]], row[block[1]])] if change else []
            table.add_row(Text(text.safe(key)), *shown, *delta)
    return table


_TITLES = {
    "run": "Run",
    "params": "Parameters",
    "metrics": "Metrics",
    "tags": "Tags",
    "environment": "Environment",
}


def _cells(section: str, key: str, row: Sequence[Any], screen: Screen) -> list[Text]:
    if section == "run" and key == "duration":
        return [Text(text.duration(value)) for value in row]
    if section == "metrics":
        present = [None if value is ABSENT else value for value in row]
        top = best(present, text.direction(key))
        labels = [_metric(key, value, screen) for value in present]
        return [
            Text(label, style=BEST if top is not None and value == top else "")
            for value, label in zip(present, labels, strict=True)
        ]
    return [Text(_shown(value, screen), style=DIM if value is ABSENT else "") for value in row]


def _metric(key: str, value: Any, screen: Screen) -> str:
    if value is None or screen.width:
        return text.single(key, value)
    return text.value(value)


def _shown(value: Any, screen: Screen) -> str:
    if value is ABSENT:
        return "-"
    shown = text.value(value)
    return (
        shown
        if screen.width is None or len(shown) <= 3 * _CELL
        else shown[: 3 * _CELL - 1] + screen.sign("…")
    )


def _change(section: str, key: str, one: Any, other: Any) -> Text:
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (one, other))
    if not numeric or section not in {"metrics", "params", "run"} or one == other:
        return Text()
    delta = other - one
    share = f" ({delta / abs(one):+.1%})" if one and abs(delta / one) < 10 else ""
    shown = text.duration(abs(delta)) if section == "run" else text.number(abs(delta), 3)
    way = text.direction(key) if section == "metrics" else 0
    return Text(
        f"{'+' if delta > 0 else '-'}{shown}{share}",
        style="" if not way else "green" if delta * way > 0 else "red",
    )
