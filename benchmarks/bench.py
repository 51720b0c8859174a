"""What the rows of the table have in common: how much to do, in which processes, for which trackers.

A row is a function that takes a `Bench` and returns figures. What a peer cannot do, or failed to do, stands
in its column as the reason.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING, Any

from children import OWN_PYTHON, Children, Home, MeasureError
from table import Figure, Measured
from trackers import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Answer = dict[str, Any]


@dataclasses.dataclass
class Bench:
    """What every row needs: the children, the homes of the trackers, and how much to do."""

    children: Children
    peers: dict[str, Home]
    missing: dict[str, str]
    quick: bool = False
    ours: Home = dataclasses.field(default_factory=lambda: Home(OURS, OWN_PYTHON))

    def rounds(self, full: int) -> range:
        """How often to repeat a measurement in a fresh process."""
        return range(1 if self.quick else full)

    def scale(self, full: int, quick: int) -> int:
        """How much to do in one measurement."""
        return quick if self.quick else full

    def fill_in(
        self,
        figures: Iterable[Figure],
        take: Callable[[Home], Mapping[str, Measured]],
        peers: Iterable[str] | None = None,
    ) -> list[Figure]:
        """Take the figures of a row from us and from each peer; `take` returns what it measured by the
        figure's name.
        """
        lines, asked = list(figures), [*self.peers, *self.missing] if peers is None else list(peers)
        ours = _or_reason(take, self.ours)
        theirs = {name: _or_reason(take, self.peers[name]) for name in asked if name in self.peers}
        absent = {name: Measured.absent(self.missing[name]) for name in asked if name in self.missing}
        for line in lines:
            line.load = os.getloadavg()[0]
            line.ours = ours(line.what)
            line.peers = absent | {name: answer(line.what) for name, answer in theirs.items()}
        return lines


def _or_reason(take: Callable[[Home], Mapping[str, Measured]], home: Home) -> Callable[[str], Measured]:
    try:
        taken = take(home)
    except (MeasureError, OSError, subprocess.CalledProcessError) as error:
        reason = str(error)
        return lambda _: Measured.absent(f"{home.tracker.name}: {reason}")
    return lambda what: taken.get(what, Measured())
