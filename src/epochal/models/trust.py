"""Trust is a list of names that the caller gives, never a switch and never the file's word.

A file that could say what to trust would trust itself; ``trust=True`` would trust what
nobody has looked at.  So a refusal names each type, as Python to copy once one has looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from epochal import errors


class TrustRefused(errors.EpochalError, TypeError):
    """What was passed as ``trust`` is no list of names."""


def names(trust: object) -> frozenset[str]:
    """The names in ``trust``; anything but a collection of strings is refused with the reason."""
    if isinstance(trust, bool):
        raise TrustRefused(
            f"trust={trust} says nothing about what is trusted; pass the names that the refusal lists, "
            "as in trust=['package.module.Type']"
        )
    if isinstance(trust, str):
        raise TrustRefused(f"trust={trust!r} is one string where a list is due; write trust=[{trust!r}]")
    if not isinstance(trust, Iterable) or isinstance(trust, Mapping | bytes):
        raise TrustRefused(f"trust must be a list of names, not {type(trust).__name__}")
    given = list(trust)
    wrong = [name for name in given if not isinstance(name, str)]
    if wrong:
        raise TrustRefused(f"trust holds {wrong[0]!r}; it takes names of types, as strings")
    return frozenset(given)


def refusal(
    ref: str, missing: Iterable[str], given: frozenset[str], call: str = "load_model"
) -> errors.Untrusted:
    """The error for types that neither the flavor nor the caller vouches for."""
    missing = sorted(set(missing))
    return errors.Untrusted(
        f"the model in {ref} contains types epochal does not know to be safe: {', '.join(missing)}. "
        f"If you trust where it comes from, {call}({ref!r}, trust={sorted(given.union(missing))!r})",
        missing,
    )


def code_refusal(ref: str, flavor: str, given: frozenset[str], call: str = "load_model") -> errors.Untrusted:
    """The error for a format that can run any code when it is read."""
    return errors.Untrusted(
        f"the model in {ref} is kept as {flavor!r}, a format that can run any code when it is loaded. "
        f"If you trust where it comes from, {call}({ref!r}, trust={sorted(given | {flavor})!r})",
        [flavor],
    )
