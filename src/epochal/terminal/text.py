"""Values as a person wants to read them: safe, short, and the same everywhere.

Names, parameters and messages come from anybody, so nothing of them may reach a
terminal as a command: `safe` shows control characters, invisible ones and those that
turn the direction of writing as escapes.  Only the standard library is used here, so
that a `repr` may.
"""

from __future__ import annotations

import itertools
import json
import math
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANKS = "\N{HANGUL FILLER}\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{BRAILLE PATTERN BLANK}"
_LONG = 1000
_MOST_BITS = 10_000

_SMALLER_IS_BETTER = (
    "loss error err mae mse rmse mape rmsle deviance perplexity ppl nll wer cer fid brier inertia distance"
    " regret bpb logloss hinge violation divergence kl davies bouldin residual"
)
_UNITS = ("time", "seconds", "count", "size", "rows", "steps", "epochs", "iter", "lr")
_LARGER_IS_BETTER = (
    "accuracy acc f1 f2 fbeta precision recall auc auroc auprc ap map r2 score bleu rouge iou dice mcc kappa"
    " silhouette ndcg mrr reward return jaccard sensitivity specificity likelihood homogeneity completeness"
    " calinski harabasz top1 top5 psnr ssim meteor cider"
)
_SPANS = (
    ("year", "y", 31_557_600),
    ("month", "mo", 2_629_800),
    ("week", "wk", 604_800),
    ("day", "d", 86_400),
    ("hour", "h", 3600),
    ("minute", "min", 60),
    ("second", "s", 1),
)


def safe(value: object, limit: int = _LONG) -> str:
    """``value`` on one line, with everything that a terminal might obey or hide shown as an escape.

    Text longer than ``limit`` is cut, and says how long it was; 0 keeps all of it.
    """
    text = value if isinstance(value, str) else str(value)
    if limit and len(text) > limit:
        return f"{safe(text[:limit], 0)}... ({len(text):,} characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_NAMED.get(c) or (_escape(c) if _is_hidden(c) else c) for c in text)


def safe_lines(value: object, limit: int = 200_000) -> list[str]:
    """``value`` line by line, each as `safe` has it; a tab counts as four spaces."""
    text = str(value)
    kept = text[:limit]
    lines = [safe(line.expandtabs(4), 0) for line in kept.replace("\r\n", "\n").split("\n")]
    if len(text) > limit:
        lines.append(f"... ({len(text):,} characters)")
    return lines


def _is_hidden(character: str) -> bool:
    return character in _BLANKS or unicodedata.category(character) in _HIDDEN


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value(found: object, limit: int = _LONG) -> str:
    """A parameter, tag or other JSON value on one line."""
    if found is None or isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, float):
        return repr(found) if math.isfinite(found) else number(found)
    if isinstance(found, int) and found.bit_length() > _MOST_BITS:  # Python refuses to spell it
        return f"an integer of {found.bit_length():,} bits"
    if isinstance(found, (dict, list, tuple)):
        return safe(json.dumps(found, ensure_ascii=False, default=str), limit)
    return safe(found, limit)


def number(found: object, digits: int = 4) -> str:
    """A metric's value in ``digits`` significant digits; whole numbers in full; "-" for nothing."""
    if found is None:
        return "-"
    if isinstance(found, (dict, list, tuple, bool)) or not isinstance(found, (int, float)):
        return value(found)
    if isinstance(found, float) and not math.isfinite(found):
        return "nan" if math.isnan(found) else "inf" if found > 0 else "-inf"
    if isinstance(found, int):
        return value(found)
    if found.is_integer() and abs(found) < 1e7:
        return f"{found:.1f}"
    return f"{found:.{digits}g}"


def numbers(column: Sequence[object], digits: int = 4) -> list[str]:
    """A column of metric values with equally many decimals, so that they compare at a glance."""
    finite = [
        abs(x) for x in column if isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)
    ]
    large, small = max(finite, default=0.0), min((x for x in finite if x), default=0.0)
    if (
        all(isinstance(x, int) for x in column if x is not None)
        or large >= 1e6
        or (large and small < large * 1e-4)
    ):
        return [number(x, digits) for x in column]
    if large and not large >= 1e-3:
        return [number(x, digits) for x in column]
    places = max(0, digits - max(0, math.floor(math.log10(large)) if large >= 1 else 0)) if large else 1
    return [f"{x:.{places}f}" if _is_finite(x) else number(x, digits) for x in column]


def single(metric: str, found: object) -> str:
    """The only value of ``metric``: a score with its four decimals, a count without any."""
    if isinstance(found, float) and math.isfinite(found):
        if direction(metric) and 1e-3 <= abs(found) < 10:
            return f"{found:.4f}"
        if found.is_integer() and abs(found) < 1e15:
            return str(int(found))
    return number(found)


def _is_finite(x: Any) -> bool:
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)


def direction(metric: str, goal: str | None = None) -> int:
    """Whether more of ``metric`` is better (1), less (-1), or nobody can tell (0).

    Without a ``goal`` ("minimize", "maximize") the last word of the name that says something decides:
    "neg_mean_squared_error" is a score, "val/f1_loss" a loss.
    """
    if goal is not None:
        return -1 if goal == "minimize" else 1
    words = metric.lower().replace("-", "_").replace("/", "_").replace(".", "_").replace(" ", "_").split("_")
    if words[-1] in _UNITS or "std" in words:
        return 0
    if "rank" in words:
        return -1
    if "neg" in words or words[-2:] == ["explained", "variance"]:
        return 1
    for word in reversed(words):
        if word in _SMALLER_IS_BETTER.split():
            return -1
        if word in _LARGER_IS_BETTER.split():
            return 1
    return 0


def timestamp(moment: object) -> float | None:
    """UTC seconds of a time given as seconds, `datetime` or ISO text; None for none."""
    if moment is None or isinstance(moment, bool):
        return None
    if isinstance(moment, (int, float)):
        return float(moment)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def iso(moment: object) -> str | None:
    """A time as ISO 8601 in UTC, to the microsecond; None for none."""
    seconds = timestamp(moment)
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    )


def local(moment: object) -> str:
    """A time on the reader's own clock."""
    seconds = timestamp(moment)
    return (
        "-" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    )


def ago(moment: object, now: float, *, short: bool = False) -> str:
    """How long before ``now`` (UTC seconds) something was: "3 minutes ago", or "3 min ago" if ``short``."""
    seconds = timestamp(moment)
    if seconds is None:
        return "-"
    past = now - seconds
    if past < -5:
        return f"in {_span(-past, short=short)}"
    return "just now" if past < 5 else f"{_span(past, short=short)} ago"


def _span(seconds: float, *, short: bool) -> str:
    unit, brief, length = next((one for one in _SPANS if seconds >= one[2]), _SPANS[-1])
    number = int(seconds // length)
    return f"{number} {brief}" if short else count(number, unit)


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units: "1 h 03 m", "2.4 s", "18 ms"."""
    if seconds is None:
        return "-"
    seconds = max(0.0, float(seconds))
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, under, length, part in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part:02d} {under}"
    return f"{whole} s"


def size(count: float | None) -> str:
    """A number of bytes in binary units."""
    if count is None:
        return "-"
    left = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(left) < 1023.95:
            return f"{left:.0f} {unit}" if unit == "B" else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"


def count(items: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: "1 run", "2 runs"."""
    return f"{items:,} {singular if items == 1 else plural or singular + 's'}"


def shortest(ids: Iterable[str], least: int = 8) -> dict[str, str]:
    """For each id the shortest prefix, of ``least`` characters or more, that no other of them has."""
    names = sorted(set(ids))
    lengths = dict.fromkeys(names, least)
    for one, other in itertools.pairwise(names):
        shared = next(
            (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        lengths[one], lengths[other] = max(lengths[one], shared + 1), max(lengths[other], shared + 1)
    return {name: name[:length] for name, length in lengths.items()}


def jsonable(found: Any) -> Any:
    """``found`` as plain JSON: NaN and infinities become "NaN", "Infinity", "-Infinity"."""
    if found is None or isinstance(found, (str, bool, int)):
        return found
    if isinstance(found, float):
        return (
            found
            if math.isfinite(found)
            else "NaN"
            if math.isnan(found)
            else "Infinity"
            if found > 0
            else "-Infinity"
        )
    if isinstance(found, dict):
        return {str(key): jsonable(item) for key, item in found.items()}
    if isinstance(found, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in found]
    if isinstance(found, datetime):
        return iso(found)
    if hasattr(found, "tolist"):
        return jsonable(found.tolist())
    return str(found)
