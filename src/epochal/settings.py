"""Settings: arguments win over the environment, that over a file, that over the defaults.

The file is `epochal.toml`, or the table `[tool.epochal]` of `pyproject.toml`, in the
working directory or the nearest folder above it that has one.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OFF = {"0", "off", "false", "no"}
_ON = {"1", "on", "true", "yes"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set, with its default."""

    store: str | None = None
    """The store's folder; None: the nearest `.epochal` upwards, else the user's data folder."""
    project: str | None = None
    durability: str = "second"
    """"second": synced to disk at least once a second; "sync": each record, before the call returns."""
    console: bool = False
    system_interval: float = 15.0
    """Seconds between two samples of the machine's load; 0 turns them off."""
    environment: bool = True
    """Whether to note packages, git state and machine at the start of a run."""
    autolog: bool = True
    plugins: tuple[str, ...] | None = None
    """Names of the plugins to load; None: every installed one."""
    strict: bool = False
    """Raise in log() what is otherwise a warning and a counter."""


_overrides: dict[str, Any] = {}
_loaded: tuple[object, Settings, dict[str, str]] | None = None


def load() -> Settings:
    """The settings in force here; read again when the environment or the folder changed."""
    return _load()[1]


def explain() -> list[tuple[str, Any, str]]:
    """Each setting's name, value and where the value comes from."""
    _, settings, sources = _load()
    rows = [
        (name, getattr(settings, name), sources.get(name, "default")) for name in Settings.__struct_fields__
    ]
    return [
        (name, str(_find_store(settings)[0]) if name == "store" else value, _source(name, source, settings))
        for name, value, source in rows
    ]


def _source(name: str, source: str, settings: Settings) -> str:
    return _find_store(settings)[1] if name == "store" and source == "default" else source


@contextlib.contextmanager
def override(**values: Any) -> Iterator[Settings]:
    """Set these for the duration of a block, above everything else; for tests and embedding."""
    before = dict(_overrides)
    _overrides.update(values)
    try:
        yield load()
    finally:
        _overrides.clear()
        _overrides.update(before)


def store_root() -> Path:
    """The folder of the store; made, readable by its owner only, if it is not there.

    Raises `StoreError` where it cannot be made.
    """
    root = _find_store(load())[0]
    if not root.is_dir():
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the store {root} ({error.strerror}); set EPOCHAL_STORE to another folder"
            raise StoreError(message) from error
    return root


def _find_store(settings: Settings) -> tuple[Path, str]:
    if settings.store is not None:
        if "://" in settings.store:
            raise SettingsError(
                f"EPOCHAL_STORE={settings.store!r}: this version knows no servers; name a folder"
            )
        return Path(settings.store).expanduser().absolute(), "setting"
    for folder in _upwards():
        if (folder / ".epochal").is_dir():
            return folder / ".epochal", "nearest .epochal folder"
    import platformdirs

    return Path(platformdirs.user_data_dir("epochal")), "user data folder"


def _upwards() -> list[Path]:
    try:
        here = Path.cwd()
    except OSError:  # the working directory was deleted under us
        return []
    return [here, *here.parents]


def _load() -> tuple[object, Settings, dict[str, str]]:
    global _loaded  # noqa: PLW0603 - one cache, keyed by all that it depends on
    environment = {k: v for k, v in os.environ.items() if k.startswith("EPOCHAL_")}
    folders = _upwards()
    key = (environment, folders[:1], dict(_overrides))
    if _loaded is None or _loaded[0] != key:
        _loaded = (key, *_read(environment, folders))
    return _loaded


def _read(environment: dict[str, str], folders: list[Path]) -> tuple[Settings, dict[str, str]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    layers = [_from_file(folders), _from_environment(environment), (dict(_overrides), "argument")]
    for layer, source in layers:
        for name, value in layer.items():
            if name not in Settings.__struct_fields__:
                known = ", ".join(Settings.__struct_fields__)
                raise SettingsError(f"{source}: no setting named {name!r}; there are: {known}")
            values[name] = value
            sources[name] = source if source != "environment" else f"EPOCHAL_{name.upper()}"
    values = {k: str(v) if k == "store" and v is not None else v for k, v in values.items()}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"a setting makes no sense: {error}") from None
    if settings.durability not in {"second", "sync"}:
        raise SettingsError(f"durability is {settings.durability!r}; it can be 'second' or 'sync'")
    return settings, sources


def _from_environment(environment: dict[str, str]) -> tuple[dict[str, Any], str]:
    fields = {f.name: f.type for f in msgspec.structs.fields(Settings)}
    found: dict[str, Any] = {}
    for name, kind in fields.items():
        text = environment.get(f"EPOCHAL_{name.upper()}")
        if text is None or (text == "" and name != "plugins"):
            continue
        if kind is bool:
            if text.lower() not in _ON | _OFF:
                raise SettingsError(f"EPOCHAL_{name.upper()}={text!r}: it can be on or off")
            found[name] = text.lower() in _ON
        elif name == "plugins":
            found[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        elif name == "system_interval" and text.lower() in _OFF:
            found[name] = 0.0
        else:
            found[name] = text
    return found, "environment"


def _from_file(folders: list[Path]) -> tuple[dict[str, Any], str]:
    import tomllib

    for folder in folders:
        for file, table in ((folder / "epochal.toml", ()), (folder / "pyproject.toml", ("tool", "epochal"))):
            if not file.is_file():
                continue
            try:
                content: Any = tomllib.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                if table:  # somebody else's pyproject.toml is not ours to complain about
                    continue
                raise SettingsError(f"{file} cannot be read: {error}") from None
            for part in table:
                content = content.get(part, {})
            if content or not table:
                return dict(content), str(file)
    return {}, "default"
