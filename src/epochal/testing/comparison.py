"""Comparing what a training was given before and after, bit by bit."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import Any


def fingerprint(value: Any) -> str:
    """A digest of a value and of all it holds; equal values of the same types have equal digests.

    Knows containers, arrays, data frames, tensors and objects with attributes; anything
    else counts by its type and, if it can be pickled, its pickle.
    """
    digest = hashlib.sha256()
    _feed(digest, value, {}, [])
    return digest.hexdigest()


def random_state() -> dict[str, str]:
    """Digests of the global random generators of Python and, where imported, NumPy and torch."""
    import random

    states = {"python": fingerprint(random.getstate())}
    if (numpy := sys.modules.get("numpy")) is not None:
        states["numpy"] = fingerprint(numpy.random.get_state())
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = fingerprint(torch.get_rng_state())
    return states


def seed_all(seed: int) -> None:
    """Set every global random generator that `random_state` looks at."""
    import random

    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def _feed(digest: Any, value: Any, seen: dict[int, int], alive: list[Any]) -> None:
    digest.update(f"|{type(value).__module__}.{type(value).__qualname__}|".encode())
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        digest.update(repr(value).encode())
        return
    if id(value) in seen:  # a cycle, or the same object twice
        digest.update(f"#{seen[id(value)]}".encode())
        return
    seen[id(value)] = len(seen)
    alive.append(value)  # an id means its object only while that lives
    for part in _parts(digest, value):
        _feed(digest, part, seen, alive)


def _parts(digest: Any, value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [part for item in value.items() for part in item]
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "dtype") and hasattr(value, "tobytes") and hasattr(value, "shape"):  # NumPy
        if value.dtype.kind == "O":
            return [str(value.shape), value.ravel().tolist()]
        digest.update(f"{value.dtype.str}{value.shape}".encode() + value.tobytes())
        return []
    if hasattr(value, "detach") and hasattr(value, "numpy"):  # torch
        return [value.detach().cpu().numpy()]
    if hasattr(value, "to_numpy") and hasattr(value, "columns"):  # a frame
        return [list(value.columns), *(value[name].to_numpy() for name in value.columns)]
    if hasattr(value, "__dict__") and not callable(value):
        return [dict(sorted(vars(value).items()))]
    return _pickled(digest, value)


def _pickled(digest: Any, value: Any) -> list[Any]:
    import pickle

    try:
        digest.update(pickle.dumps(value))
    except Exception:  # what cannot be pickled counts by its type
        return []
    return []
