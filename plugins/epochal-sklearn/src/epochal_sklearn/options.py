"""What a user may choose in `epochal.autolog("sklearn", ...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SklearnOptions:
    """The options of the scikit-learn adapter; the defaults are what one line of autolog gives."""

    models: bool = True
    """Keep the fitted estimator as the artifact ``model``, with its signature and requirements."""
    datasets: bool = True
    """Describe the training data: shape, columns, dtypes, class balance, missing values, fingerprint."""
    plots: bool = True
    """Keep plots, as data and as pictures."""
    examples: bool = False
    """Keep the first rows of the training data beside the model. Off: data may be confidential."""
    max_rows: int = 100_000
    """Score at most so many rows of the training data; fewer where predicting would take too long."""
    search_children: int = 0
    """Log the best so many candidates of a search as child runs too."""
    permutation_repeats: int = 0
    """Repeats of permutation importance on the scored rows; 0 leaves it out, for it costs predictions."""
    exclude: tuple[str | type, ...] = ()
    """Estimators that are not logged: classes, or their names, with or without the module."""

    def excludes(self, estimator: object) -> bool:
        """Whether the class of ``estimator``, or one it derives from, is excluded."""
        given: Any = self.exclude
        given = (given,) if isinstance(given, str | type) else given
        return any(
            cls is one or one in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}")
            for cls in type(estimator).__mro__
            for one in given
        )
