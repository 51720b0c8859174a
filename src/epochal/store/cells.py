"""Values as they lie in a column, and back: params of any JSON type, and the totals of a series."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .series import Points

SHORT: Final = 200
"""Characters of a text that lie in the indexes."""

_STR, _INT, _FLOAT, _BOOL, _NONE, _JSON = range(6)

encode_json = msgspec.json.Encoder().encode
decode_json = msgspec.json.decode


class Cell(NamedTuple):
    """A param: its type, its number if it has one, its text."""

    kind: int
    num: float | None
    text: str | None
    rest: str | None


REMOVED: Final = Cell(_STR, None, None, None)


def param(value: Any) -> Cell:
    """A JSON value as a cell; a text that reads as a number can be compared as one."""
    if isinstance(value, str):
        return Cell(_STR, _number(value), *split(value))
    if isinstance(value, bool):
        return Cell(_BOOL, None, str(value), None)
    if isinstance(value, int):
        return Cell(_INT, _finite(value), *split(str(value)))
    if isinstance(value, float):
        return Cell(_FLOAT, _finite(value), repr(value), None)
    if value is None:
        return Cell(_NONE, None, "None", None)
    return Cell(_JSON, None, *split(encode_json(value).decode()))


def value(kind: int, text: str, rest: str | None) -> Any:
    """What `param` made a cell of."""
    whole = text + rest if rest else text
    if kind == _STR:
        return whole
    if kind == _INT:
        return int(whole)
    if kind == _FLOAT:
        return float(whole)
    if kind == _BOOL:
        return whole == "True"
    return None if kind == _NONE else decode_json(whole)


def split(text: str) -> tuple[str, str | None]:
    """The indexed beginning of a text, and the rest of it."""
    return text[:SHORT], text[SHORT:] or None


def _number(text: str) -> float | None:
    if not text or len(text) > 40 or "_" in text or not text.isascii():
        return None
    try:
        return _finite(float(text))
    except ValueError:
        return None


def _finite(number: float) -> float | None:
    try:
        number = float(number)
    except OverflowError:  # an int beyond every float: its text says it
        return None
    return number if math.isfinite(number) else None


def flatten(name: str, value: Any) -> dict[str, Any]:
    """A nested config value as params named with dots; an empty dict stays a value."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    return {
        key: leaf for part, inner in value.items() for key, leaf in flatten(f"{name}.{part}", inner).items()
    }


class Totals(msgspec.Struct, frozen=True, gc=False):
    """What is known of a series as a whole.

    min, max and sum pass over NaN (``valid`` counts the others).  The sum is made in order, point by point,
    so that it does not depend on the parts in which a series was read.
    """

    count: int = 0
    valid: int = 0
    sum: float = 0.0
    min: float = math.inf
    max: float = -math.inf
    last: float = math.nan
    last_step: int = 0
    last_time: int = 0

    def add(self, points: Points) -> Totals:
        """The totals with more points."""
        values, steps, times = points.values, points.steps, points.times
        count = self.count + len(values)
        last = float(values[-1]), int(steps[-1]), int(times[-1])
        if len(values) < 16:  # NumPy's own overhead would be most of the work
            numbers = [value for value in values.tolist() if value == value]  # noqa: PLR0124 - all but NaN
            total = self.sum
            for value in numbers:
                total += value
            if not numbers:
                return Totals(count, self.valid, total, self.min, self.max, *last)
            low, high = min(self.min, *numbers), max(self.max, *numbers)
            return Totals(count, self.valid + len(numbers), total, low, high, *last)
        import numpy as np

        valid = values[~np.isnan(values)]
        total, low, high = self.sum, self.min, self.max
        if len(valid):
            with np.errstate(all="ignore"):
                total = float(np.add.accumulate(np.concatenate(([total], valid)))[-1])
                low, high = min(low, float(valid.min())), max(high, float(valid.max()))
        return Totals(count, self.valid + len(valid), total, low, high, *last)

    def row(self) -> dict[str, Any]:
        """As columns: a database has no NaN, so that null stands for it."""
        low, high = (self.min, self.max) if self.valid else (None, None)
        return {
            "count": self.count, "valid": self.valid, "sum": _known(self.sum), "min": low, "max": high,
            "last": _known(self.last), "last_step": self.last_step, "last_time": self.last_time,
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Totals:
        """From columns."""
        low, high = (row["min"], row["max"]) if row["valid"] else (math.inf, -math.inf)
        return cls(
            row["count"], row["valid"], math.nan if row["sum"] is None else row["sum"], low, high,
            math.nan if row["last"] is None else row["last"], row["last_step"], row["last_time"],
        )  # fmt: skip

    @classmethod
    def join(cls, parts: Iterable[Totals]) -> Totals:
        """Of several writers' series of one metric, in the order of the writers."""
        whole = cls()
        for part in parts:
            whole = cls(
                whole.count + part.count, whole.valid + part.valid, whole.sum + part.sum,
                min(whole.min, part.min), max(whole.max, part.max), part.last, part.last_step, part.last_time,
            )  # fmt: skip
        return whole

    def summary(self, how: str | None, goal: str | None) -> float:
        """The number that stands for the series: its last, or what `define_metric` asked for."""
        if how == "best":
            how = "max" if goal == "maximize" else "min"
        if how in {"min", "max", "mean"} and not self.valid:
            return math.nan
        if how == "mean":
            return self.sum / self.valid
        return {"min": self.min, "max": self.max}.get(how or "", self.last)


def _known(number: float) -> float | None:
    return None if number != number else number  # noqa: PLR0124 - NaN
