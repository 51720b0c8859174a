"""Store folders with many runs or long series, written as journal lines without the tracker: setting a scene
must not take longer than measuring it. Follows docs on the journal's format; the projection that reads it is
the real one.
"""

from __future__ import annotations

import json
import os
import random
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pathlib

Event = tuple[float, str, Mapping[str, Any]]

BEGIN = 1_780_000_000.0
"""When the first run of a scene started; each further run starts a minute later."""


def write_run(root: pathlib.Path, number: int, events: Iterable[Event]) -> str:
    """Write the journal of one finished run below a store's root, as a projection finds it, and return the
    run's id.
    """
    began = BEGIN + 60 * number
    run_id = f"{int(began * 1000):012x}7{number >> 60 & 0xFFF:03x}8{number & (1 << 60) - 1:015x}"
    folder = root / "runs" / datetime.fromtimestamp(began, UTC).strftime("%Y-%m") / run_id
    folder.mkdir(parents=True, mode=0o700)
    live = root / "live"
    live.mkdir(exist_ok=True, mode=0o700)
    start = {
        "run": run_id,
        "writer": "w",
        "project": "bench",
        "name": f"run-{number}",
        "host": "bench",
        "locked": True,
    }
    with (folder / "w.jsonl").open("w", encoding="ascii") as journal:
        when, seq = 0.0, 0
        journal.write(_line(0, began, "start", start))
        for seq, (when, kind, data) in enumerate(events, 1):
            journal.write(_line(seq, began + when, kind, data))
        journal.write(_line(seq + 1, began + when, "end", {"status": "finished", "emitted": seq + 2}))
    os.close(os.open(live / f"{run_id}.w", os.O_CREAT, 0o600))
    return run_id


def _line(seq: int, time: float, kind: str, data: Mapping[str, Any]) -> str:
    body = f'[{seq},{time:.6f},"{kind}",{json.dumps(data, separators=(",", ":"))}'
    return f'{body},"{zlib.crc32(body.encode()):08x}"]\n'


def series(rows: Iterable[Mapping[str, float]]) -> Iterable[Event]:
    """Turn rows of metrics into events of a training whose steps take about 50 ms."""
    clock, when = random.Random(1), 0.0
    for step, values in enumerate(rows):
        when += clock.gauss(0.05, 0.002)
        yield when, "metrics", {"step": step, "values": values}


def summary(params: Mapping[str, str], metrics: Mapping[str, float]) -> Iterable[Event]:
    """Return the events of a run that has only parameters and one value of each metric."""
    return (0.1, "params", {"values": params}), (0.2, "metrics", {"step": 0, "values": metrics})
