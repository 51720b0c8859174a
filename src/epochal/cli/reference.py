"""The reference of all commands in Markdown, made from the commands themselves.

`python -m epochal.cli.reference` prints it; the documentation holds it between two
markers, and a test compares the two.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from . import SECTIONS, main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_COMMON = ("as_json", "store")


def reference() -> str:
    """All built-in commands as Markdown, with their options but for those that every command has."""
    with click.Context(main, info_name="epochal") as top:
        parts = []
        for section, names in SECTIONS.items():
            parts.append(f"## {section}\n")
            parts += [
                entry
                for name in names
                if (command := main.get_command(top, name))
                for entry in _entries(command, top, name)
            ]
    return "\n".join(parts).rstrip() + "\n"


def _entries(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    with click.Context(command, info_name=name, parent=parent) as ctx:
        shown: click.Command = command
        inner: Mapping[str, click.Command] = {}
        if isinstance(command, click.Group):
            inner = command.commands
            shown = inner.get("list", command)
        usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
        blocks = (
            f"### `{ctx.command_path}`",
            f"```text\n{usage}\n```",
            _help(command),
            _options(shown, ctx),
        )
        yield "\n\n".join(block for block in blocks if block).rstrip() + "\n"
        for sub, entry in inner.items():
            if not entry.hidden:
                yield from _entries(entry, ctx, sub)


def _help(command: click.Command) -> str:
    """A command's help; what click is told not to wrap becomes a code block."""
    import inspect

    blocks = []
    for block in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = block.splitlines()
        blocks.append(
            "\n".join(["```sh", *lines[1:], "```"]) if lines[0].strip() == "\b" else " ".join(lines)
        )
    return "\n\n".join(blocks)


def _options(command: click.Command, ctx: click.Context) -> str:
    params = [
        param for param in command.params if isinstance(param, click.Option) and param.name not in _COMMON
    ]
    records = [record for param in params if (record := param.get_help_record(ctx))]
    if not records:
        return ""
    rows = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("  [", " [")


if __name__ == "__main__":
    sys.stdout.write(reference())
