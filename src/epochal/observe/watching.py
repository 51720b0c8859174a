"""One target of a point: finding the callables behind it, patching them, restoring them.

A target names the module that *defines* a callable, and is patched when that module has
been imported.  Whatever goes wrong here is one warning and a state to be looked up.
"""

from __future__ import annotations

import fnmatch
import functools
import inspect
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from .. import errors
from . import imports, trampoline
from .importlib_bootstrap import AsyncGate, Detour, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from .points import Observer, Point


@dataclass(frozen=True)
class State:
    """How a point is, for `epochal doctor`."""

    adapter: str
    target: str
    state: str
    """"waiting" for its import, "patched", "failed" or "off"."""
    detail: str
    """Why it failed or is off."""
    why: str
    """Why this place is patched at all."""
    nested: str


class Watch:
    """One target of a point: the callables found behind it, and their state."""

    def __init__(self, point: Point, target: str) -> None:
        self.point, self.target = point, target
        self.nested = point.nested
        self.key = f"{point.adapter.name}|{target}"
        self.state, self.detail = "waiting", ""
        self.active = False
        self.slow = 0
        self.functions: list[FunctionType] = []
        self._started = False
        self._undo: list[Callable[[], bool]] = []
        self._signatures: dict[FunctionType, inspect.Signature] = {}

    @property
    def source(self) -> str:
        """The name of the adapter."""
        return self.point.adapter.name

    @property
    def options(self) -> Any:
        """The adapter's options in force."""
        return self.point.adapter.options

    @property
    def observer(self) -> Observer:
        """The generator function that observes."""
        return self.point.observer

    def signature(self, original: FunctionType) -> inspect.Signature:
        """The parameters the code itself has, whatever decorators say of it."""
        known = self._signatures.get(original)
        if known is None:
            code = trampoline.own_code(original)  # another adapter's redirection may be below ours
            bare = FunctionType(code, {}, "", original.__defaults__, original.__closure__)
            bare.__kwdefaults__ = original.__kwdefaults__
            known = self._signatures[original] = inspect.signature(bare)
        return known

    def report(self) -> State:
        """The state, for `epochal doctor`."""
        return State(self.source, self.target, self.state, self.detail, self.point.why, self.nested)

    def start(self) -> None:
        """Wait for the module, or patch at once if it is there."""
        if not self._started:
            self._started = True
            imports.when_imported(self.target.partition(":")[0], self._patch)
        self.refresh()

    def refresh(self) -> None:
        """Take over the adapter's switch."""
        self.active = self.point.adapter.enabled and self.state != "off"

    def switch_off(self, why: str) -> None:
        """Observe no more in this process, and say why, once."""
        self.state, self.detail, self.active = "off", why, False
        message = "epochal no longer observes %s: %s; your code is not affected"
        errors.warn_once((self.source, why), message, self.target, why)

    def unpatch(self) -> None:
        """Restore every callable that nobody else has redirected since; the others pass through."""
        if self._started:
            imports.forget(self.target.partition(":")[0], self._patch)
        self._started = False
        self._undo = [undo for undo in reversed(self._undo) if not undo()][::-1]
        self._signatures.clear()
        self.functions.clear()
        self.state, self.detail, self.slow = "waiting", "", 0

    def _patch(self, module: ModuleType) -> None:
        if complaint := self.point.adapter.complaint:
            self.switch_off(complaint)
            return
        try:
            self._install_all(module)
        except Exception as error:  # the framework changed: say so once, stay out of the way
            self.state, self.detail = "failed", f"{type(error).__name__}: {error}"
            errors.report(self.key, "patch", error)
        else:
            self.state, self.detail = "patched", ""

    def _install_all(self, module: ModuleType) -> None:
        path = self.target.partition(":")[2]
        if "." not in path and "*" in path:
            for name in _matching(module, path):
                self._install(trampoline.innermost(module, name))
            return
        *parents, name = path.removesuffix("*").split(".")
        owner: Any = functools.reduce(getattr, parents, cast("Any", module))
        if path.endswith("*"):
            self._install_subclasses(owner, name)
        else:
            self._install(trampoline.innermost(owner, name))

    def _install(self, function: FunctionType) -> None:
        ours = self.point.watches  # two targets of a point may meet in one function
        there = [d.watched for d in trampoline.detours(function) if isinstance(d, Gate)]
        if not any(found is watch for found in there for watch in ours):
            gate = AsyncGate if inspect.iscoroutinefunction(function) else Gate
            self._undo.append(trampoline.install(function, gate(self)))
            self.functions.append(function)

    def _install_subclasses(self, base: type, name: str) -> None:
        for cls in (base, *_subclasses(base)):
            self._install_own(cls, name)
        announcer = self._announcing(base)
        if not any(isinstance(d, _Announcer) and d.watch is self for d in trampoline.detours(announcer)):
            self._undo.append(trampoline.install(announcer, _Announcer(self, base, name)))

    def _announcing(self, base: type) -> FunctionType:
        """The function that Python calls for each new subclass; made, where there is none."""
        try:
            return trampoline.innermost(base, "__init_subclass__")
        except TypeError:  # object's own, which is built in
            beyond: Any = super

            def __init_subclass__(cls: type, /, **kwargs: Any) -> None:  # noqa: N807 - it is one
                beyond(base, cls).__init_subclass__(**kwargs)

            def remove() -> bool:
                del base.__init_subclass__
                return True

            setattr(base, "__init_subclass__", classmethod(__init_subclass__))  # noqa: B010 - mypy
            self._undo.append(remove)
            return cast("FunctionType", __init_subclass__)

    def _install_own(self, cls: type, name: str) -> None:
        """Patch what the class itself defines, unless that is no Python function."""
        if name in vars(cls):
            try:
                function = trampoline.innermost(cls, name)
                self._install(function)
            except TypeError as error:
                errors.log.debug("%s: %s.%s is not observed: %s", self.key, cls.__qualname__, name, error)


class _Announcer(Detour):
    """The detour of an ``__init_subclass__``: a class that is defined later is observed too."""

    def __init__(self, watch: Watch, base: type, name: str) -> None:
        self.watch, self._base, self._name = watch, base, name

    def __call__(self, original: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        with errors.guard(self.watch.key, "patch subclass"):
            cls = args[0]
            if issubclass(cls, self._base):
                self.watch._install_own(cls, self._name)  # noqa: SLF001 - two halves of one thing
        return result


def _subclasses(base: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(base)
    for cls in subclasses:
        yield cls
        yield from _subclasses(cls)


def _matching(module: ModuleType, pattern: str) -> list[str]:
    """Names of the public functions of a module that are defined in its own package."""
    public = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    root = module.__name__.partition(".")[0]
    names = [
        name
        for name in fnmatch.filter(public, pattern)
        if callable(found := getattr(module, name, None))
        and not isinstance(found, type)
        and getattr(found, "__module__", "").partition(".")[0] == root
    ]
    if not names:
        raise AttributeError(f"{module.__name__} has no public function like {pattern!r}")
    return names
