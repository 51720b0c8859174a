"""Files, media and models of a run: bytes go to the object store, the event that names them is returned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from . import events
from .artifacts.objects import Objects, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models.manifest import Manifest


def keep_path(
    root: Path, path: Path, name: str | None, kind: str, metadata: Mapping[str, Any] | None
) -> events.Artifact:
    """Keep a file or a folder; all of its files, or nothing."""
    objects = Objects(root)
    files = [events.File(_text(inner), *objects.put_file(file)) for inner, file in walk(path)]
    return _artifact(name or path.resolve().name, kind, files, metadata)


def keep_bytes(root: Path, data: bytes, name: str) -> events.Artifact:
    """Keep these bytes as one file."""
    return _artifact(name, "file", [events.File(_text(name), *Objects(root).put_bytes(data))], None)


def keep_media(root: Path, key: str, item: Any, step: int) -> events.Media:
    """Keep what a media object encodes to."""
    encoded, objects = item.encode(), Objects(root)
    files = []
    for name, content, mime in encoded.files:
        blob = objects.put_bytes(content) if isinstance(content, bytes) else objects.put_file(Path(content))
        files.append(events.File(name, *blob, mime))
    return events.Media(key, step, encoded.type, files, encoded.data, encoded.caption)


def keep_model(
    root: Path, model: Any, name: str, options: Mapping[str, Any]
) -> tuple[events.Artifact, Manifest]:
    """Save a model with `save_model` and keep its folder."""
    import tempfile

    from .models import save_model

    objects = Objects(root)
    with tempfile.TemporaryDirectory(dir=objects.scratch()) as scratch:
        folder = Path(scratch) / "model"
        manifest = save_model(model, folder, **options)
        files = [events.File(inner, *objects.adopt(file)) for inner, file in walk(folder)]
    return _artifact(name, "model", files, manifest.summary()), manifest


def _artifact(
    name: str, kind: str, files: list[events.File], metadata: Mapping[str, Any] | None
) -> events.Artifact:
    import blake3

    from .values import plain

    content = msgspec.json.encode([(file.path, file.digest, file.size) for file in files])
    digest = blake3.blake3(content).hexdigest()
    size = sum(file.size for file in files)
    return events.Artifact(_text(name), kind, files, size, digest, plain(dict(metadata or {})))


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()
