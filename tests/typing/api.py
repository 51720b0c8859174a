"""The public names as users write them, for mypy --strict; `assert_type` fails where a type changes.

Nobody runs this file: what it says is checked without (`nox -s types`), and what it does is tested elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np

import epochal
from epochal.errors import NotFound, Untrusted
from epochal.hooks import hookimpl
from epochal.observe import Adapter, Call

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass
class Settings:
    """A config as many programs have it."""

    lr: float = 0.1


def by_hand() -> str:
    with epochal.start_run(
        project="iris",
        name="rf",
        config={"n_estimators": 100},
        tags=["a"],
        group="g",
        job_type="train",
        notes="n",
    ) as run:
        assert_type(run, epochal.Run)
        trees: int = run.config.n_estimators
        run.log({"accuracy": 0.96, "loss": np.float32(trees)}, step=1)
        run.log({"sample": epochal.Image(np.zeros((4, 4), dtype=np.uint8))})
        run.log_params({"optimizer": {"name": "adam"}})
        run.define_metric("val/*", summary="best", goal="maximize")
        run.summary["best"] = 0.97
        run.set_tags({"team": "vision", "old": None})
        run.set_notes("better")
        run.log_text("text", "a.txt")
        run.log_dict({"a": 1}, "a.json")
        run.log_artifact("a.txt", type="dataset", metadata={"rows": 10})
        run.log_note("plan", {"steps": [1, 2]})
        with run.child(name="fold", config=Settings()) as child:
            child.log({"accuracy": 0.9})
    assert_type(run.id, str)
    return run.url


def through_the_module() -> None:
    epochal.start_run(config="config.yaml", durability="sync", console=True)
    epochal.config.lr = 0.2
    epochal.log({"loss": 0.5}, step=3)
    epochal.log_params({"a": 1})
    epochal.summary["loss"] = 0.4
    epochal.define_metric("loss", summary="min")
    epochal.set_tags(["x"])
    epochal.log_artifact("folder")
    active = epochal.active_run()
    if active is not None:
        active.flush()
    epochal.finish()


def autolog() -> None:
    epochal.autolog()
    epochal.autolog("sklearn", models=False, max_rows=1000)
    with epochal.quiet():
        pass


def reading() -> NDArray[np.float64]:
    best = epochal.runs(
        "metrics.accuracy > 0.9 order by metrics.accuracy desc", project="iris", children=True, limit=10
    )
    for each in best:
        name: str = each.name
        print(name, each.params["lr"], each.metrics["accuracy"], each.tags, each.status)
    frame: Any = best.to_pandas()
    print(frame, len(best), best[0].id)
    run = epochal.run("0193")
    run.rename("best")
    run.set_tags({"team": None})
    run.delete()
    history = run.history("loss")
    assert_type(history.steps, "NDArray[np.int64]")
    return history.values


def models(model: object, folder: Path) -> Any:
    signature = epochal.infer_signature(np.zeros((2, 2)), np.zeros(2))
    epochal.save_model(model, folder, signature=signature, example=np.zeros((1, 2)))
    try:
        epochal.load_model(folder, trust=["mine.Model"])
    except Untrusted as error:
        assert_type(error.names, tuple[str, ...])
    except NotFound:
        raise
    return epochal.load_predictor("runs:/0193/model").predict([[1.0, 2.0]])


adapter = Adapter("mine", requires={"mine": ">=1"})


@adapter.around("mine:Model.fit", nested="join", why="there is no callback")
def observe(call: Call) -> Generator[None, Any, None]:
    call.run.log_params(call.arguments)
    call.replace(verbose=False)
    result = yield
    call.run.log({"score": result.score})


@hookimpl
def adapters() -> list[Adapter]:
    return [adapter]
