"""Switch the observation of frameworks on and off.

`autolog` imports no framework: each is patched when somebody imports it.  It may be
called again, to change options or to switch frameworks off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import typing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from . import errors, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .observe import Adapter
    from .plugins import Registry

_PLAIN: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int), str: (str,)}

F = TypeVar("F", bound="Callable[..., Any]")


def autolog(*frameworks: str, off: bool | str | Iterable[str] = (), **options: Any) -> None:
    """Log every training run of these frameworks, or of all that have a plugin, from now on.

    ``off`` names frameworks to leave out, or to switch off again; ``off=True`` switches
    all of them off.  The options are those of the frameworks' plugins, for example
    ``autolog("sklearn", plots=False)``; without a framework's name they reach every
    plugin that has an option of the name.  What is not given stays as it was.

    The setting ``autolog`` (``EPOCHAL_AUTOLOG=off``) makes this do nothing.  Raises
    `EpochalError` if there is no such framework or option.
    """
    from . import plugins
    from .observe import admission

    adapters: Registry[Adapter] = plugins.registry("adapters")
    unwanted = set(_names(off, adapters))
    wanted = [adapters[name] for name in _names(frameworks or True, adapters) if name not in unwanted]
    new_options = _options(wanted if wanted or frameworks else list(adapters), options)
    for name in unwanted:
        adapters[name].disable()
    if not settings.load().autolog:
        return
    admission.belongs_here()
    for adapter in wanted:
        adapter.options = new_options.get(adapter.name, adapter.options)
        adapter.enable()


def disable(*frameworks: str, unpatch: bool = False) -> None:
    """Switch off these frameworks, or all; with ``unpatch`` every function is restored as well."""
    from . import plugins

    adapters: Registry[Adapter] = plugins.registry("adapters")
    for name in _names(frameworks or True, adapters):
        adapters[name].disable(unpatch=unpatch)


class quiet(contextlib.AbstractContextManager[None]):  # noqa: N801 - reads as a statement: `with quiet():`
    """Autolog nothing in a block, or, as a decorator, in a function.

    Counts for the thread or task it is used in and for the tasks started there; other
    threads go on.  Blocks may be nested.
    """

    def __init__(self) -> None:
        self._silences: list[contextlib.AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        from .observe.admission import silence

        block = silence()
        block.__enter__()
        self._silences.append(block)

    def __exit__(self, *problem: object) -> None:
        self._silences.pop().__exit__(None, None, None)

    def __call__(self, function: F) -> F:
        """Silence a function, or a coroutine function."""

        @functools.wraps(function)
        def silent(*args: Any, **kwargs: Any) -> Any:
            with quiet():
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def silent_coroutine(*args: Any, **kwargs: Any) -> Any:
            with quiet():
                return await function(*args, **kwargs)

        return cast("F", silent_coroutine if inspect.iscoroutinefunction(function) else silent)


def _names(given: bool | str | Iterable[str], adapters: Registry[Adapter]) -> list[str]:
    """The frameworks meant by ``True`` (all), a name or several."""
    if isinstance(given, bool):
        return adapters.names if given else []
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in adapters:
            known = adapters.known(name)
            hint = (
                ""
                if "did you mean" in known
                else f" (a framework comes with its plugin: pip install epochal-{name})"
            )
            raise errors.NotFound(f"no framework named {name!r}; {known}{hint}")
    return names


def _options(adapters: list[Adapter], given: dict[str, Any]) -> dict[str, Any]:
    """The new options of each adapter that has some of these; all of them, before any is changed."""
    valid = {a.name: {f.name for f in dataclasses.fields(a.options_type)} for a in adapters if a.options_type}
    for option in given:
        if not any(option in names for names in valid.values()):
            from .plugins import instead

            where = ", ".join(a.name for a in adapters) or "any framework"
            known = sorted(set().union(*valid.values()))
            raise errors.EpochalError(f"autolog: no option {option!r} for {where}; {instead(option, known)}")
    return {
        a.name: _updated(a, {k: v for k, v in given.items() if k in valid[a.name]})
        for a in adapters
        if a.name in valid
    }


def _updated(adapter: Adapter, given: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(type(adapter.options))
    for name, value in given.items():
        kind = hints[name]
        if kind in _PLAIN and (type(value) not in _PLAIN[kind]):
            problem = f"{name} is {value!r}, but must be of type {kind.__name__}"
            raise errors.EpochalError(f"autolog: an option of {adapter.name} makes no sense: {problem}")
    try:
        return dataclasses.replace(adapter.options, **given)
    except (TypeError, ValueError) as error:
        raise errors.EpochalError(f"autolog: an option of {adapter.name} makes no sense: {error}") from None
