"""Measure Epochal and its peers side by side and print what is required, what is reached, and what the peers
reach.

    python benchmarks/run.py [--only ROW,...] [--peers NAME,... | none] [--quick] [--json FILE] [--strict]

Every measurement runs in a fresh process and an empty folder; medians with minimum and maximum; each row
notes the load average, for the figures of a busy machine are upper bounds and only ratios compare.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import time
from typing import TYPE_CHECKING, Any

import autolog_rows
import logging_rows
import peers
import store_rows
import table
from bench import Bench
from children import Children
from table import Figure
from trackers import PEERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROWS: dict[str, Callable[[Bench], Iterable[Figure]]] = {
    "import": logging_rows.importing,
    "log": logging_rows.logging,
    "start": logging_rows.starting,
    "parts": logging_rows.parts,
    "durability": logging_rows.durability,
    "memory": logging_rows.memory,
    "size": store_rows.size,
    "project": store_rows.projecting,
    "catch-up": store_rows.catching_up,
    "read": store_rows.reading,
    "search": store_rows.searching,
    "autolog": autolog_rows.autolog,
}


def main() -> int:
    options = _options()
    there, missing = peers.homes(options.peers)
    figures: list[Figure] = []
    begin = time.perf_counter()
    with Children(options.scratch) as children:
        bench = Bench(children, there, missing, quick=options.quick)
        for row in options.only:
            print(f"{time.perf_counter() - begin:6.0f} s  {row} ...", file=sys.stderr, flush=True)
            figures += ROWS[row](bench)
            if options.json:
                _write_json(options.json, figures, missing)
    print(_heading(options.quick))
    print(table.render(figures, options.peers))
    verdicts = [figure.verdict for figure in figures]
    counts = {name: verdicts.count(name) for name in ("ok", "MISS", "FAILED")}
    print("\n{ok} ok, {MISS} missed, {FAILED} could not be taken".format(**counts))
    return 1 if "FAILED" in verdicts or (options.strict and "MISS" in verdicts) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        type=_names(ROWS),
        default=list(ROWS),
        metavar="ROW,...",
        help=", ".join(ROWS),
    )
    parser.add_argument(
        "--peers",
        type=_names(PEERS),
        default=list(PEERS),
        metavar="NAME,...",
        help=f"{', '.join(PEERS)}, or none",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny amounts, one round: shows that every row works, measures nothing",
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--scratch", type=pathlib.Path, metavar="FOLDER", help="on which file system to measure"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 if a requirement is missed, not only if a row fails"
    )
    return parser.parse_args()


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name and name != "none"]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are: {', '.join(known)}")
        return names

    return parse


def _machine() -> dict[str, Any]:
    return {
        "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "epochal": importlib.metadata.version("epochal"),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def _heading(quick: bool) -> str:
    facts = _machine()
    heading = "epochal {epochal}, Python {python}, {cores} cores, {machine}, load {load:.1f}, {when}".format(
        **facts
    )
    return heading + (" -- quick: these figures mean nothing" if quick else "")


def _write_json(path: pathlib.Path, figures: Sequence[Figure], missing: dict[str, str]) -> None:
    packages = {name: list(PEERS[name].packages) for name in PEERS if name not in missing}
    content = {
        **_machine(),
        "peers": packages,
        "missing": missing,
        "figures": [figure.as_json() for figure in figures],
    }
    path.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    sys.exit(main())
