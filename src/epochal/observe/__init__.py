"""Watch calls in other people's libraries without changing what they do.

An adapter names *points* ("xgboost.training:train") and gives each an *observer*, a
generator function that yields exactly once:

    adapter = Adapter("xgboost")

    @adapter.around("xgboost.training:train", why="its callbacks are the only official seam")
    def observe(call):
        call.replace(callbacks=[*(call["callbacks"] or ()), Progress(call.run)])
        booster = yield
        call.run.log_model(booster)

The engine, never the observer, runs the original: exactly once.  Its result or exception
reaches the caller untouched; whatever an observer raises is reported and goes no
further.  An observer that returns before its yield declines the call.
"""

from __future__ import annotations

from .call import Call, opened
from .points import Adapter
from .watching import State

__all__ = ["Adapter", "Call", "State", "open_calls", "states"]


def open_calls() -> list[Call]:
    """The calls that are being observed now, in all threads."""
    return list(opened)


def states() -> list[State]:
    """Every target of every installed adapter, with its state and the reason for it."""
    from .. import plugins

    return [state for adapter in plugins.registry("adapters") for state in adapter.states()]
