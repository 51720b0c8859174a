"""Files that run code in whoever trusts them, in every wrapping that some loader is known to open.

The code makes a folder, the canary: a test loads each file and looks for it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


HOSTILE = (
    "os:mkdir",
    "os.mkdir",
    "builtins:eval",
    "__import__('os').mkdir('{canary}')",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "\x00",
    "x" * 100_000,
)


def poisoned(value: Any, hostile: str) -> Any:
    """The same notes with every string replaced."""
    if isinstance(value, dict):
        return {key: poisoned(item, hostile) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, hostile) for item in value]
    return hostile if isinstance(value, str) else value


class Poison:
    """Unpickling it makes a folder: the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def poisons(canary: Path) -> Iterator[tuple[str, bytes]]:
    """The payload in every wrapping that some loader is known to open."""
    import numpy as np

    plain = pickle.dumps(Poison(canary), protocol=2)
    command = f"import os; os.mkdir({str(canary)!r})"
    objects = io.BytesIO()
    np.save(objects, np.array([Poison(canary)], dtype=object), allow_pickle=True)
    yield "protocol-0", pickle.dumps(Poison(canary), protocol=0)
    yield "protocol-2", plain
    yield "protocol-5", pickle.dumps(Poison(canary), protocol=5)
    yield "many", plain * 5  # as torch wrote before its zip files
    yield "zlib", zlib.compress(plain)  # as joblib writes
    yield "gzip", gzip.compress(plain)
    yield "bzip2", bz2.compress(plain)
    yield "xz", lzma.compress(plain)
    yield "npy", objects.getvalue()
    yield "npz", _zipped({"arr_0.npy": objects.getvalue()})
    yield "zip", _zipped(dict.fromkeys(("model.pkl", "data.pkl", "archive/data.pkl", "schema.json"), plain))
    yield (
        "torch",
        _zipped({"archive/data.pkl": plain, "archive/version": b"3", "archive/byteorder": b"little"}),
    )
    yield "zip-in-zip", _zipped({"model.zip": _zipped({"model.pkl": plain})})
    yield "tar", _tarred(plain, "w")
    yield "tar.gz", _tarred(plain, "w:gz")
    yield "skops", _zipped({"schema.json": json.dumps(_skops(canary)).encode()})
    yield "yaml", f"!!python/object/apply:os.mkdir [{json.dumps(str(canary))}]".encode()
    yield (
        "jsonpickle",
        json.dumps({"py/reduce": [{"py/function": "os.mkdir"}, {"py/tuple": [str(canary)]}]}).encode(),
    )
    yield (
        "json",
        json.dumps({"class_name": "Lambda", "module": "os", "config": {"function": command}}).encode(),
    )
    yield "source", command.encode()
    yield "marshal", marshal.dumps(compile(command, "x", "exec"))


def _skops(canary: Path) -> dict[str, Any]:
    """A schema that calls `os.mkdir`, in the words that skops once trusted."""
    path = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "__id__": 2}
    path["content"] = json.dumps(str(canary))
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [path]}
    return {
        "__class__": "mkdir",
        "__module__": "os",
        "__loader__": "OperatorFuncNode",
        "__id__": 1,
        "attrs": arguments,
        "protocol": 2,
        "_skops_version": "0.16",
    }


def _tarred(data: bytes, mode: Literal["w", "w:gz"]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        entry = tarfile.TarInfo("model.pkl")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()
