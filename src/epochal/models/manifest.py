"""`model.json`: what a model folder holds, by whom, of what, and the digest of every byte.

A folder is a model if and only if it has this file, written last.  Reading one imports
nothing and trusts nothing: sizes are bounded, every path must stay inside the folder, every
listed file must be there with its size and BLAKE3 digest, and no other file may be.
``digest`` is of the manifest itself (canonical JSON without that field), so a flipped bit
in it shows too; against somebody who writes folders, only the caller's `trust` protects.

To raise ``FORMAT``: (1) change what `saving` writes and this struct together, (2) move
whatever reads the old number into ``old.py`` and let `read` turn it into the new struct,
(3) keep a folder written by the last release under ``tests/formats/model-N/``, whose
test opens it in every later version, (4) say so in the changelog.  A field that a reader
may ignore needs no new number: unknown fields are skipped.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from epochal import errors

from .signature import Signature  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
NAME = "model.json"
MAX_BYTES = 16 << 20
MAX_FILES = 100_000
MAX_DEPTH = 64
_IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini"}  # file managers leave them; no flavor reads them
_CHUNK = 1 << 20


class File(msgspec.Struct, frozen=True):
    """One file of the model: its path inside the folder, with slashes."""

    path: str
    size: int
    digest: str


class Manifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What `model.json` says."""

    format: int
    flavor: str
    flavor_version: int
    type: str = msgspec.field(name="class")
    """``"module:qualname"`` of the model; for people, never imported by this name."""
    meta: dict[str, Any] = {}
    """What the flavor noted for itself."""
    created: str
    epochal: str
    python: str
    platform: str
    frameworks: dict[str, str] = {}
    """Distributions that the model needs, with the exact versions it was saved with."""
    requirements: list[str] = []
    """The same as lines for pip."""
    local: list[str] = []
    """Those of them that were installed from a folder, so no package index has them."""
    modules: list[str] = []
    """Modules that the model needs and no distribution has: the user's own files."""
    signature: Signature | None = None
    example: str | None = None
    """The file that holds the input example."""
    files: list[File] = []
    run: str | None = None
    metadata: dict[str, Any] = {}
    """What the caller wanted kept."""
    digest: str = ""

    def summary(self) -> dict[str, Any]:
        """What a listing of models needs to know: all but the files and what is the flavor's own."""
        raw = msgspec.to_builtins(self)
        return {key: value for key, value in raw.items() if key not in {"files", "meta", "digest"}}

    @property
    def size(self) -> int:
        """Bytes of all files, the manifest not counted."""
        return sum(file.size for file in self.files)


def read(folder: str | os.PathLike[str], ref: str | None = None) -> Manifest:
    """Read and check the manifest alone; `verify` checks the files it lists.  Messages call it ``ref``."""
    folder = Path(folder)
    where = ref or str(folder)
    if not folder.is_dir():
        raise errors.NotFound(f"there is no model at {where}: no such folder")
    try:
        data = _bounded(folder / NAME)
    except FileNotFoundError:
        raise errors.NotFound(f"{where} holds no model: it has no {NAME}") from None
    except OSError as error:
        raise errors.StoreError(f"the {NAME} of {where} cannot be read: {error.strerror or error}") from error
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise errors.FormatError(f"the {NAME} of {where} is no JSON: {error}") from error
    return parse(raw, f"the {NAME} of {where}")


def parse(raw: Any, where: str) -> Manifest:
    """The manifest in decoded JSON, after all checks that need no other file."""
    if not isinstance(raw, dict) or type(number := raw.get("format")) is not int:
        raise errors.FormatError(f"{where} is no manifest of a model: it names no format")
    if not 1 <= number <= FORMAT:
        raise errors.FormatError(
            f"{where} was written by a newer epochal (format {number}); this one reads up to {FORMAT}: "
            "pip install --upgrade epochal"
        )
    if _is_deep(raw):
        raise errors.FormatError(f"{where} is nested more than {MAX_DEPTH} levels deep: refused")
    try:
        manifest = msgspec.convert(raw, Manifest)
    except (msgspec.ValidationError, RecursionError) as error:
        raise errors.FormatError(f"{where} is damaged: {error}") from error
    if manifest.digest != digest_of(raw):
        raise errors.FormatError(f"{where} is damaged: its content does not have the digest it states")
    _check_files(manifest, where)
    return manifest


def encode(manifest: Manifest) -> bytes:
    """The bytes of `model.json`: keys sorted, indented, the digest filled in; same content, same bytes."""
    raw = msgspec.to_builtins(manifest)
    raw["digest"] = digest_of(raw)
    return msgspec.json.format(msgspec.json.encode(raw, order="sorted"), indent=2) + b"\n"


def digest_of(raw: dict[str, Any]) -> str:
    """BLAKE3 of the canonical JSON of a manifest without its ``digest``."""
    content = {key: value for key, value in raw.items() if key != "digest"}
    return _blake3().update(msgspec.json.encode(content, order="sorted")).hexdigest()  # type: ignore[no-any-return]


def scan(folder: Path) -> list[File]:
    """Every file below ``folder`` with size and digest, sorted by path; links and devices are refused."""
    return [File(path, *_hash(folder / path)) for path in sorted(_walk(folder, folder))]


def verify(folder: Path, manifest: Manifest, ref: str | None = None) -> None:
    """Refuse the folder unless it holds exactly the listed files, byte for byte."""
    where = ref or str(folder)
    try:
        _verify(folder, manifest, where)
    except OSError as error:
        raise errors.StoreError(f"the model in {where} cannot be read: {error}") from error


def safe_path(path: str) -> bool:
    """Whether a path from a file may be joined to a folder on any platform."""
    parts = path.split("/")
    return (
        0 < len(path.encode("utf-8", "surrogatepass")) <= 1024
        and len(parts) <= 64
        and path.isprintable()
        and not any(c in path for c in "\\:")
        and all(part not in {"", ".", ".."} for part in parts)
    )


def _verify(folder: Path, manifest: Manifest, where: str) -> None:
    present = set(_walk(folder, folder)) - {NAME}
    listed = {file.path: file for file in manifest.files}
    if missing := sorted(listed.keys() - present):
        raise errors.FormatError(f"the model in {where} is damaged: {_few(missing)} missing")
    if extra := sorted(path for path in present - listed.keys() if path.rpartition("/")[2] not in _IGNORED):
        raise errors.FormatError(
            f"the model in {where} holds what its {NAME} does not list: {_few(extra)}; "
            "remove it or save the model again"
        )
    for file in manifest.files:
        size, digest = _hash(folder / file.path, file.size)
        if size != file.size or digest != file.digest:
            raise errors.FormatError(
                f"the model in {where} is damaged: {file.path} has changed since it was saved"
            )


def _is_deep(raw: Any) -> bool:
    level, depth = [raw], 0
    while level and depth <= MAX_DEPTH:
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level, depth = [v for items in inner for v in items if isinstance(v, dict | list)], depth + 1
    return bool(level)


def _check_files(manifest: Manifest, where: str) -> None:
    if len(manifest.files) > MAX_FILES:
        raise errors.FormatError(f"{where} lists {len(manifest.files)} files; at most {MAX_FILES} are read")
    seen = set()
    for file in manifest.files:
        if not safe_path(file.path) or file.path == NAME:
            raise errors.FormatError(f"{where} lists {file.path!r}, which is no path inside the folder")
        if file.path in seen or file.size < 0 or len(file.digest) != 64:
            raise errors.FormatError(f"{where} is damaged: the entry of {file.path!r} makes no sense")
        seen.add(file.path)
    if manifest.example is not None and manifest.example not in seen:
        raise errors.FormatError(f"{where} names an example that it does not list: {manifest.example!r}")


def _walk(folder: Path, root: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(path, root)
            elif entry.is_file(follow_symlinks=False):
                yield path.relative_to(root).as_posix()
            else:
                raise errors.FormatError(
                    f"the model in {root} holds {path.name!r}, a link or device: refused"
                )


def _open(path: Path) -> int:
    """Open for reading what is a regular file: no link is followed, no pipe is waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise errors.FormatError(f"{path} is no regular file: refused")
    return descriptor


def _bounded(path: Path) -> bytes:
    if path.is_symlink():
        raise errors.FormatError(f"{path} is a link: refused")
    with os.fdopen(_open(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise errors.FormatError(f"{path} is larger than {MAX_BYTES} bytes: refused")
    return data


def _hash(path: Path, expected: int | None = None) -> tuple[int, str]:
    """Size and digest; a file of another size than ``expected`` is not read at all."""
    hasher = _blake3()
    with os.fdopen(_open(path), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if expected is not None and size != expected:
            return size, ""
        buffer = bytearray(_CHUNK)
        while count := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:count])
    return size, hasher.hexdigest()


def _blake3() -> Any:
    from blake3 import blake3

    return blake3()


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
