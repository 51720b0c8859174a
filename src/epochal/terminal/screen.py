"""Where output goes: how wide it is, whether it has colours, which characters it can show.

On a terminal, tables fit its width; into a pipe or a file they are as wide as they need
to be, so that no id is ever cut and `grep`, `awk` and a diff see the same text every time.
What the output's encoding lacks comes out as ASCII or as an escape, never as an error.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .text import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPED_WIDTH = 100
_ENDLESS = 100_000
_NARROWEST = 20
_ASCII = str.maketrans(
    {
        "✔": "+",
        "✖": "x",
        "●": "*",
        "■": "!",
        "↷": "~",
        "○": "o",
        "·": "-",
        "…": ".",
        "★": "*",
        "↑": "^",
        "↓": "v",
        "━": "=",
        "╸": "-",
        "─": "-",
        "×": "x",  # noqa: RUF001 - the sign
    }
)
STATUS = {
    "finished": ("✔", "green"),
    "running": ("●", "cyan"),
    "failed": ("✖", "red"),
    "crashed": ("✖", "magenta"),
    "preempted": ("■", "yellow"),
    "superseded": ("↷", "bright_black"),
}
LINES = ("cyan", "yellow", "magenta", "green", "red", "blue", "bright_cyan", "bright_yellow")
DIM = "not bold dim"
BEST = "bold green"
HEAD = "bold"
GAP = 2


@dataclass(slots=True)
class Screen:
    """A place to print to; ``width`` is None where a line may be as long as it likes."""

    stream: TextIO
    width: int | None
    colour: bool
    unicode: bool
    terminal: bool

    @classmethod
    def on(cls, stream: TextIO | None = None) -> Screen:
        """What ``stream`` (default: standard output) can show; `NO_COLOR` and `FORCE_COLOR` are obeyed."""
        stream = stream or sys.stdout
        terminal = bool(getattr(stream, "isatty", lambda: False)())
        wanted = bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")
        colour = wanted and not os.environ.get("NO_COLOR")
        return cls(stream, _columns() if terminal else None, colour, _speaks_unicode(stream), terminal)

    @classmethod
    def plain(cls, width: int | None = PIPED_WIDTH) -> Screen:
        """A screen for `repr`: text only, ``width`` characters wide."""
        return cls(io.StringIO(), width, colour=False, unicode=True, terminal=False)

    @property
    def columns(self) -> int:
        """The width to draw a picture in."""
        return self.width or PIPED_WIDTH

    def console(self, stream: TextIO | None = None) -> Console:
        """A rich console that draws for this screen, and takes no text for markup."""
        return Console(
            file=stream or self.stream,
            width=self.width or _ENDLESS,
            force_terminal=self.colour,
            color_system="auto" if self.colour else None,
            no_color=not self.colour,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=False,
            legacy_windows=False,
        )

    def render(self, *things: RenderableType) -> str:
        """``things`` below each other as text for this screen."""
        sink = io.StringIO()
        console = self.console(sink)
        for thing in things:
            console.print(thing)
        text = sink.getvalue()
        if not self.colour:
            text = "".join(line.rstrip() + "\n" for line in text.splitlines())
        return self.spell(text)

    def print(self, *things: RenderableType) -> None:
        """Write ``things`` below each other."""
        self.stream.write(self.render(*things))

    def status(self, status: str, *, word: bool = True) -> Text:
        """A run's status as a coloured sign, and the word."""
        sign, colour = STATUS.get(status, ("○", "white"))
        return Text(
            f"{self.sign(sign)} {safe(status)}" if word else self.sign(sign), style=colour, no_wrap=True
        )

    def spell(self, text: str) -> str:
        """``text`` in what this screen can show, the rest as escapes."""
        if self.unicode:
            return text
        encoding = getattr(self.stream, "encoding", None) or "ascii"
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)

    def sign(self, text: str) -> str:
        """``text`` of ours with its ornaments in ASCII where this screen needs it."""
        return text if self.unicode else text.translate(_ASCII)

    def table(self) -> Table:
        """An empty table: a line under the head on a terminal, two spaces between columns, nothing else."""
        line = (_RULE if self.unicode else _RULE_ASCII) if self.width else None
        return Table(
            box=line,
            header_style=HEAD,
            pad_edge=False,
            padding=(0, 1 if line else 2, 0, 0),
            border_style=DIM,
            show_edge=False,
        )


_RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
_RULE_ASCII = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def _columns() -> int:
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def _speaks_unicode(stream: TextIO) -> bool:
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return encoding.startswith("utf") or encoding in {"cp65001", "gb18030"}


def dim(text: str) -> Text:
    """An aside."""
    return Text(text, style=DIM)
