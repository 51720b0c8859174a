"""The hyper-parameters and the summary of a run, as objects that a user reads and writes.

Both remember what they were given, in its own type, and tell the journal at once.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import EpochalError

if TYPE_CHECKING:
    from .events import Define


class Config(MutableMapping[str, Any]):
    """Hyper-parameters: ``config.lr``, ``config["lr"]``, ``config.optimizer.lr``, ``config.update(...)``.

    Nested mappings come back as `Config`, so that attributes work and writes are kept at every depth.
    """

    __slots__ = ("_changed", "_values")

    def __init__(
        self, values: Mapping[str, Any] | None = None, changed: Callable[[str], None] | None = None
    ) -> None:
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_changed", changed or (lambda _key: None))
        for key, value in (values or {}).items():
            self._put(key, value)

    def _put(self, key: str, value: Any) -> None:
        if isinstance(value, Mapping):
            value = Config({str(k): v for k, v in value.items()}, lambda _inner: self._changed(key))
        self._values[key] = value

    def __getitem__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            known = ", ".join(self._values) or "none"
            raise KeyError(f"no {key!r} in the config; there are: {known}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(str(key), value)
        self._changed(str(key))

    def __delitem__(self, key: str) -> None:
        raise EpochalError(
            f"the config is a record of what a run used: {key!r} can be set again, not removed"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return repr(self.to_dict())

    def update(self, *others: Any, **values: Any) -> None:
        """Set several at once, from a mapping, a Namespace, a dataclass or a YAML or JSON file."""
        for other in others:
            for key, value in as_mapping(other).items():
                self[key] = value
        for key, value in values.items():
            self[key] = value

    def to_dict(self) -> dict[str, Any]:
        """A plain dict, nested ones too."""
        return {k: v.to_dict() if isinstance(v, Config) else v for k, v in self._values.items()}


class Summary(MutableMapping[str, Any]):
    """One value for each metric: the last, or what `define_metric` asks for, or what a user sets here."""

    def __init__(self, changed: Callable[[str, Any], None]) -> None:
        self._changed = changed
        self._set: dict[str, Any] = {}
        self._counts: dict[str, tuple[int, float]] = {}
        self._kept: dict[str, float] = {}
        self.definitions: list[Define] = []
        self.last: dict[str, Any] = {}
        """The value of each metric; the run puts the last one here before it calls `track`."""

    def __getitem__(self, key: str) -> Any:
        return self._set[key] if key in self._set else self.last[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set[key] = value
        self._changed(key, value)

    def __delitem__(self, key: str) -> None:
        raise EpochalError(f"the summary is a record: {key!r} can be set again, not removed")

    def __iter__(self) -> Iterator[str]:
        return iter({**self.last, **self._set})

    def __len__(self) -> int:
        return len({**self.last, **self._set})

    def __repr__(self) -> str:
        return repr({**self.last, **self._set})

    def track(self, values: Mapping[str, Any]) -> None:
        """Keep the summaries that were defined; the projection computes the same from the points."""
        for key, value in values.items():
            for definition in reversed(self.definitions):
                if definition.summary and fnmatch.fnmatchcase(key, definition.metric):
                    self._keep(key, value, definition)
                    break

    def _keep(self, key: str, value: float, definition: Define) -> None:
        count, total = self._counts.get(key, (0, 0.0))
        self._counts[key] = (count + 1, total + value)
        kept = self._kept.get(key, value)
        if definition.summary == "mean":
            kept = (total + value) / (count + 1)
        elif definition.summary == "last":
            kept = value
        elif definition.summary == "min" or (definition.summary == "best" and definition.goal == "minimize"):
            kept = min(kept, value)
        else:
            kept = max(kept, value)
        self._kept[key] = self.last[key] = kept


def as_mapping(source: Any) -> dict[str, Any]:
    """Read hyper-parameters: a mapping, an `argparse.Namespace`, a dataclass, or a YAML or JSON file."""
    if source is None:
        return {}
    if isinstance(source, Config):
        return source.to_dict()
    if isinstance(source, Mapping):
        return {str(key): value for key, value in source.items()}
    if (argparse := sys.modules.get("argparse")) and isinstance(source, argparse.Namespace):
        return dict(vars(source))
    if hasattr(type(source), "__dataclass_fields__"):
        return {name: getattr(source, name) for name in type(source).__dataclass_fields__}
    if isinstance(source, (str, os.PathLike)):
        return _from_file(Path(source))
    kind = type(source).__name__
    raise EpochalError(
        f"config cannot be read from a {kind}; give a dict, a Namespace, a dataclass, or a YAML or JSON file"
    )


def _from_file(path: Path) -> dict[str, Any]:
    import json

    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else _yaml(text, path)
    except (OSError, ValueError) as error:
        raise EpochalError(f"the config file {path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise EpochalError(f"the config file {path} holds a {type(content).__name__}, not names with values")
    return {str(key): value for key, value in content.items()}


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise EpochalError(
            f"to read {path} install PyYAML (pip install pyyaml), or write it as JSON"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
