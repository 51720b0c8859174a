"""What a library may not touch: a picture of the process, and what changed since."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any


class Surroundings:
    """A picture of everything global that belongs to the user."""

    def __init__(self) -> None:
        """Take the picture."""
        self.state = _state()

    def changes(self) -> list[str]:
        """What is different now, a line each."""
        now = _state()
        return [
            f"{name}: {self.state[name]!r} became {now[name]!r}"
            for name in self.state
            if name in now and now[name] != self.state[name]
        ]


def _state() -> dict[str, Any]:
    root = logging.getLogger()
    state = {
        "warnings.filters": [repr(line) for line in warnings.filters],
        "warnings.showwarning": warnings.showwarning,
        "logging root": (
            root.level,
            list(root.handlers),
            list(root.filters),
            root.disabled,
            logging.root.manager.disable,
        ),
        "logging epochal": (logging.getLogger("epochal").level, logging.getLogger("epochal").propagate),
        "sys.excepthook": sys.excepthook,
        "sys.displayhook": sys.displayhook,
        "sys.unraisablehook": sys.unraisablehook,
        "threading.excepthook": threading.excepthook,
        "sys.breakpointhook": sys.breakpointhook,
        "trace and profile": (sys.gettrace(), sys.getprofile()),
        "recursion limit": sys.getrecursionlimit(),
        "stdout, stderr": (sys.stdout, sys.stderr),
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "os.environ": dict(os.environ),
        "working directory": Path.cwd(),
        "sys.path": list(sys.path),
    }
    if (matplotlib := sys.modules.get("matplotlib")) is not None:
        state["matplotlib"] = dict.__getitem__(matplotlib.rcParams, "backend")  # without resolving it
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        state["pyplot figures"] = pyplot.get_fignums()
    if (numpy := sys.modules.get("numpy")) is not None:
        state["numpy"] = (numpy.geterr(), numpy.get_printoptions())
    if (pandas := sys.modules.get("pandas")) is not None:
        state["pandas"] = pandas.get_option("display.max_rows")
    if (torch := sys.modules.get("torch")) is not None:
        state["torch"] = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads())
    return state
