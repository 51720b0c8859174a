"""What every loggable thing turns into: files to keep by hash, and a few words of JSON beside them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

HEAD = 4096  # bytes of a file that tell what it is


@dataclasses.dataclass
class Encoded:
    """A medium ready to store: ``files`` are (name, bytes or path, mime), ``data`` is small JSON."""

    type: str
    files: list[tuple[str, bytes | Path, str]]
    data: dict[str, Any]
    caption: str | None = None

    def __post_init__(self) -> None:
        """Make sure that all of it can be written: NumPy numbers, NaN, half surrogate pairs."""
        self.data = plain(self.data)
        self.caption = None if self.caption is None else str(plain(self.caption))


class Media:
    """A value that is logged as a picture, a table, a sound...; plugins may add kinds by subclassing it."""

    type: str = ""

    def __init__(self, caption: str | None = None) -> None:
        self.caption = caption

    def encode(self) -> Encoded:
        """Turn the value, as it is now, into files and data; raise `ValueRefused` where it cannot be."""
        raise NotImplementedError

    def about(self) -> str:
        """Say in a few words what is inside, for `repr`."""
        return ""

    def __repr__(self) -> str:
        inside = ", ".join(filter(None, [self.about(), f"caption={self.caption!r}" if self.caption else ""]))
        return f"epochal.{type(self).__name__}({inside})"


def refused(kind: str, value: Any, accepted: str) -> ValueRefused:
    """Return the error that says what was seen and what is accepted."""
    return ValueRefused(f"no {kind} can be made of {describe(value)}; it takes {accepted}")


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """Return an array, tensor or nested list as a NumPy array on the host, sharing memory where it can."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
        return np.asarray((value.float() if "bfloat16" in str(value.dtype) else value).numpy())
    if not isinstance(value, list | tuple) and callable(getattr(value, "to_numpy", None)):  # pandas, polars
        return np.asarray(value.to_numpy())
    if not isinstance(value, list | tuple) and callable(getattr(value, "numpy", None)):  # tensorflow
        return np.asarray(value.numpy())
    return np.asarray(value)


def is_array(value: Any) -> bool:
    """Whether it has elements in a known shape: NumPy, torch, TensorFlow, JAX, CuPy."""
    return getattr(value, "shape", None) is not None and hasattr(value, "dtype")


def is_torch(value: Any) -> bool:
    """Whether the framework's custom is to put the channel before height and width, or before time."""
    return hasattr(value, "detach") and hasattr(value, "requires_grad")


def content(value: Any) -> bytes | Path | None:
    """Return bytes, or the path of an existing file, or None if it is neither."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str | os.PathLike):
        path = Path(os.fsdecode(value)).absolute()
        if not path.is_file():
            raise ValueRefused(f"there is no file {path}")
        return path
    if callable(getattr(value, "read", None)) and not hasattr(value, "shape"):
        read = value.read()
        return read.encode("utf-8", "backslashreplace") if isinstance(read, str) else bytes(read)
    return None


def head(source: bytes | Path) -> bytes:
    """Return the first bytes, which tell the format."""
    if isinstance(source, bytes):
        return source[:HEAD]
    with source.open("rb") as file:
        return file.read(HEAD)


def sniff(source: bytes | Path, family: str) -> tuple[str, str] | None:
    """Return (mime, suffix) of ``source`` by its first bytes, never by its name, if it is of the ``family``.

    The signatures are those of https://mimesniff.spec.whatwg.org/, with TIFF, Matroska and APNG added.
    """
    return next(iter(_matches(head(source), family)), None)


def _matches(start: bytes, family: str) -> Iterator[tuple[str, str]]:
    formats: list[tuple[str, str, str]]
    if start[:4] == b"RIFF":
        found = {
            b"WEBP": ("image", "webp", "webp"),
            b"WAVE": ("audio", "wav", "wav"),
            b"AVI ": ("video", "x-msvideo", "avi"),
        }
        formats = [found[start[8:12]]] if start[8:12] in found else []
    elif start[4:8] == b"ftyp":
        brand = start[8:12]
        formats = [("image", "avif", "avif")] if brand in (b"avif", b"avis") else []
        formats += [("audio", "mp4", "m4a")] if brand == b"M4A " else [("video", "mp4", "mp4")]
    elif start[:8] == b"\x89PNG\r\n\x1a\n":
        formats = (
            [("video", "apng", "png"), ("image", "apng", "png")]
            if b"acTL" in start
            else [("image", "png", "png")]
        )
    else:
        formats = [(kind, sub, end) for magic, kind, sub, end in _MAGIC if start.startswith(magic)]
        if not formats and family == "image" and b"<svg" in start.lstrip()[:1024].lower():
            formats = [("image", "svg+xml", "svg")]
    for kind, subtype, suffix in formats:
        if kind == family:
            actual = "image" if subtype in ("apng", "gif", "svg+xml") else kind
            yield f"{actual}/{subtype}", suffix


_MAGIC: list[tuple[bytes, str, str, str]] = [
    (b"\xff\xd8\xff", "image", "jpeg", "jpg"),
    (b"GIF87a", "image", "gif", "gif"),
    (b"GIF89a", "image", "gif", "gif"),
    (b"GIF87a", "video", "gif", "gif"),
    (b"GIF89a", "video", "gif", "gif"),
    (b"BM", "image", "bmp", "bmp"),
    (b"II*\0", "image", "tiff", "tif"),
    (b"MM\0*", "image", "tiff", "tif"),
    (b"fLaC", "audio", "flac", "flac"),
    (b"OggS", "audio", "ogg", "ogg"),
    (b"OggS", "video", "ogg", "ogv"),
    (b"ID3", "audio", "mpeg", "mp3"),
    (b"\xff\xfb", "audio", "mpeg", "mp3"),
    (b"\xff\xf3", "audio", "mpeg", "mp3"),
    (b"\xff\xf2", "audio", "mpeg", "mp3"),
    (b"\x1aE\xdf\xa3", "video", "webm", "webm"),
    (b"\0\0\x01\xba", "video", "mpeg", "mpg"),
    (b"\0\0\x01\xb3", "video", "mpeg", "mpg"),
]
