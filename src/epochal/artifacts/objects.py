"""The object store: bytes under the name of their BLAKE3 hash.

The same bytes are kept once, an object is visible only when complete, and what is
read is verified.  A user's path never becomes a path here: names are digests.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FormatError, NotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BLOCK = 1 << 20
_DIGEST_LENGTH = 64


class Blob(NamedTuple):
    """What an object is called, and its size in bytes."""

    digest: str
    size: int


class Objects:
    """The objects of a store, below ``root/objects``."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "objects"

    def path(self, digest: str) -> Path:
        """Where an object lies; refuses what is not a digest."""
        if len(digest) != _DIGEST_LENGTH or not all(c in "0123456789abcdef" for c in digest):
            raise FormatError(f"{digest[:80]!r} is not the digest of an object")
        return self.folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the object is here."""
        return self.path(digest).is_file()

    def put_bytes(self, data: bytes) -> Blob:
        """Keep these bytes."""
        import blake3

        digest = blake3.blake3(data).hexdigest()
        if not self.has(digest):
            temporary = self._temporary()
            temporary.write_bytes(data)
            self._publish(temporary, digest)
        return Blob(digest, len(data))

    def put_file(self, path: Path) -> Blob:
        """Keep a copy of this file as it is now; raises `StoreError` if it changes while being read."""
        import blake3

        hasher, size, temporary = blake3.blake3(), 0, self._temporary()
        try:
            with path.open("rb") as source, temporary.open("wb") as target:
                before = os.fstat(source.fileno())
                while block := source.read(_BLOCK):
                    hasher.update(block)
                    target.write(block)
                    size += len(block)
                after = os.fstat(source.fileno())
            if (before.st_size, before.st_mtime_ns) != (
                after.st_size,
                after.st_mtime_ns,
            ) or size != after.st_size:
                raise StoreError(f"{path} changed while it was being read; log it again when it is complete")
            digest = hasher.hexdigest()
            self._publish(temporary, digest)
        finally:
            temporary.unlink(missing_ok=True)
        return Blob(digest, size)

    def adopt(self, path: Path) -> Blob:
        """Keep this file by moving it: it lies below `scratch`, and nobody writes to it any more."""
        import blake3

        hasher = blake3.blake3()
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                hasher.update(block)
        size = path.stat().st_size
        path.chmod(0o600)
        self._publish(path, hasher.hexdigest())
        return Blob(hasher.hexdigest(), size)

    def scratch(self) -> Path:
        """A folder on the same file system, for what is to be adopted."""
        folder = self.folder / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def read(self, digest: str) -> bytes:
        """The bytes of an object, verified."""
        import blake3

        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the object {digest} is not in {self.folder}") from None
        if blake3.blake3(data).hexdigest() != digest:
            raise FormatError(f"the object {digest} in {self.folder} is damaged")
        return data

    def materialize(self, files: Iterable[Mapping[str, Any]], folder: Path) -> None:
        """Write files ``{"path", "digest", "size"}`` below ``folder``, each verified while it is copied.

        Refuses a path that is absolute or leaves the folder.
        """
        for file in files:
            target = folder / inside(file["path"])
            target.parent.mkdir(parents=True, exist_ok=True)
            self._copy(file["digest"], target)

    def _copy(self, digest: str, target: Path) -> None:
        import blake3

        hasher = blake3.blake3()
        try:
            with self.path(digest).open("rb") as source, target.open("xb") as copy:
                while block := source.read(_BLOCK):
                    hasher.update(block)
                    copy.write(block)
        except FileNotFoundError:
            raise NotFound(f"the object {digest} is not in {self.folder}") from None
        if hasher.hexdigest() != digest:
            target.unlink()
            raise FormatError(f"the object {digest} in {self.folder} is damaged")

    def _temporary(self) -> Path:
        path = self.scratch() / os.urandom(8).hex()
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return path

    def _publish(self, temporary: Path, digest: str) -> None:
        final = self.path(digest)
        if not final.is_file():
            final.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.replace(final)
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def inside(path: str) -> PurePosixPath:
    """A relative path that stays where it is put, or `FormatError`."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\0" in path or "\\" in path:
        raise FormatError(f"{path!r} is not a relative path inside its folder")
    return pure


def walk(path: Path) -> list[tuple[str, Path]]:
    """The regular files of a file or folder, as (name, path), sorted; names what it cannot keep.

    Links that lead out of the folder, pipes, sockets and devices are refused.
    """
    if path.is_file():
        return [(path.name, path)]
    if not path.exists():
        raise NotFound(f"{path} does not exist")
    if not path.is_dir():
        raise StoreError(f"{path} is neither a file nor a folder")
    top, found = path.resolve(), []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not (Path(folder) / name).is_symlink()]
        for name in names:
            file = Path(folder) / name
            if not file.is_file() or not file.resolve().is_relative_to(top):
                raise StoreError(f"{file} is no regular file inside {path}; nothing of {path} was logged")
            found.append((file.relative_to(path).as_posix(), file))
    return sorted(found)
