"""Histograms: a distribution as counts between edges, small enough to stand in the journal itself."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from epochal.errors import ValueRefused
from epochal.plain import describe, plain

from .encoded import Encoded, Media, as_array, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS, MOST_BINS = 64, 4096


class Histogram(Media):
    """A distribution: how many of the values fall between two edges."""

    type = "histogram"

    def __init__(
        self,
        values: Any = None,
        *,
        bins: int | Sequence[float] = BINS,
        range: tuple[float, float] | None = None,  # noqa: A002  # as numpy.histogram calls it
        np_histogram: tuple[Any, Any] | None = None,
        caption: str | None = None,
    ) -> None:
        """Count ``values`` (an array, tensor or list of any shape) now, or take (counts, edges) as counted.

        NaN and infinities are left out of the bars and counted apart. Raises `ValueRefused` if nothing finite
        is left, or if edges and counts do not fit.
        """
        super().__init__(caption)
        self.facts: dict[str, Any] = {}
        if np_histogram is not None:
            self.counts, self.edges = _given(np_histogram)
        else:
            self.counts, self.edges, self.facts = _count(values, bins, range)

    def encode(self) -> Encoded:
        """Return counts and edges as data; there is no file."""
        data = {"counts": self.counts, "edges": self.edges, **self.facts}
        return Encoded(self.type, [], data, self.caption)

    def about(self) -> str:
        """Say how many bars there are, and from where to where."""
        return f"{len(self.counts)} bins from {self.edges[0]:g} to {self.edges[-1]:g}"


def _given(histogram: tuple[Any, Any]) -> tuple[list[float], list[float]]:
    counts, edges = (as_array(part).ravel() for part in histogram)
    if len(counts) > MOST_BINS:
        raise ValueRefused(f"a histogram may have {MOST_BINS} bins, not {len(counts)}")
    if len(edges) != len(counts) + 1 or not len(counts):
        raise ValueRefused(
            f"a histogram of {len(counts)} counts needs {len(counts) + 1} edges, not {len(edges)}"
        )
    numbers = [*counts.tolist(), *edges.tolist()]
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ValueRefused("counts and edges of a histogram must be finite numbers")
    if any(b <= a for a, b in itertools.pairwise(edges.tolist())):
        raise ValueRefused("the edges of a histogram must increase")
    return counts.tolist(), edges.tolist()


def _count(
    values: Any, bins: int | Sequence[float], span: tuple[float, float] | None
) -> tuple[list[float], list[float], dict[str, Any]]:
    import numpy as np

    try:
        array = as_array(values).ravel()
        numbers = array.astype(np.float64) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None:
        raise refused("histogram", values, "an array, tensor or list of real numbers")
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        raise ValueRefused(f"no histogram can be made of {describe(values)}: it holds no finite number")
    if isinstance(bins, int) and not 1 <= bins <= MOST_BINS:
        raise ValueRefused(f"a histogram may have 1 to {MOST_BINS} bins, not {bins}")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            counts, edges = np.histogram(finite, bins=bins, range=span)
    except ValueError as error:  # values so close that no 64 numbers lie between them
        if not isinstance(bins, int) or span is not None:
            raise ValueRefused(f"no histogram can be made: {error}") from None
        counts, edges = np.asarray([len(finite)]), np.asarray([finite.min(), finite.max()])
    if not np.isfinite(edges).all():  # so far apart that their distance overflows
        counts, edges = np.asarray([len(finite)]), np.asarray([finite.min(), finite.max()])
    facts = {"count": len(finite), "min": float(finite.min()), "max": float(finite.max())}
    if len(numbers) - len(finite):
        facts["nonfinite"] = len(numbers) - len(finite)
    with np.errstate(over="ignore", invalid="ignore"):
        facts |= {"mean": plain(float(finite.mean())), "std": plain(float(finite.std()))}
    return counts.tolist(), edges.tolist(), facts
