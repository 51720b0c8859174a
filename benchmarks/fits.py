"""What automatic logging adds to a fit: a forest fitted with it off and on by turns, in one process.

Off is the tracker's own switch in the same process, so that both fits see the same caches and the same busy
machine; the figure is the median of the paired differences. The very first fit of a process, which also loads
what the tracker needs, is compared with the first fit of a process without a tracker.
"""

# ruff: noqa: ARG001 - every measure is called alike

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from measures import Figures
    from trackers import Tracker

Fit = tuple[float, float, Any]
"""Seconds, CPU seconds of all threads, the model."""


def _workload(rows: int, trees: int) -> Callable[[], Fit]:
    """Return a function that fits a new forest and says how long it took, and in how much CPU time."""
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(0)
    X = random.normal(size=(rows, 20))
    y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)

    def fit() -> Fit:
        forest = RandomForestClassifier(n_estimators=trees, random_state=0)
        begin, cpu = time.perf_counter(), time.process_time()
        forest.fit(X, y)
        return time.perf_counter() - begin, time.process_time() - cpu, forest

    return fit


def bare_fit(tracker: Tracker, root: pathlib.Path, *, rows: int, trees: int) -> Figures:
    """Fit once in a process that knows no tracker."""
    return {"first": _workload(rows, trees)()[0]}


def autolog_fit(
    tracker: Tracker, root: pathlib.Path, *, rows: int, trees: int, pairs: int, models: bool
) -> Figures:
    """Fit once with automatic logging, then by turns without and with it; time writing the model alone."""
    tracker.prepare()
    tracker.autolog(root, models=models)
    fit = _workload(rows, trees)
    figures: Figures = {"first": fit()[0], "off": [], "on": [], "off_cpu": [], "on_cpu": [], "write": []}
    for pair in range(pairs):
        turns: list[tuple[str, contextlib.AbstractContextManager[object]]] = [
            ("off", tracker.quiet()),
            ("on", contextlib.nullcontext()),
        ]
        for turn, context in turns if pair % 2 else reversed(turns):
            with context:
                seconds, cpu, forest = fit()
            figures[turn].append(seconds)
            figures[f"{turn}_cpu"].append(cpu)
        if models:
            figures["write"].append(_write_time(tracker, forest, root))
    return figures


def _write_time(tracker: Tracker, model: Any, root: pathlib.Path) -> float:
    begin = time.perf_counter()
    tracker.write_model(model, root)
    return time.perf_counter() - begin


EVERY: dict[str, Callable[..., Figures]] = {measure.__name__: measure for measure in (bare_fit, autolog_fit)}
