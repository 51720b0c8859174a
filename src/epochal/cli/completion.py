"""`epochal completion`: the script that teaches a shell to complete epochal's commands, runs and metrics."""

from __future__ import annotations

import sys

import click

from . import base

_HOW = {
    "bash": 'eval "$(epochal completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(epochal completion zsh)"    # in ~/.zshrc',
    "fish": "epochal completion fish > ~/.config/fish/completions/epochal.fish",
}


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(list(_HOW)))
@base.common
def completion(shell: str, *, as_json: bool) -> None:
    """Print a script that makes a shell complete commands, run ids, metrics and projects.

    \b
    eval "$(epochal completion bash)"    # in ~/.bashrc
    eval "$(epochal completion zsh)"     # in ~/.zshrc
    epochal completion fish > ~/.config/fish/completions/epochal.fish
    """  # noqa: D301 - click's sign for lines that shall stay as they are
    from click.shell_completion import ShellComplete, get_completion_class

    from . import main

    kind = get_completion_class(shell)
    if kind is None:  # click knows all that we offer
        raise click.UsageError(f"click has no completion for {shell}")
    script = ShellComplete.source(kind(main, {}, "epochal", "_EPOCHAL_COMPLETE"))
    if as_json:
        base.put_json({"shell": shell, "script": script, "install": _HOW[shell]})
    else:
        sys.stdout.write(script)
