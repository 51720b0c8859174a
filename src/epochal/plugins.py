"""Finding plugins, and looking up what they add.

Plugins are found by entry point, the first time somebody needs one and never at
``import epochal``.  Nothing a plugin does wrong reaches the user's training: a plugin
that cannot be loaded, or whose hook fails, adds nothing, is reported once, and shows
with its error in `report` (`epochal doctor` prints it).
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import importlib.metadata
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from . import errors, hooks, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

GROUP = "epochal"
BUILT_IN = ("epochal.models.pickles", "epochal.surroundings.probes")
"""Modules of the core that add things through the same hooks as everybody else."""

ADDING = ("adapters", "flavors", "encoders", "probes", "commands")
"""Every hook; each adds something."""


@dataclass
class PluginReport:
    """One plugin, as `epochal doctor` shows it."""

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    problems: list[str] = field(default_factory=list)
    """Why it adds less than it could; empty if all is well."""
    adds: dict[str, list[str]] = field(default_factory=dict)
    """Names of what it adds, by hook."""
    narrowed: bool = False
    """Not loaded, because the setting ``plugins`` does not name it."""

    @property
    def state(self) -> str:
        """One word, "ok", "off" or "broken"."""
        return "off" if self.narrowed else "broken" if self.problems else "ok"


class Registry(Generic[T]):
    """What all plugins add of one kind, by name; and, if it has ``types``, by type."""

    def __init__(self, kind: str) -> None:
        """Ask every plugin for its objects of this kind (the name of a hook)."""
        self.kind = kind
        self._items: dict[str, T] = {}
        self._sources: dict[str, str] = {}
        for impl in getattr(manager().hook, kind).get_hookimpls():
            with _blamed(impl.plugin_name, kind):  # all that a plugin adds, or nothing of it
                found = {item.name: item for item in impl.function()}
                self._check(found, impl.plugin_name)
                self._items.update(found)
                self._sources.update(dict.fromkeys(found, impl.plugin_name))

    def _check(self, found: dict[str, T], plugin: str) -> None:
        for name in found:
            if name in self._items:
                both = f"{self._sources[name]} and {plugin}"
                raise errors.PluginConflict(f"{self.kind}: {name!r} comes from both {both}; uninstall one")

    def __getitem__(self, name: str) -> T:
        try:
            return self._items[name]
        except KeyError:
            message = f"no {self.kind.removesuffix('s')} named {name!r}; {self.known(name)}"
            raise errors.NotFound(message) from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    @property
    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._items)

    def source(self, name: str) -> str:
        """The plugin that adds this name."""
        return self._sources[name]

    def known(self, name: str) -> str:
        """What there is instead of ``name``: the second half of an error message."""
        return instead(name, self.names)

    def for_type(self, cls: type) -> T | None:
        """The item for the nearest class of ``cls``'s ancestry that some item names.

        ``types`` are names ("module:Class"), so nothing is imported, and the nearest
        class wins whatever the order of plugins.
        """
        table = {name: item for item in self for path in getattr(item, "types", ()) for name in _names(path)}
        paths = (f"{ancestor.__module__}:{ancestor.__qualname__}" for ancestor in cls.__mro__)
        return next((table[path] for path in paths if path in table), None)


def instead(name: str, known: list[str]) -> str:
    """Say what exists: "there are: a, b (did you mean 'a'?)"."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"there are: {', '.join(known) or 'none'}{hint}"


def registry(kind: str) -> Registry[Any]:
    """What plugins add through the hook named ``kind``; each plugin is asked once a process."""
    with _loading:
        return _registry(kind)


def report() -> list[PluginReport]:
    """Every plugin, built in or installed, with what it adds and what is wrong with it."""
    manager()
    for kind in ADDING:
        found = registry(kind)
        for plugin in _reports.values():
            plugin.adds[kind] = [name for name in found.names if found.source(name) == plugin.name]
    return list(_reports.values())


def manager() -> pluggy.PluginManager:
    """Load the plugins; the first call costs the search for entry points."""
    with _loading:
        return _manager()


@functools.cache
def _manager() -> pluggy.PluginManager:
    found = pluggy.PluginManager("epochal")
    found.add_hookspecs(hooks)
    for module in BUILT_IN:
        _reports[module] = PluginReport(module, module, "epochal")
        with _blamed(module, "load"):
            _register(found, importlib.import_module(module), module)
    wanted = settings.load().plugins
    entries = list(importlib.metadata.entry_points(group=GROUP))
    for entry in entries:
        if entry.name in _reports:
            _refuse_second(entry)
            continue
        _reports[entry.name] = plugin = _describe(entry)
        plugin.narrowed = wanted is not None and entry.name not in wanted
        if not plugin.narrowed:
            with _blamed(entry.name, "load"):  # one broken package must not take the rest along
                _register(found, entry.load(), entry.name)
    for name in wanted or ():
        if name not in _reports:
            there = instead(name, [entry.name for entry in entries])
            errors.warn_once(
                ("plugins", name), "settings name a plugin %r that is not installed; %s", name, there
            )
    return found


@contextlib.contextmanager
def using(**plugins: Any) -> Iterator[None]:
    """Have these objects as plugins for the length of a block; for tests of plugins.

    Objects of the same name that are installed are replaced.
    """
    found, before = manager(), dict(_reports)
    replaced = {name: found.unregister(name=name) for name in plugins if found.has_plugin(name)}
    _registry.cache_clear()
    try:
        for name, plugin in plugins.items():
            _reports[name] = PluginReport(name, getattr(plugin, "__name__", type(plugin).__name__))
            _register(found, plugin, name)
        yield
    finally:
        for name in plugins:
            if found.has_plugin(name):
                found.unregister(name=name)
        for name, plugin in replaced.items():
            found.register(plugin, name)
        _reports.clear()
        _reports.update(before)
        _registry.cache_clear()


def reset() -> None:
    """Forget every plugin; the next use looks for them again."""
    _manager.cache_clear()
    _registry.cache_clear()
    _reports.clear()


_reports: dict[str, PluginReport] = {}
_loading = threading.RLock()
"""Held while plugins are loaded or asked: the probe of a run asks from a thread of its own."""


@functools.cache
def _registry(kind: str) -> Registry[Any]:
    return Registry(kind)


def _register(found: pluggy.PluginManager, plugin: Any, name: str) -> None:
    found.register(plugin, name)
    try:
        found.check_pending()  # a hook that does not exist is a typo, not a wish
    except pluggy.PluginValidationError as error:
        found.unregister(name=name)
        hook = str(error).partition("unknown hook '")[2].partition("'")[0]
        known = [known for known in vars(hooks) if hasattr(getattr(hooks, known), "epochal_spec")]
        raise errors.PluginError(f"there is no hook {hook!r}; {instead(hook, known)}") from None


def _describe(entry: importlib.metadata.EntryPoint) -> PluginReport:
    return PluginReport(
        entry.name,
        entry.value,
        distribution=entry.dist.name if entry.dist else "",
        version=entry.dist.version if entry.dist else "",
    )


def _refuse_second(entry: importlib.metadata.EntryPoint) -> None:
    first = _reports[entry.name]
    if first.module == entry.value:  # the same package, found twice on the path
        return
    message = f"plugin {entry.name!r} comes from both {first.module} and {entry.value}; uninstall one of them"
    with _blamed(entry.name, "load"):
        raise errors.PluginConflict(message)


@contextlib.contextmanager
def _blamed(plugin: str, phase: str) -> Iterator[None]:
    """Swallow what a plugin does wrong, report it, and keep it for the doctor."""
    try:
        yield
    except Exception as error:
        if plugin in _reports:
            text = " ".join(str(error).split())  # pluggy's messages have several lines
            _reports[plugin].problems.append(f"{phase}: {type(error).__name__}: {text}")
        errors.report(f"plugin {plugin}", phase, error)


def _names(path: str) -> set[str]:
    """Give a class's own name too, where ``path`` is the public one; imports nothing."""
    module, _, name = path.partition(":")
    cls: Any = sys.modules.get(module)
    for part in name.split("."):
        cls = getattr(cls, part, None)
    return {path, f"{cls.__module__}:{cls.__qualname__}"} if isinstance(cls, type) else {path}


def _after_fork() -> None:
    global _loading  # noqa: PLW0603 - another thread of the parent may have held it
    _loading = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)
