"""Call a function once a module has been imported, without importing it.

A meta path finder that finds nothing itself hears of every import.  For a module that
somebody waits for it asks the other finders, and shadows the found loader's
``exec_module`` with an instance attribute for this one import; the module keeps its own
loader, of its own type, and afterwards no trace is left.

A hook stays registered: it is called again if the module is reloaded or imported anew.
"""

from __future__ import annotations

import sys
import threading
from importlib.util import LazyLoader
from typing import TYPE_CHECKING, Any

from .. import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Hook = Callable[[ModuleType], None]

_hooks: dict[str, list[Hook]] = {}
_waiting: set[str] = set()  # names whose hooks have not been called
_asking = threading.local()
_lock = threading.Lock()


def when_imported(name: str, hook: Hook) -> None:
    """Call ``hook(module)`` now if ``name`` is imported, else right after it is."""
    with _lock:
        _hooks.setdefault(name, []).append(hook)
        if _Listener not in sys.meta_path:
            sys.meta_path.insert(0, _Listener)
    module = sys.modules.get(name)
    if module is None or _is_half_imported(module):
        _waiting.add(name)
    else:
        _call(name, [hook])


def forget(name: str, hook: Hook) -> None:
    """Take a hook back; with the last one the import system is as it was."""
    with _lock:
        hooks = _hooks.get(name, [])
        if hook in hooks:
            hooks.remove(hook)
        if not hooks:
            _hooks.pop(name, None)
            _waiting.discard(name)
        if not _hooks and _Listener in sys.meta_path:
            sys.meta_path.remove(_Listener)


def settle() -> None:
    """Call the hooks of modules that came past us, or were half imported, and are whole by now."""
    for name in tuple(_waiting):
        module = sys.modules.get(name)
        if module is not None and not _is_half_imported(module):
            _imported(name)


def _imported(name: str) -> None:
    _waiting.discard(name)
    _call(name, list(_hooks.get(name, ())))


def _call(name: str, hooks: list[Hook]) -> None:
    for hook in hooks:
        with errors.guard(name, "import hook"):
            hook(sys.modules[name])  # a module may have put something else in its place


def _is_half_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Listener:
    """A finder that finds nothing itself: it listens for the names we want."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find what the others find, and make ourselves heard of when it has been executed."""
        if _waiting:
            settle()
        if name not in _hooks or name in vars(_asking):
            return None
        vars(_asking)[name] = True  # other listeners ask the whole meta path too, and so us
        try:
            return cls._ask_others(name, path, target)
        finally:
            vars(_asking).pop(name, None)

    @classmethod
    def _ask_others(
        cls, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is not cls and find is not None and (spec := find(name, path, target)) is not None:
                with errors.guard(name, "import listener"):
                    _follow(spec)
                found: ModuleSpec = spec
                return found
        return None


def _follow(spec: ModuleSpec) -> None:
    loader: Any = spec.loader
    if isinstance(loader, LazyLoader):  # wait for the real import, and do not cause it
        loader = vars(loader)["loader"]
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type) or not hasattr(loader, "__dict__"):
        return  # built in or frozen: settle() finds it at the next import

    def exec_module(module: ModuleType) -> None:
        if module.__spec__ is not spec:  # a loader shared by several modules
            execute(module)
            return
        vars(loader).pop("exec_module", None)
        execute(module)
        _imported(spec.name)

    loader.exec_module = exec_module
