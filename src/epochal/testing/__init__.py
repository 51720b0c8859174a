"""What the author of a plugin needs to test it; the tests of epochal's own plugins use nothing else.

- `AdapterSuite` and `FlavorSuite`: subclass one, say how to train, and inherit the tests
  of the promises that epochal makes to its users (docs/autolog.md).
- fixtures, there for whoever has epochal installed: ``store`` (a store in ``tmp_path``),
  ``runs`` (what was logged into it), ``swallowed`` (errors that epochal kept from the
  user).  With ``epochal_strict = true`` in the settings of pytest, or the mark
  ``epochal_strict`` on a test, an error that was swallowed fails the test, and so does
  a run or an observed call that is left open.
- `using`: have an object as a plugin for the length of a block.
- `executed_lines`, `raising_at`, `warnings_said`: put errors into our own code.
- `programs`: start other programs, each with a limit, nothing of it left behind.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..plugins import using
    from . import programs
    from .adapters import AdapterSuite
    from .comparison import fingerprint
    from .faults import executed_lines, raising_at, warnings_said
    from .flavors import FlavorSuite
    from .surroundings import Surroundings

_HOME = {
    "AdapterSuite": "epochal.testing.adapters:AdapterSuite",
    "FlavorSuite": "epochal.testing.flavors:FlavorSuite",
    "Surroundings": "epochal.testing.surroundings:Surroundings",
    "executed_lines": "epochal.testing.faults:executed_lines",
    "fingerprint": "epochal.testing.comparison:fingerprint",
    "programs": "epochal.testing.programs:",
    "using": "epochal.plugins:using",
    "raising_at": "epochal.testing.faults:raising_at",
    "warnings_said": "epochal.testing.faults:warnings_said",
}

__all__ = [
    "AdapterSuite",
    "FlavorSuite",
    "Surroundings",
    "executed_lines",
    "fingerprint",
    "programs",
    "raising_at",
    "using",
    "warnings_said",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: pytest imports this package wherever epochal is installed."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found
