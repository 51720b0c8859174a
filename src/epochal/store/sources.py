"""Journals as the projection knows them: how far they were read, what was wrong with them, how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL: Final = None
"""All keys of a run, where a set of them is meant."""


@dataclass(slots=True)
class Source:
    """What is known of a journal: a row of the table of the same name."""

    id: int
    file: str
    run: int
    writer: str
    stamp: int
    head: int
    owner: bool
    started: float
    last: float
    offset: int = 0
    next_point: int = 0
    next_other: int = 0
    records: int = 0
    damaged: int = 0
    damaged_bytes: int = 0
    torn: int = 0
    status: str | None = None
    closed: bool = False
    end: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Source:
        """From columns."""
        return cls(**{**row, "owner": bool(row["owner"]), "closed": bool(row["closed"])})

    def row(self) -> dict[str, Any]:
        """As columns."""
        return {name: getattr(self, name) for name in self.__slots__}


def stamp(started: float, writer: str) -> int:
    """The place of a writer among those of its run: by the time of its first record, then by its name."""
    return int(started * 1e6) * 1024 + crc32(writer.encode()) % 1024
