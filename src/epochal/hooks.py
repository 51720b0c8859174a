"""Everything a plugin can add to epochal.

A plugin is a module (or any object) named by an entry point of the group ``epochal``.
It implements the hooks it wants, each marked with `hookimpl`, and imports its framework
only inside the objects it returns.  Hooks run when something is looked up; never
per logged value.

A hook is here only if a plugin of ours uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence

hookspec = pluggy.HookspecMarker("epochal")
hookimpl = pluggy.HookimplMarker("epochal")
"""Marks a function of a plugin as the implementation of the hook of that name."""

# -- add: asked once, when first needed; return objects with a unique `name` -----------


@hookspec
def adapters() -> Sequence[Any]:  # type: ignore[empty-body]
    """Frameworks to watch: `epochal.observe.Adapter` objects."""


@hookspec
def flavors() -> Sequence[Any]:  # type: ignore[empty-body]
    """Ways to keep a model in a folder: `epochal.models.Flavor` objects."""


@hookspec
def encoders() -> Sequence[Any]:  # type: ignore[empty-body]
    """Ways to log a value that is no number: ``name``, ``types``, ``encode(value) -> media``."""


@hookspec
def probes() -> Sequence[Any]:  # type: ignore[empty-body]
    """What to note of the surroundings of a run: ``name``, ``once() -> dict``."""


@hookspec
def commands() -> Sequence[Any]:  # type: ignore[empty-body]
    """Commands for the ``epochal`` program: `click.Command` objects."""
