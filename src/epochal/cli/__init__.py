"""The program `epochal`: look at runs, compare them, tidy up, and see that all is well.

A command is a module of this package, imported when it is used, so that `epochal version`
costs no more than Python and click.  Whatever goes wrong is one line on standard error
and an exit code: 2 for what the caller can mend, 1 for "no" and for our own mistakes, 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import EpochalError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTIONS: dict[str, dict[str, str]] = {
    "Look": {
        "runs": "runs:runs",
        "show": "show:show",
        "compare": "compare:compare",
        "plot": "plot:plot",
        "tail": "tail:tail",
    },
    "Tidy up": {"rm": "manage:rm", "rebuild": "rebuild:rebuild"},
    "Set up": {
        "init": "init:init",
        "config": "config:config",
        "doctor": "doctor:doctor",
        "load-check": "load_check:load_check",
        "completion": "completion:completion",
        "version": "version:version",
    },
}
BUILT_IN = {name: place for commands in SECTIONS.values() for name, place in commands.items()}
PROGRAM = "epochal"


class Program(click.Group):
    """The group of all commands: ours by the table above, plugins' through the hook `commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, ours first."""
        return [*BUILT_IN, *self.from_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; ask the plugins only for a name that is not ours."""
        if cmd_name in BUILT_IN:
            module, _, name = BUILT_IN[cmd_name].partition(":")
            found: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
            return found
        return self.commands.get(cmd_name) or self.from_plugins().get(cmd_name)

    def from_plugins(self) -> dict[str, click.Command]:
        """The commands that plugins add, by name; one that would hide a built-in command is left out."""
        from .. import plugins

        return {str(c.name): c for c in plugins.registry("commands") if c.name not in BUILT_IN}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown name is answered with near ones."""
        if args and not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for."""
        names = {section: list(commands) for section, commands in SECTIONS.items()}
        names["From plugins"] = list(self.from_plugins())
        limit = formatter.width - 6 - max(len(name) for group in names.values() for name in group)
        for section, group in names.items():
            found = [(name, self.get_command(ctx, name)) for name in group]
            rows = [
                (name, command.get_short_help_str(limit)) for name, command in found if command is not None
            ]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that closed the pipe has seen enough, and that is no error."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _hang_up()
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program; errors end it with one line and a code, unless not ``standalone_mode``."""
        if not standalone_mode:
            return super().main(args, prog_name or PROGRAM, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name or PROGRAM, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # newer versions of click raise it
                click.echo(error.format_message())
                sys.exit(0)
            _fail(_usage(error), error.exit_code)
        except EpochalError as error:
            _fail(str(error), 2, error)
        except click.Abort as error:
            interrupted = isinstance(error.__cause__, KeyboardInterrupt)
            _fail("interrupted" if interrupted else "nothing was done", 130 if interrupted else 1)
        except OSError as error:
            _fail(_system(error), 2, error)
        except RecursionError as error:
            _fail("something is nested too deeply to be shown; --json has all of it", 2, error)
        except Exception as error:
            _fail(_unexpected(error), 1, error)
        sys.exit(code if isinstance(code, int) else 0)


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """An error text for a name that does not exist, with the names it may have meant."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known) or 'none'}"
    return f"no {kind} named {name!r}; {hint}"


def _usage(error: click.ClickException) -> str:
    where = getattr(error, "ctx", None)
    path = where.command_path if where is not None else PROGRAM
    help_ = f" (see '{path} --help')" if isinstance(error, click.UsageError) else ""
    return " ".join(error.format_message().split()).rstrip(".") + help_


def _system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _unexpected(error: Exception) -> str:
    kind = f"{type(error).__module__}.{type(error).__name__}"
    if kind.startswith("sqlalchemy."):
        cause = getattr(error, "orig", None) or error
        return (
            f"the store's index cannot be used ({cause}); 'epochal rebuild' makes a new one from the journals"
        )
    return f"a mistake in epochal itself ({type(error).__name__}: {error}); EPOCHAL_TRACEBACK=1 shows where"


def _fail(message: str, code: int, error: Exception | None = None) -> NoReturn:
    """Say ``message`` in one red line on standard error, without its indented illustrations, and end."""
    from ..terminal.text import safe

    if error is not None and os.environ.get("EPOCHAL_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    parts = [part.strip() for part in message.splitlines() if part.strip() and not part.startswith(" ")]
    line = safe("; ".join(parts) or message, 4000)
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    line = line.encode(encoding, "backslashreplace").decode(encoding)
    colour = None if not os.environ.get("NO_COLOR") else False
    click.secho("error: ", fg="red", bold=True, err=True, nl=False, color=colour)
    click.secho(line, fg="red", err=True, color=colour)
    sys.exit(code)


def _hang_up() -> NoReturn:
    """End as a program does that wrote into a closed pipe, without Python's complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)


def _choose_store(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None and not ctx.resilient_parsing:
        from .base import use_store

        use_store(ctx, path)


main = Program(
    name=PROGRAM,
    help="See, compare and tidy the runs of machine-learning experiments."
    "\n\nStart with 'epochal runs' and 'epochal show'.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--store"],
            metavar="PATH",
            expose_value=False,
            is_eager=True,
            callback=_choose_store,
            help="The store's folder, or the folder that has it as .epochal."
            "  [default: EPOCHAL_STORE, else the nearest .epochal]",
        ),
    ],
)
