"""`epochal plot`: curves of one run or of several, in the terminal or as SVG."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import NotFound
from ..terminal.curves import Line, smooth
from ..terminal.text import safe, shortest, timestamp
from . import base
from .complete import complete_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store import RunView

_LABELS = {"step": "step", "time": "seconds, by the clock", "relative": "seconds since the start of the run"}


@dataclass(slots=True)
class Curve:
    """One metric of one run."""

    run: RunView
    key: str
    history: Any


@click.command(short_help="Plot metrics of runs.")
@click.argument("what", metavar="RUN... KEY...", nargs=-1, required=True, shell_complete=complete_plot)
@click.option(
    "-x",
    "axis",
    type=click.Choice(list(_LABELS)),
    help="What runs along the bottom.  [default: step, or what define_metric said]",
)
@click.option("--log-x", is_flag=True, help="Logarithmic x axis.")
@click.option("--log-y", "--log", "log_y", is_flag=True, help="Logarithmic y axis.")
@click.option(
    "--smooth",
    "weight",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Moving average, 0 to 0.99.",
)
@click.option("--separate", is_flag=True, help="A picture for each metric.")
@click.option("--width", type=click.IntRange(20, 1000), help="Columns.  [default: the terminal's]")
@click.option("--height", type=click.IntRange(4, 200), default=18, show_default=True, help="Rows.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write an SVG file instead.",
)
@base.common
def plot(
    what: tuple[str, ...],
    *,
    axis: str | None,
    log_x: bool,
    log_y: bool,
    weight: float,
    separate: bool,
    width: int | None,
    height: int,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Plot metrics of runs; a KEY may be a pattern, and without any every curve is drawn.

    \b
    epochal plot last loss
    epochal plot last "train/*" "val/*" --separate
    epochal plot rf-1 rf-2 accuracy -x relative --smooth 0.9 --svg accuracy.svg
    """  # noqa: D301 - click's sign for lines that shall stay as they are
    found = _curves(what)
    if as_json:
        base.put_json({"series": [_as_json(curve) for curve in found]})
        return
    groups: dict[str, list[Curve]] = {}
    for curve in found:
        groups.setdefault(
            curve.key if separate else ", ".join(dict.fromkeys(c.key for c in found)), []
        ).append(curve)
    own = None if axis else _own_axis(found)
    label = own or _LABELS[axis or "step"]
    pictures = [(title, _lines(curves, own or axis or "step", weight)) for title, curves in groups.items()]
    if svg is not None:
        _write(svg, pictures, log_x=log_x, log_y=log_y, label=label)
        return
    from ..terminal.pictures import chart

    screen = base.screen()
    for title, lines in pictures:
        wide = width or min(screen.columns, 160)
        screen.print(
            chart(safe(title, 200), lines, screen, wide, height, log_x=log_x, log_y=log_y, label_x=label)
        )


def _curves(what: Sequence[str]) -> list[Curve]:
    """The curves that the arguments name: runs first, keys from the first argument on that is one."""
    first = base.find(what[0])
    known = set(first.keys())
    cut = next((i for i, word in enumerate(what) if i and _matches(word, known)), None)
    runs = [first, *base.find_all(_only_runs(what[1:cut], known))]
    runs = list({run.id: run for run in runs}.values())
    words = what[cut:] if cut is not None else []
    found = [curve for run in runs for curve in _of(run, words)]
    for word in words:
        if not any(fnmatch.fnmatchcase(curve.key, word) or curve.key == word for curve in found):
            raise NotFound(_missing(word, {key for run in runs for key in run.keys()}))  # noqa: SIM118 - not a mapping
    if not found:
        raise NotFound(f"run {runs[0].name!r} has no curves: it logged no metrics")
    return found


def _only_runs(words: Sequence[str], known: set[str]) -> Sequence[str]:
    for word in words:
        try:
            base.find(word)
        except NotFound:
            raise NotFound(f"{_missing(word, known)}; it is no run either") from None
    return words


def _missing(word: str, known: set[str]) -> str:
    from . import unknown

    return unknown("metric", word, sorted(known))


def _matches(word: str, known: set[str]) -> list[str]:
    return [key for key in known if key == word] or sorted(
        key for key in known if fnmatch.fnmatchcase(key, word)
    )


def _of(run: RunView, words: Sequence[str]) -> list[Curve]:
    keys = list(run.keys())
    chosen = dict.fromkeys(key for word in words for key in _matches(word, set(keys)))
    return [Curve(run, key, run.history(key)) for key in (chosen if words else keys)]


def _lines(curves: Sequence[Curve], axis: str, weight: float) -> list[Line]:
    short = shortest(curve.run.id for curve in curves)
    names = {curve.run.id: curve.run.name or short[curve.run.id] for curve in curves}
    twins = len(set(names.values())) < len(names)
    several_runs, several_keys = len(names) > 1, len({curve.key for curve in curves}) > 1
    out = []
    for curve in curves:
        run = f"{names[curve.run.id]} {short[curve.run.id]}" if twins else names[curve.run.id]
        label = " ".join(
            [*([run] if several_runs else []), *([curve.key] if several_keys or not several_runs else [])]
        )
        values = curve.history.values
        out.append(
            Line(label, _along(curve, axis, curves), smooth(values.tolist(), weight) if weight else values)
        )
    return out


def _own_axis(curves: Sequence[Curve]) -> str | None:
    """The metric that `define_metric` made the x axis of all of these curves."""
    axes = {curve.run.metric(curve.key).step_metric for curve in curves}
    only = axes.pop() if len(axes) == 1 else None
    return only if only is not None and all(only in curve.run.keys() for curve in curves) else None  # noqa: SIM118


def _along(curve: Curve, axis: str, curves: Sequence[Curve]) -> Any:
    if axis not in _LABELS:
        from ..terminal.metrics import points

        return points(curve.run, curve.key)[0]
    if axis == "step":
        return curve.history.steps
    if axis == "relative":
        start = timestamp(curve.run.created) or 0.0
    else:
        start = min((float(c.history.times.min()) for c in curves if len(c.history.times)), default=0.0)
    return curve.history.times - start


def _as_json(curve: Curve) -> dict[str, Any]:
    history = curve.history
    points = {name: getattr(history, name).tolist() for name in ("steps", "times", "values")}
    return {"run": curve.run.id, "key": curve.key, **points}


def _write(
    file: Path, pictures: Sequence[tuple[str, list[Line]]], *, log_x: bool, log_y: bool, label: str
) -> None:
    from ..terminal.svg import drawing

    if len(pictures) > 1:
        raise click.UsageError("an SVG file holds one picture; leave out --separate")
    title, lines = pictures[0]
    file.write_text(drawing(title, lines, log_x=log_x, log_y=log_y, label_x=label), encoding="utf-8")
    base.say(f"wrote {safe(file, 0)}")
