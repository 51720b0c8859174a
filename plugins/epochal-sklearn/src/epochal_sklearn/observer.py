"""What is logged of a fit, in which run, and when nothing is.

A run is made for the outermost fit that the user's code calls: of any estimator, transformers too. What
that fit fits inside is silent, and so are fits that scikit-learn's own functions make (`cross_val_score`).
Inside a run of the user's the first model logs into that run; later ones (k-fold, repeats) become its
children; a transformer is only noted in it, so that scaling the data does not take the place of the model.

Every part is guarded by itself: an estimator that fails to tell its parameters still has its metrics
logged.
"""

from __future__ import annotations

import copy
import threading
import weakref
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from epochal import errors

from . import kinds, rows
from .callers import called_by_sklearn

if TYPE_CHECKING:
    from collections.abc import Generator

    from epochal.observe import Call
    from epochal.tracking import Run

    from .options import SklearnOptions
    from .scoring import Scored

_PREVIEW = 5
_lock = threading.Lock()
_taken: weakref.WeakSet[Run] = weakref.WeakSet()
"""Users' runs that have a model already."""


def fit(call: Call) -> Generator[None, Any, None]:
    """Observe one call of `fit`, `fit_predict` or `fit_transform`."""
    estimator = call.instance
    if called_by_sklearn(estimator) or call.options.excludes(estimator):
        if kinds.is_foreign(estimator):
            call.seal()  # another framework would join in; what it trains is not the user's either
        yield
        return
    if kinds.fits_foreign(estimator):
        call.seal()
    with call.working():
        fitting = Fitting.begin(call)
    try:
        result = yield
    except BaseException as error:
        fitting.fail(error)
        raise
    with call.working():
        fitting.end(result)


@dataclass
class Fitting:
    """One fit being logged."""

    estimator: Any
    options: SklearnOptions
    run: Run
    child: bool
    """Whether the run is a child that this fit opened, and has to end."""
    noted: bool
    """Whether this is a transformer in a user's run: worth a note and no more."""
    task: str | None
    data: Data
    started: float = field(default_factory=perf_counter)

    @classmethod
    def begin(cls, call: Call) -> Fitting:
        """Choose the run and log what is known before the fit."""
        estimator, task = call.instance, kinds.task(call.instance)
        data = Data.of(call)
        run, noted, child = call.run, False, False
        if not call.started_run:
            noted = task == "transformation"
            run, child = (run, False) if noted else _place(run, type(estimator).__name__)
        made = cls(estimator, call.options, run, child, noted, task, data)
        made.describe()
        made.started = perf_counter()
        return made

    def describe(self) -> None:
        """Log parameters, class, task and the data."""
        name = type(self.estimator).__name__
        about = {"estimator": name, "class": kinds.class_name(self.estimator), "task": self.task}
        if self.noted:
            with errors.guard("sklearn", "parameters"):
                from .parameters import parameters

                self.run.log_note(f"fit/{name}", about | {"parameters": parameters(self.estimator)})
            return
        with errors.guard("sklearn", "tags"):
            self.run.set_tags({key: value for key, value in about.items() if value})
        with errors.guard("sklearn", "parameters"):
            from .parameters import parameters

            self.run.log_params(parameters(self.estimator))
        if self.options.datasets and self.data.known:
            with errors.guard("sklearn", "data set"):
                from .datasets import describe

                names = (self.data.name, self.data.target_name)
                self.run.log_note(
                    "dataset/train", describe(self.data.X, self.data.y, names=names, task=self.task)
                )

    def end(self, result: Any) -> None:
        """Log what the fit has brought."""
        seconds = perf_counter() - self.started
        if self.noted:
            return
        with errors.guard("sklearn", "later metrics"):
            from .later import remember_model

            remember_model(self.estimator, self.run)
        with errors.guard("sklearn", "metrics"):
            self._log_fitted(seconds)
        with errors.guard("sklearn", "learning curves"):
            from .curves import log_curves

            log_curves(self.run, self.estimator)
        scored = None
        with errors.guard("sklearn", "training metrics"):
            scored = self._log_training(seconds, result)
        if self.options.plots:
            with errors.guard("sklearn", "plots"):
                self._log_plots(scored)
        if kinds.is_search(self.estimator):
            with errors.guard("sklearn", "candidates"):
                from .searches import log_search

                log_search(self.run, self.estimator, self.options.search_children)
        if self.options.models:
            self._log_model(scored)
        if self.child:
            self.run.finish()
        self.data.forget()

    def fail(self, error: BaseException) -> None:
        """End what this fit opened; a run of the engine's is ended by the engine."""
        if self.child:
            with errors.guard("sklearn", "end of a child", expected=error):
                self.run.fail(error)

    def _log_fitted(self, seconds: float) -> None:
        from .metrics import fitted_values
        from .searches import best_metrics

        values = {"fit_time": seconds, **fitted_values(kinds.final(self.estimator))}
        if kinds.is_search(self.estimator):
            values |= best_metrics(self.estimator)
        _log(self.run, values)

    def _log_training(self, seconds: float, result: Any) -> Scored | None:
        from . import metrics, scoring

        if not self.data.scorable(self.estimator, self.task):
            return None
        data = self.data
        scored = scoring.score(
            self.estimator, data.X, data.y, data.weight, task=self.task, seconds=seconds,
            most=self.options.max_rows, result=result,
        )  # fmt: skip
        if scored is None:
            return None
        found = metrics.training_metrics(scored, self.task)
        _log(self.run, {f"train/{name}": value for name, value in found.items()})
        if found:
            self.run.log_note(
                "scoring/train", {"rows": scored.count, "of": scored.total, "sampled": scored.sampled}
            )
        return scored

    def _log_plots(self, scored: Scored | None) -> None:
        from . import plots

        names = rows.column_names(self.data.X)
        made: dict[str, Any] = {}
        if scored is not None and scored.y is not None and self.task in ("classification", "regression"):
            made |= getattr(plots, self.task)(scored)
        made["feature_importance"] = plots.importance(self.estimator, names)
        if self.options.permutation_repeats and scored is not None and scored.y is not None:
            from .scoring import randomness_kept

            with randomness_kept(self.estimator):
                made["permutation_importance"] = plots.permutation(
                    scored, self.options.permutation_repeats, names
                )
        for key, plot in made.items():
            if plot is not None:
                self.run.log_media(key, plot, step=0)

    def _log_model(self, scored: Scored | None) -> None:
        from epochal.errors import EpochalError
        from epochal.models import infer_signature

        options: dict[str, Any] = {}
        if self.data.known:
            with errors.guard("sklearn", "signature"):
                head = rows.take(self.data.X, slice(0, _PREVIEW))
                output = None
                if scored is not None and scored.prediction is not None:
                    output = rows.take(scored.prediction, slice(0, _PREVIEW))
                options["signature"] = infer_signature(head, output)
                if self.options.examples:
                    options["example"] = head
        try:
            self.run.log_model(_without_callbacks(self.estimator), "model", **options)
        except EpochalError as error:
            # Not our mistake: this estimator cannot be kept safely. Say it in the run, and once on the log.
            self.run.log_note("model/model", {"kept": False, "why": str(error)})
            errors.warn_once(
                ("sklearn", "model", type(self.estimator)), "the model was not kept: %s", str(error)
            )
        except Exception as error:
            errors.report("sklearn", "model", error)


@dataclass
class Data:
    """The arguments of a fit that are data."""

    X: Any = None
    y: Any = None
    weight: Any = None
    name: str | None = None
    target_name: str | None = None

    @classmethod
    def of(cls, call: Call) -> Data:
        """Find data, target and weights among the arguments, whatever the estimator calls them."""
        given = list(call.arguments.items())[1:]
        if not given:
            return cls()
        named = call.arguments
        first, y = given[0][1], named.get("y", named.get("Y"))
        found = cls(first, None if given[0][0] in ("y", "Y") else y, _weight(named))
        found.name = call.variable_name(found.X)
        found.target_name = call.variable_name(found.y) if found.y is not None else None
        return found

    @property
    def known(self) -> bool:
        """Whether the data can be looked at: a generator or a file cannot, not without using it up."""
        return rows.count(self.X) > 0 and (hasattr(self.X, "shape") or isinstance(self.X, list | tuple))

    def scorable(self, estimator: Any, task: str | None) -> bool:
        """Whether predictions on these data mean anything."""
        if not self.known or task in (None, "transformation", "density"):
            return False
        return (
            self.y is not None or task in ("clustering", "outlier detection")
            if not _overwrites(estimator)
            else False
        )

    def forget(self) -> None:
        """Keep nothing of the user's."""
        self.X = self.y = self.weight = None


def _weight(named: dict[str, Any]) -> Any:
    """Return the sample weights, also those that a pipeline passes on (``rf__sample_weight``)."""
    if named.get("sample_weight") is not None:
        return named["sample_weight"]
    for rest in named.values():
        if isinstance(rest, dict):
            found = [
                value
                for key, value in rest.items()
                if str(key).endswith("sample_weight") and value is not None
            ]
            if found:
                return found[0]
    return None


def _overwrites(estimator: Any) -> bool:
    """Say whether the fit may have changed the data in place: they are not the training data any more."""
    try:
        given = estimator.get_params(deep=True)
    except Exception:
        return False
    return any(
        name.rpartition("__")[2] in ("copy", "copy_X", "copy_x") and value is False
        for name, value in given.items()
    )


def _without_callbacks(estimator: Any) -> Any:
    """Return the estimator as it will be when `fit` has returned.

    While it runs, scikit-learn (since 1.9) keeps the state of callbacks in an attribute, and we are inside.
    """
    passing = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_skl_callbacks")
    if not any(name in vars(estimator) for name in passing):
        return estimator
    kept = copy.copy(estimator)
    for name in passing:
        vars(kept).pop(name, None)
    return kept


def _place(run: Run, name: str) -> tuple[Run, bool]:
    """Return the user's run for its first model, and a new child of it for each later one."""
    with _lock:
        if run not in _taken:
            _taken.add(run)
            return run, False
    return run.child(name=name, source="sklearn"), True


def _log(run: Run, values: dict[str, float]) -> None:
    """Log single numbers at step 0, without moving the step that the user's own logging counts."""
    from epochal.values import plain

    if values:
        run.event(
            "metrics", {"step": 0, "values": {key: plain(float(value)) for key, value in values.items()}}
        )
