"""A search over candidates is one run: each candidate a row, the best one in parameters and metrics.

Candidates are read from `cv_results_` after the fit, so they are the same whether the search ran here, in
threads or in other processes. Child runs are made on request, for the best few.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from .kinds import attribute
from .parameters import readable

if TYPE_CHECKING:
    from epochal.tracking import Run


def log_search(run: Run, search: Any, children: int) -> None:
    """Log the candidates as the table ``candidates``, `cv_results_` as a file, the best as ``best/...``."""
    from epochal.media import Table

    results = attribute(search, "cv_results_")
    if not isinstance(results, dict) or "params" not in results:
        return
    columns, table = candidates(results)
    run.log_media("candidates", Table(table, columns=columns), step=0)
    run.log_text(_csv(columns, table), "cv_results.csv")
    best = attribute(search, "best_index_")
    if best is not None:
        run.log_params({f"best/{name}": readable(value) for name, value in results["params"][best].items()})
    for row in ranked(results)[:children]:
        _child(run, results, row)


def best_metrics(search: Any) -> dict[str, float]:
    """Return ``best_score`` and the mean and spread of every scorer for the best candidate."""
    results, best = attribute(search, "cv_results_") or {}, attribute(search, "best_index_")
    found = {"candidates": float(len(results.get("params", ())))}
    score = attribute(search, "best_score_")
    if isinstance(score, int | float):
        found["best_score"] = float(score)
    if best is not None:
        found |= {f"best/{key}": value for key, value in _scores(results, best).items()}
    for name, key in (("refit_time", "refit_time_"), ("splits", "n_splits_")):
        value = attribute(search, key)
        if isinstance(value, int | float):
            found[name] = float(value)
    return found


def candidates(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and one row for each candidate: parameters, then ranks, scores and times."""
    names = sorted({name for params in results["params"] for name in params})
    numbers = [key for key in results if key != "params" and not key.startswith("param_")]
    numbers.sort(
        key=lambda key: (
            not key.startswith("rank_"),
            not key.startswith("mean_test"),
            key.startswith("split"),
        )
    )
    rows = []
    for i, params in enumerate(results["params"]):
        chosen = [_cell(params.get(name)) for name in names]
        rows.append([i, *chosen, *(_cell(_item(results[key][i])) for key in numbers)])
    return ["candidate", *names, *numbers], rows


def ranked(results: dict[str, Any]) -> list[int]:
    """Return the candidates' numbers, best first, by the first scorer."""
    key = next((key for key in results if key.startswith("rank_test_")), None)
    total = len(results["params"])
    return sorted(range(total), key=lambda i: results[key][i]) if key else list(range(total))


def _child(run: Run, results: dict[str, Any], row: int) -> None:
    child = run.child(name=f"candidate {row}", source="sklearn")
    try:
        child.log_params({name: readable(value) for name, value in results["params"][row].items()})
        child.log(_scores(results, row), step=0)
    finally:
        child.finish()


def _scores(results: dict[str, Any], row: int) -> dict[str, float]:
    wanted = ("mean_", "std_", "rank_", "n_resources", "iter")
    return {
        key: float(values[row])
        for key, values in results.items()
        if key.startswith(wanted) and isinstance(_item(values[row]), int | float)
    }


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _cell(value: Any) -> Any:
    """Return a number, a text or None; anything else as text, so that a column has one kind of thing."""
    value = readable(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _csv(columns: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()
