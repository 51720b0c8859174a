"""The row about automatic logging: what it adds to a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from table import Figure, Measured, Spread, at_most
from trackers import OURS

if TYPE_CHECKING:
    from bench import Answer, Bench
    from children import Home


def autolog(bench: Bench) -> list[Figure]:
    """What automatic logging adds to the fit of a forest of 40 trees on 20,000 x 20, without and with the
    model.
    """
    workload: Answer = {"rows": bench.scale(20_000, 300), "trees": bench.scale(40, 3)}

    def take(home: Home) -> dict[str, Measured]:
        figures: dict[str, Measured] = {}
        taken: dict[bool, list[Answer]] = {False: [], True: []}
        bare_first = []
        for _ in bench.rounds(3 if home.tracker is OURS else 1):
            bare_first.append(bench.children.measure(home, "bare_fit", **workload)["first"])
            for models, rounds in taken.items():
                rounds.append(
                    bench.children.measure(
                        home, "autolog_fit", pairs=bench.scale(4, 1), models=models, **workload
                    )
                )
        for models, rounds in taken.items():
            name = "with model" if models else "models off"
            figures |= _added(name, rounds, bare_first, models=models)
        return figures

    def within(measured: Measured) -> bool:
        bare = measured.raw.median if measured.raw else 0.0
        return measured.value is not None and measured.value.median <= max(0.03 * bare, 0.03)

    return bench.fill_in(
        [
            Figure("autolog", "autolog adds to a fit, models off", "s", "<= 3 % or 30 ms", within),
            Figure("autolog", "... in CPU time, models off", "s"),
            Figure("autolog", "... to the first fit of a process, models off", "s"),
            Figure(
                "autolog",
                "autolog adds to a fit, with model, less writing it",
                "s",
                "<= 150 ms",
                at_most(0.15),
            ),
            Figure("autolog", "... in CPU time, with model, less writing it", "s"),
            Figure("autolog", "... to the first fit of a process, with model, less writing it", "s"),
        ],
        take,
        peers=["mlflow"],
    )


def _added(name: str, rounds: list[Answer], bare_first: list[float], *, models: bool) -> dict[str, Measured]:
    """Differences of neighbouring fits; the ratio is that of the whole fit to the bare one."""
    writing = Spread.of(seconds for taken in rounds for seconds in taken["write"]).median if models else 0.0
    remark = f"writing {writing * 1000:.0f} ms" if models else ""
    name = f"{name}, less writing it" if models else name

    def over(logged: list[float], bare: list[float]) -> Measured:
        added = [more - alone - writing for more, alone in zip(logged, bare, strict=True)]
        raw = Spread.of(bare)
        return Measured(Spread.of(added), raw, Spread.of(logged).median / raw.median, remark)

    def every(which: str) -> list[float]:
        return [seconds for taken in rounds for seconds in taken[which]]

    return {
        f"autolog adds to a fit, {name}": over(every("on"), every("off")),
        f"... in CPU time, {name}": over(every("on_cpu"), every("off_cpu")),
        f"... to the first fit of a process, {name}": over([taken["first"] for taken in rounds], bare_first),
    }
