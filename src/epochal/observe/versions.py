"""Whether an installed framework is of a version that a plugin supports.

The range stands once, in the plugin's metadata, as the extra ``framework``:

    [project.optional-dependencies]
    framework = ["scikit-learn>=1.4,<2"]

It is read back from there before anything is patched.
"""

from __future__ import annotations

import importlib.metadata
import operator
import re
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?$")
_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?[^,]*$")
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
}


def supported_range(distribution: str) -> dict[str, str]:
    """The frameworks that a plugin's metadata name, with their ranges; empty if it names none."""
    try:
        lines = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        if (match := _REQUIREMENT.match(line)) and re.search(
            r"extra\s*==\s*['\"]framework['\"]", match[3] or ""
        ):
            found[match[1]] = match[2].strip()
    return found


def complaint(ranges: Mapping[str, str]) -> str | None:
    """What is installed and out of range, in one line; None if all is well or cannot be known."""
    for distribution, wanted in ranges.items():
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        if not fits(version, wanted):
            return f"{distribution} {version} is installed; supported is {distribution}{wanted}"
    return None


def fits(version: str, wanted: str) -> bool:
    """Whether a version is in a range such as ">=1.4,<2"; only the numbers of a release count.

    A pre-release counts as its release, so that people who try one are not locked out.
    """
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    release = _numbers(match[1]) if match else ()
    return all(_holds(release, clause) for clause in wanted.split(",") if clause.strip())


def _holds(release: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None:
        return True
    sign, bound, wildcard = match[1], _numbers(match[2]), bool(match[3])
    if sign == "~=":
        return _padded(operator.ge, release, bound) and release[: len(bound) - 1] == bound[:-1]
    if wildcard:
        release = release[: len(bound)]
    return _padded(_COMPARE[sign], release, bound)


def _padded(
    compare: Callable[[tuple[int, ...], tuple[int, ...]], bool], left: tuple[int, ...], right: tuple[int, ...]
) -> bool:
    pairs = list(zip_longest(left, right, fillvalue=0))
    return compare(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
