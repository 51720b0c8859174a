"""`epochal doctor`: is everything as it should be?

Frameworks that are installed are imported and observed as `autolog` would do it, in this
process only, so that what a framework's new version broke shows here and not in a training.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import logging
import os
import platform
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import EpochalError
from . import base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.text import Text

    from ..terminal.screen import Screen

_MISSING = "not installed"


@click.command(short_help="Check the store, the plugins and what they observe.")
@click.option("--quick", is_flag=True, help="Import no framework; points then stay 'waiting'.")
@base.common
def doctor(*, quick: bool, as_json: bool) -> None:
    """Check the store, the plugins and every observed point; exit code 1 if something is broken."""
    found = examine(quick=quick)
    if as_json:
        base.put_json(found)
    else:
        screen = base.screen()
        screen.print(*_page(found, screen))
    sys.exit(1 if found["problems"] else 0)


def examine(*, quick: bool = False) -> dict[str, Any]:
    """Everything the doctor looks at, as JSON; ``problems`` says what is broken."""
    from .. import __version__, plugins

    store = _store()
    with _hushed():
        points = _points(quick=quick)
        loaded = [dataclasses.asdict(one) | {"state": one.state} for one in plugins.report()]
    found: dict[str, Any] = {
        "epochal": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "path": str(Path(__file__).parents[1]),
        "autolog": _autolog(),
        "store": store,
        "plugins": loaded,
        "points": points,
    }
    return found | {"problems": list(_problems(found))}


def _problems(found: dict[str, Any]) -> Iterator[str]:
    yield from (f"store: {problem}" for problem in found["store"]["problems"])
    for plugin in found["plugins"]:
        yield from (f"plugin {plugin['name']}: {problem}" for problem in plugin["problems"])
    for point in found["points"]:
        if point["state"] in {"failed", "off"}:
            yield f"{point['adapter']}: {point['target']} is not observed: {point['detail']}"


def _autolog() -> bool:
    from .. import settings

    return settings.load().autolog


def _store() -> dict[str, Any]:
    from .. import settings

    found: dict[str, Any] = {"root": None, "problems": [], "notes": []}
    try:
        root = settings.store_root()
        found["root"] = str(root)
        found |= {k: v for k, v in base.store().status().items() if k != "root"}
    except (EpochalError, OSError) as error:
        found["problems"].append(str(error))
        return found
    except Exception as error:
        found["problems"].append(f"the index cannot be read ({error}); 'epochal rebuild' makes a new one")
        return found
    found["problems"] += _faults(root)
    found["problems"] += [
        f"{one['file']} has {one['damaged']} damaged lines ({one['damaged_bytes']} bytes); the rest was read"
        for one in found.get("damage", ())
    ]
    if not found.get("home", True):
        found["notes"].append(f"the index is kept at {found.get('database')}: {found.get('why')}")
    if root.exists() and stat.S_IMODE(root.stat().st_mode) & 0o077:
        found["notes"].append(f"other users of this machine may look into {root}; 'chmod 700' keeps them out")
    return found


def _faults(root: Path) -> list[str]:
    if not os.access(root, os.W_OK | os.X_OK):
        return [f"{root} cannot be written; set EPOCHAL_STORE to a folder that can"]
    free = os.statvfs(root) if hasattr(os, "statvfs") else None
    if free is not None and free.f_bavail * free.f_frsize < 64 << 20:
        return [f"the disk of {root} is full"]
    return []


def _points(*, quick: bool) -> list[dict[str, Any]]:
    """Every target with its state, after its framework was imported as a training would import it."""
    from .. import observe, plugins

    for adapter in plugins.registry("adapters"):
        adapter.enable()
    modules = dict.fromkeys(state.target.partition(":")[0] for state in observe.states())
    absent = {module: _absent(module) for module in modules}
    failed: dict[str, str] = {}
    if not quick:
        for module in base.track([m for m in modules if not absent[m]], "importing frameworks"):
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    importlib.import_module(module)
            except Exception as error:
                failed[module] = f"{type(error).__name__}: {error}"
    return [_point(dataclasses.asdict(state), absent, failed) for state in observe.states()]


def _point(state: dict[str, Any], absent: dict[str, bool], failed: dict[str, str]) -> dict[str, Any]:
    module = state["target"].partition(":")[0]
    if absent[module]:
        return state | {"state": _MISSING}
    return state | {"state": "failed", "detail": failed[module]} if module in failed else state


def _absent(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is None
    except (ImportError, ValueError):
        return True


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep epochal's own warnings back: the page says the same."""
    log = logging.getLogger("epochal")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _page(found: dict[str, Any], screen: Screen) -> Iterator[RenderableType]:
    from rich.text import Text

    from ..terminal.layout import section
    from ..terminal.screen import DIM

    yield Text(f"epochal {found['epochal']}", style="bold").append(
        f"  Python {found['python']}, {found['platform']}", style=DIM
    )
    yield from section("Store", _store_lines(found["store"]))
    yield from section("Plugins", _plugin_table(found["plugins"], screen))
    if found["points"]:
        yield from section("Observed by autolog", _point_table(found["points"], screen))
    if not found["autolog"]:
        yield Text("autolog is switched off by a setting: see 'epochal config'", style="yellow")
    yield Text()
    if found["problems"]:
        yield _line(screen, "✖", "red", f"{len(found['problems'])} to mend:")
        yield from (Text(f"  {_clean(problem)}", style="red") for problem in found["problems"])
    else:
        yield _line(screen, "✔", "green", "all is well")


def _clean(text: object) -> str:
    from ..terminal.text import safe

    return safe(text, 2000)


def _line(screen: Screen, sign: str, style: str, said: str) -> Text:
    from rich.text import Text

    return Text(f"{screen.sign(sign)} {said}", style=style)


def _store_lines(store: dict[str, Any]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ..terminal.layout import pairs
    from ..terminal.text import count, size

    rows: list[tuple[str, Text | str]] = [("folder", _clean(store["root"] or "-"))]
    if "runs" in store:
        held = ", ".join(
            (
                count(store["runs"], "run"),
                count(store["journals"], "journal"),
                count(store["points"], "point"),
            )
        )
        rows.append(
            ("holds", held + (f", {store['open_journals']} being written" if store["open_journals"] else ""))
        )
        rows.append(("index", f"{_clean(store['database'])} ({size(store['database_bytes'])})"))
    notes = [Text(_clean(note), style="yellow") for note in store["notes"]]
    return Group(pairs(rows), *notes)


def _plugin_table(plugins: list[dict[str, Any]], screen: Screen) -> RenderableType:
    from rich.text import Text

    table = screen.table()
    for title in ("", "plugin", "version", "adds"):
        table.add_column(title, overflow="fold")
    for one in plugins:
        sign, style = {"ok": ("✔", "green"), "off": ("○", "bright_black")}.get(one["state"], ("✖", "red"))
        adds = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in one["adds"].items() if names)
        said = "; ".join(one["problems"]) or (
            "not loaded: the setting 'plugins' leaves it out" if one["narrowed"] else adds
        )
        origin = f"{one['distribution']} {one['version']}" if one["version"] else "built in"
        table.add_row(
            Text(screen.sign(sign), style=style),
            Text(_clean(one["name"])),
            Text(_clean(origin)),
            Text(_clean(said)),
        )
    return table


def _point_table(points: list[dict[str, Any]], screen: Screen) -> RenderableType:
    from rich.text import Text

    from ..terminal.screen import DIM

    signs = {"patched": ("✔", "green"), "waiting": ("○", "cyan"), _MISSING: ("○", DIM)}
    table = screen.table()
    for title in ("", "point", "state", "why"):
        table.add_column(title, overflow="fold")
    before = ""
    for one in points:
        sign, style = signs.get(one["state"], ("✖", "red"))
        state = one["state"] + (f": {one['detail']}" if one["detail"] else "")
        why = one["why"] if one["why"] != before else ""
        before = one["why"]
        cells = (
            (screen.sign(sign), style),
            (_clean(one["target"]), ""),
            (_clean(state), style),
            (_clean(why), DIM),
        )
        table.add_row(*(Text(shown, style=style) for shown, style in cells))
    return table
