"""`epochal load-check`: what loading a model would do, without loading it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..errors import FormatError
from . import base

if TYPE_CHECKING:
    from rich.text import Text

    from ..models import CheckReport
    from ..terminal.screen import Screen


@click.command("load-check", short_help="Say whether a model loads here, and safely.")
@click.argument("ref", metavar="REF")
@click.option("--trust", multiple=True, metavar="TYPE", help="Treat this type as trusted; may be repeated.")
@base.common
def load_check(ref: str, trust: tuple[str, ...], *, as_json: bool) -> None:
    """Say whether a model can be loaded here, and safely; REF is a folder or runs:/RUN/NAME.

    Exit code 0: it loads; 1: it needs packages or trust; 2: it is damaged, or not there.
    """
    from .. import models

    if ref.startswith("runs:/"):
        run, _, name = ref.removeprefix("runs:/").strip("/").partition("/")
        ref = f"runs:/{base.find(run).id}/{name}" if run and name else ref
    report = models.check(ref, trust)
    if as_json:
        import msgspec

        base.put_json(msgspec.to_builtins(report))
        sys.exit(2 if report.problems else 0 if report.loads else 1)
    if report.problems:
        raise FormatError(f"{'; '.join(report.problems)}; {report.advice}")
    _draw(report, base.screen())
    sys.exit(0 if report.loads else 1)


def _draw(report: CheckReport, screen: Screen) -> None:
    from rich.text import Text

    from ..terminal import text
    from ..terminal.layout import pairs
    from ..terminal.screen import DIM

    sign, style = ("✔", "green") if report.loads else ("✖", "yellow")
    rows: list[tuple[str, Text | str]] = [
        ("class", text.safe(report.type)),
        ("flavor", f"{text.safe(report.flavor)}, format {report.flavor_version}"),
        ("files", f"{text.count(report.files, 'file')}, {text.size(report.size)}, as they were saved"),
        ("can run code", Text("yes", style="red") if report.executes_code else Text("no", style="green")),
        ("python", _then_and_now(*report.python)),
    ]
    rows += [(name, _then_and_now(then, now)) for name, (then, now) in report.versions.items()]
    rows += [("module", text.safe(name)) for name in report.modules]
    sides = (line.partition(": ") for line in report.signature.splitlines())
    rows += [(text.safe(side), text.safe(said)) for side, _, said in sides]
    rows += [("not trusted", Text(text.safe(name), style="yellow")) for name in report.untrusted]
    screen.print(
        Text(f"{screen.sign(sign)} ", style=style).append(text.safe(report.ref), style="bold"),
        pairs(rows),
        Text.assemble((">>> " if report.loads else "", DIM), (text.safe(report.advice), "bold")),
    )


def _then_and_now(then: str, now: str | None) -> Text:
    from rich.text import Text

    from ..terminal.text import safe

    if now == then:
        return Text(safe(then))
    return Text(f"{safe(then)} then, {safe(now) if now else 'not installed'} here", style="yellow")
