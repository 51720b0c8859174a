"""A plugin as an outsider would write it."""

from __future__ import annotations

from dataclasses import dataclass

from epochal.hooks import hookimpl
from epochal.observe import Adapter


@dataclass(frozen=True)
class TinyOptions:
    """Options of the tiny adapter."""

    means: bool = True
    digits: int = 3


adapter = Adapter("tiny", options=TinyOptions)


@adapter.around("tiny_framework.core:Mean.fit", why="the framework has no callbacks")
def observe(call):
    """Log the scale, and the mean that was found."""
    run = call.run
    run.log_params({"scale": call.instance.scale})
    model = yield
    if call.options.means:
        run.log({"mean": round(model.mean_, call.options.digits)})


@hookimpl
def adapters():
    """Watch the tiny framework."""
    return [adapter]
