"""Saving: the flavor writes, the core describes, `model.json` comes last.

Everything happens in a folder beside the target that is renamed into place at the end:
whoever finds the target finds a whole model, and a process killed half-way leaves only a
folder ending in ``.part``.  Power cuts are met by the digests, not by waiting for the disk.
"""

from __future__ import annotations

import platform
import shutil
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from epochal import errors

from . import flavors, manifest
from . import requirements as required
from .manifest import Manifest

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from .flavors import Flavor
    from .signature import Signature


def save_model(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    flavor: str | Flavor | None = None,
    example: Any = None,
    signature: Signature | None = None,
    requirements: Iterable[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> Manifest:
    """Keep ``model`` in ``folder``, which must not exist or be empty; return its manifest.

    ``flavor`` is found by the model's class unless named.  Of ``example``, input data as
    ``predict`` takes them, the first five rows are kept, and the signature is inferred
    from all of it.  ``requirements`` replaces the lines for pip that are otherwise found
    by looking at the model.  A model that its flavor cannot keep raises
    `errors.ValueRefused` and leaves nothing; no less safe format is tried.
    """
    chosen = flavors.choose(model, flavor)
    target = Path(folder).resolve()
    _refuse_existing(target)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        part.mkdir(parents=True)
        meta = _write(chosen, model, part)
        written = _describe(chosen, model, meta, requirements)
        written.signature = signature or _infer(example)
        written.example = _write_example(example, part)
        written.metadata = _plain(metadata or {}, "metadata")
        written.run = run_id
        written.files = manifest.scan(part)
        return _finish(written, part, target)
    except OSError as error:
        raise errors.StoreError(f"cannot write a model to {target}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse_existing(target: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise errors.StoreError(f"{target} is not empty; save to another folder, or remove it first")
    elif target.exists():
        raise errors.StoreError(f"{target} is a file; a model needs a folder")


def _write(flavor: Flavor, model: Any, part: Path) -> dict[str, Any]:
    try:
        meta = flavor.save(model, part)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise _refused(flavor, model, error) from error
    if (part / manifest.NAME).exists():
        raise errors.PluginError(f"the flavor {flavor.name!r} wrote {manifest.NAME}, which is the core's")
    return _plain(meta, f"what the flavor {flavor.name!r} notes")


def _refused(flavor: Flavor, model: Any, error: Exception) -> errors.ValueRefused:
    """The one error for a model that a flavor cannot keep: which, why, and what would keep it."""
    kind, reason = type(model), str(error).strip()
    if not isinstance(error, errors.EpochalError) or not reason:
        reason = f"{type(error).__name__}: {reason}"
    if flavor.name != "pickle" and "flavor='pickle'" not in reason:
        reason += "; flavor='pickle' keeps it in a form that runs code when it is loaded"
    return errors.ValueRefused(
        f"the flavor {flavor.name!r} cannot keep this {kind.__module__}.{kind.__qualname__}: {reason}"
    )


def _plain(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The value if JSON keeps it as it is; a tuple, a NaN or an object would come back as something else."""
    value = dict(value)
    try:
        back = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise errors.ValueRefused(f"{what} must be JSON: {error}") from error
    if back != value:
        raise errors.ValueRefused(f"{what} must be JSON: it would not be read back as it was written")
    return value


def _describe(flavor: Flavor, model: Any, meta: dict[str, Any], lines: Iterable[str] | None) -> Manifest:
    kind = type(model)
    noted = getattr(flavor, "requirements", None)
    found = required.infer(model, [*(noted() if noted else ()), *meta.get("requirements", ())])
    return Manifest(
        format=manifest.FORMAT,
        flavor=flavor.name,
        flavor_version=flavor.version,
        type=f"{kind.__module__}:{kind.__qualname__}",
        meta=meta,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        epochal=_version(),
        python=platform.python_version(),
        platform=f"{sys.platform}-{platform.machine()}",
        frameworks=found.frameworks,
        requirements=found.requirements if lines is None else _lines(lines),
        local=found.local,
        modules=found.modules,
    )


def _lines(lines: Iterable[str]) -> list[str]:
    given = [lines] if isinstance(lines, str) else list(lines)
    if isinstance(lines, str) or not all(isinstance(line, str) for line in given):
        raise errors.ValueRefused(
            "requirements must be a list of lines for pip, such as ['scikit-learn==1.9.1']"
        )
    return given


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("epochal")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def _infer(example: Any) -> Signature | None:
    if example is None:
        return None
    from .inference import infer_signature

    return infer_signature(example)


def _write_example(example: Any, part: Path) -> str | None:
    if example is None:
        return None
    from . import examples

    return examples.write(example, part)


def _finish(written: Manifest, part: Path, target: Path) -> Manifest:
    data = manifest.encode(written)
    written = manifest.parse(msgspec.json.decode(data), str(target / manifest.NAME))
    (part / manifest.NAME).write_bytes(data)
    part.rename(target)
    return written
