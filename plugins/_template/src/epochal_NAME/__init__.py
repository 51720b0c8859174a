"""NAME for epochal: the parameters, the curve and the model of every fit.

Importing this module does not import NAME; `observe` and `Flavor.load` run when it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochal.errors import guard
from epochal.hooks import hookimpl
from epochal.observe import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from epochal.observe import Call
    from epochal.tracking import Run

adapter = Adapter("NAME")


@adapter.around("NAME:Model.fit", why="its callbacks, the official seam, are an argument of this method")
def observe(call: Call) -> Generator[None, Any, None]:
    """Attach our callback; as the outermost call, log the parameters and the model too."""
    run = call.run
    call.replace(callbacks=[*(call["callbacks"] or ()), curve(run)])
    if not call.outermost:  # something around it describes the run
        yield
        return
    run.log_params(vars(call.instance))
    model = yield
    with call.working():
        run.log_model(model)


def curve(run: Run) -> Callable[[int, float], None]:
    """Make a callback that logs the loss of each step; it may also be attached by hand."""

    def log(step: int, loss: float) -> None:
        with guard("epochal-NAME", "callback"):  # it is NAME that calls this: no error of ours may reach it
            run.log({"loss": loss}, step=step)

    return log


class Flavor:
    """Models in NAME's own format, which is data and runs no code."""

    name = "NAME"
    version = 1
    types = ("NAME:Model",)
    executes_code = False

    def save(self, model: Any, folder: Path) -> dict[str, Any]:
        """Write `weights.json`."""
        model.save(folder / "weights.json")
        return {}

    def load(self, folder: Path, meta: dict[str, Any], trust: frozenset[str]) -> Any:
        """Read `weights.json`; there is nothing in it to trust."""
        import NAME

        return NAME.Model.load(folder / "weights.json")


@hookimpl
def adapters() -> list[Adapter]:
    """The framework to watch."""
    return [adapter]


@hookimpl
def flavors() -> list[Flavor]:
    """The way to keep its models."""
    return [Flavor()]
