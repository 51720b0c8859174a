"""Identifiers of runs: UUIDv7 (RFC 9562) as 32 hexadecimal digits, so that they sort by time.

Drawn from the kernel, never from a random generator that a user may have seeded.
"""

from __future__ import annotations

import os
import time

_DIGITS = 32


def new() -> str:
    """Make an id that nobody else has."""
    stamp = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10))
    number = stamp << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    return f"{number:032x}"


def time_of(run_id: str) -> float:
    """When an id was made, in UTC seconds."""
    return int(run_id[:12], 16) / 1000


def valid(text: str) -> bool:
    """Whether this is a whole id."""
    return len(text) == _DIGITS and all(c in "0123456789abcdef" for c in text)
