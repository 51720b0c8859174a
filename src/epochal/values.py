"""What may be logged, and in which form it is kept.

A metric is a number that float64 holds exactly, or it is refused with a reason: nothing is rounded in
silence. A parameter may be any object: `plain` turns it into JSON, exactly where JSON can say it and visibly
marked where it cannot. No framework is imported to know its tensors: what has `shape` and `item()` is one.
"""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ValueRefused
from .plain import DEPTH, describe, key_text, plain

if TYPE_CHECKING:
    import decimal
    import fractions

__all__ = ["check_key", "describe", "flatten", "key_text", "plain", "scalar"]

KEY_LIMIT = 65_536
_EXACT = 2**53
_INT64, _UINT64 = -(2**63), 2**64 - 1
_NO_NUMBERS = frozenset("mMSU")  # NumPy's kinds: time spans, times, bytes, text
_UNWRAP = 4  # an array of an object of a tensor...: nobody nests deeper by accident


def scalar(value: Any) -> float | int:
    """Return the number in ``value`` as a Python int or float that float64 holds exactly.

    Takes numbers, NumPy scalars, arrays and tensors of one element, `Decimal`, `Fraction`, and anything with
    `item()` or `__float__`. `Decimal("0.1")` is taken as 0.1, as its shortest spelling is the same.
    Raises `ValueRefused` with a one-line reason for everything else.
    """
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return _integer(value)
    if isinstance(value, float):  # also numpy.float64
        return float.__float__(value)
    try:
        return _number(value, _UNWRAP)
    except ValueRefused:
        raise
    except Exception as error:  # `item`, `__float__`, `shape` are user code
        msg = f"{describe(value)} gives no number: {type(error).__name__}: {_line(error)}"
        raise ValueRefused(msg) from None


def check_key(key: Any) -> str:
    """Return ``key`` as the exact text to store; raise `ValueRefused` with the reason if it cannot be stored.

    Any text will do ("a/b", "../x", NUL, emoji), except an empty one, one over 65,536 characters, and one
    with half of a surrogate pair, which no UTF-8 file can hold. Integers are spelled out.
    """
    if isinstance(key, str):
        text = str.__str__(key)
    elif isinstance(key, int) and not isinstance(key, bool):
        text = str(int(key))
    else:
        msg = f"a key must be text, not {describe(key)}"
        raise ValueRefused(msg)
    if not text:
        msg = "a key must not be empty"
        raise ValueRefused(msg)
    if len(text) > KEY_LIMIT:
        msg = f"key {text[:40]!r}... has {len(text):,} characters; at most {KEY_LIMIT:,} are kept"
        raise ValueRefused(msg)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            msg = f"key {text[:80]!a} holds half a surrogate pair at position {error.start}; rename it"
            raise ValueRefused(msg) from None
    return text


def flatten(mapping: Mapping[Any, Any], sep: str) -> dict[str, Any]:
    """Open nested mappings into one flat dict, joining keys with ``sep``; other values are passed through.

    Never raises for the content: a mapping inside itself becomes the text "<cycle>", one nested deeper than
    50 levels stays as it is, and a second value under the same joined key gets " <2>" appended to its key.
    A mapping that is empty or cannot be read is kept as a value.
    """
    flat: dict[str, Any] = {}
    _flatten(mapping, "", sep, flat, set())
    return flat


def _flatten(
    mapping: Mapping[Any, Any], prefix: str, sep: str, flat: dict[str, Any], above: set[int]
) -> None:
    above.add(id(mapping))
    for key, value in _pairs(mapping):
        name = prefix + (key if type(key) is str else key_text(key))
        if id(value) in above:
            flat[_unused(name, flat)] = "<cycle>"
        elif isinstance(value, Mapping) and len(above) < DEPTH and _pairs(value):
            _flatten(value, name + sep, sep, flat, above)
        else:
            flat[_unused(name, flat)] = value
    above.discard(id(mapping))


def _pairs(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """All items at once, as another thread may change the mapping; none if its own code fails."""
    try:
        return list(mapping.items())
    except Exception:
        return []


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} <{number}>" in taken:
        number += 1
    return f"{name} <{number}>"


def _number(value: Any, tries: int) -> float | int:
    if getattr(value, "shape", None) is not None:
        return _element(value, tries)
    if isinstance(value, int):  # also bool and IntEnum
        return _integer(int.__index__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str | bytes | bytearray):
        msg = f"{describe(value)} is no number; log text with log_text(), a setting with log_params()"
        raise ValueRefused(msg)
    if value is None:
        msg = "None is no number; leave the key out"
        raise ValueRefused(msg)
    if isinstance(value, complex):
        msg = f"{describe(value)} is complex; log its .real and .imag, or abs()"
        raise ValueRefused(msg)
    if _is(value, "decimal", "Decimal"):
        return _exact_decimal(value)
    if _is(value, "fractions", "Fraction"):
        return _exact_fraction(value)
    if hasattr(type(value), "__float__"):
        return _float_of(value)
    if hasattr(type(value), "__index__"):
        return _integer(operator.index(value))
    msg = f"{describe(value)} is no number; metrics take numbers and one-element arrays or tensors"
    raise ValueRefused(msg)


def _is(value: Any, module: str, name: str) -> bool:
    """Whether it is of this class, without an import: nobody holds a Decimal before decimal is there."""
    return module in sys.modules and isinstance(value, getattr(sys.modules[module], name))


def _integer(value: int) -> float | int:
    if -_EXACT <= value <= _EXACT:
        return value
    try:
        exact = float(value) == value
    except OverflowError:
        exact = False
    if not exact:
        text = value if abs(value) <= _UINT64 else f"an integer of {value.bit_length()} bits"
        msg = f"{text} has no exact float64; log float(value) if the nearest number will do"
        raise ValueRefused(msg)
    return value if _INT64 <= value <= _UINT64 else float(value)


def _exact_decimal(value: decimal.Decimal) -> float:
    if value.is_nan():
        return math.nan
    made, nearest = type(value), float(value)
    if value.is_infinite() or made(nearest) == value or made(repr(nearest)) == value:
        return nearest
    msg = f"{describe(value)} has no exact float64; log float(value) if {nearest!r} will do"
    raise ValueRefused(msg)


def _exact_fraction(value: fractions.Fraction) -> float:
    made, nearest = type(value), float(value)
    if made(nearest) == value or made(repr(nearest)) == value:
        return nearest
    msg = f"{describe(value)} has no exact float64; log float(value) if {nearest!r} will do"
    raise ValueRefused(msg)


def _element(value: Any, tries: int) -> float | int:
    """The one element of a NumPy scalar, array, Series or tensor."""
    if value.shape != () and (size := math.prod(value.shape)) != 1:
        msg = f"{describe(value)} holds {size:,} numbers, not one; log its mean() or a Histogram of it"
        raise ValueRefused(msg)
    if getattr(getattr(value, "dtype", None), "kind", "") in _NO_NUMBERS:
        msg = f"{describe(value)} is no number"
        raise ValueRefused(msg)
    if hasattr(type(value), "mask") and not callable(value.mask) and bool(value.mask):
        msg = "a masked element is no number; leave the key out"
        raise ValueRefused(msg)
    take = getattr(value, "item", None) or getattr(value, "numpy", None)
    inner = take() if callable(take) and tries else value
    if type(inner) is type(value) and getattr(inner, "shape", None) == ():  # longdouble gives itself
        return _float_of(inner)
    if inner is value:
        msg = f"{describe(value)} gives no number"
        raise ValueRefused(msg)
    return _number(inner, tries - 1)


def _float_of(value: Any) -> float:
    """What `float` makes of it, unless the object itself says that this is another number."""
    nearest = float(value)
    number: Any = numbers.Number
    if isinstance(value, number) and not math.isnan(nearest) and not bool(nearest == value):
        msg = f"{describe(value)} has no exact float64; log float(value) if {nearest!r} will do"
        raise ValueRefused(msg)
    return nearest


def _line(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:  # an error whose text cannot be had
        return "its text cannot be had"
