"""Models in folders: saved by a flavor, described by a manifest, loaded only as far as trusted.

`save_model` writes a folder whose `model.json` says what is in it; `load_model` reads,
audits and only then constructs; `load_predictor` gives every flavor one ``predict``;
`check` says what loading would do without doing any of it.  All names load lazily.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import CheckReport as CheckReport
    from .checking import check as check
    from .flavors import Flavor as Flavor
    from .inference import infer_signature as infer_signature
    from .loading import load_model as load_model
    from .manifest import Manifest as Manifest
    from .predictor import Predictor as Predictor
    from .predictor import load_predictor as load_predictor
    from .saving import save_model as save_model
    from .signature import Signature as Signature

_HOME = {
    "CheckReport": "checking",
    "Flavor": "flavors",
    "Manifest": "manifest",
    "Predictor": "predictor",
    "Signature": "signature",
    "check": "checking",
    "infer_signature": "inference",
    "load_model": "loading",
    "load_predictor": "predictor",
    "save_model": "saving",
}

__all__ = [
    "CheckReport",
    "Flavor",
    "Manifest",
    "Predictor",
    "Signature",
    "check",
    "infer_signature",
    "load_model",
    "load_predictor",
    "save_model",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
