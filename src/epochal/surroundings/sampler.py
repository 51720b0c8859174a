"""The load of the machine and of this process, every few seconds, from a thread of its own.

psutil is imported in the thread, half a second after the start: a short run pays nothing. Rates and
percentages are computed from counters kept here, as psutil's own `cpu_percent` keeps them for the whole
process and the user may be asking too.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from epochal import errors

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST = (
    0.5  # seconds from the start to the first reading of the counters, and from there to the first sample
)
_GIVE_UP = 3  # failures in a row


class Sampler:
    """Sends ("system", {"values": {...}}) to ``event`` every ``interval`` seconds until `stop`.

    Keys: cpu (% of all cores), process.cpu (% of one core), process.threads, memory (%), memory.used,
    process.memory (resident bytes), disk (% of the file system of the working directory), disk.read,
    disk.write, network.sent, network.received (bytes a second), and gpu.N.* of `gpu.Load`.
    """

    def __init__(self, event: Callable[[str, dict[str, Any]], Any], interval: float = 15.0) -> None:
        """Prepare; nothing is started or imported before `start`."""
        self.interval = interval
        self._event = event
        self._stopped = threading.Event()
        self._sending = threading.RLock()  # a signal handler may stop it while it is being stopped
        self._pid = 0

    def start(self) -> None:
        """Start the thread; the first sample comes after about a second."""
        self._pid = os.getpid()
        threading.Thread(target=self._work, name="epochal-sampler", daemon=True).start()

    def stop(self) -> None:
        """Send nothing any more; returns at once, at worst after the event being written."""
        if os.getpid() != self._pid:  # a fork has no such thread, and perhaps the lock of one
            return
        self._stopped.set()
        with self._sending:
            pass

    def _work(self) -> None:
        if self._stopped.wait(min(_FIRST, self.interval)):
            return
        failures = 0
        load: Load | None = None
        pause = min(_FIRST, self.interval)
        while failures < _GIVE_UP:
            try:
                load = load or Load()
                if self._stopped.wait(pause):
                    return
                values = load.sample()
                with self._sending:
                    if self._stopped.is_set():
                        return
                    self._event("system", {"values": values})
                failures, pause = 0, self.interval
            except Exception as error:
                failures, pause = failures + 1, self.interval
                errors.report("system metrics", "sample", error)
                if self._stopped.wait(pause):
                    return


class Load:
    """Counters of the machine and of this process, and what changed since they were last read."""

    def __init__(self) -> None:
        import psutil

        from . import gpu

        self._psutil = psutil
        self._process = psutil.Process()
        self._gpus = gpu.Load()
        self._time, self._counters = time.monotonic(), self._read()

    def sample(self) -> dict[str, float]:
        """Return what is known of the time since the last call."""
        now, counters = time.monotonic(), self._read()
        before, seconds = self._counters, max(now - self._time, 1e-6)
        self._time, self._counters = now, counters
        values: dict[str, float] = {}
        total = counters["cpu.total"] - before["cpu.total"]
        if total > 0:
            idle = counters["cpu.idle"] - before["cpu.idle"]
            values["cpu"] = round(min(max(100 * (1 - idle / total), 0.0), 100.0), 1)
        values["process.cpu"] = round(100 * (counters["process"] - before["process"]) / seconds, 1)
        for name in ("disk.read", "disk.write", "network.sent", "network.received"):
            if name in counters and name in before:
                values[name] = round(max(counters[name] - before[name], 0) / seconds)
        return values | self._state() | self._gpus.sample()

    def _read(self) -> dict[str, float]:
        psutil = self._psutil
        cpu = psutil.cpu_times()
        used = self._process.cpu_times()
        # guest time is contained in user time
        total = sum(cpu) - getattr(cpu, "guest", 0) - getattr(cpu, "guest_nice", 0)
        counters = {
            "cpu.total": total,
            "cpu.idle": cpu.idle + getattr(cpu, "iowait", 0),
            "process": used.user + used.system,
        }
        disk, network = _tried(psutil.disk_io_counters), _tried(psutil.net_io_counters)
        if disk is not None:
            counters |= {"disk.read": disk.read_bytes, "disk.write": disk.write_bytes}
        if network is not None:
            counters |= {"network.sent": network.bytes_sent, "network.received": network.bytes_recv}
        return counters

    def _state(self) -> dict[str, float]:
        psutil = self._psutil
        memory = psutil.virtual_memory()
        values: dict[str, float] = {
            "memory": memory.percent,
            "memory.used": memory.used,
            "process.memory": self._process.memory_info().rss,
            "process.threads": self._process.num_threads(),
        }
        disk = _tried(lambda: psutil.disk_usage("."))
        return values if disk is None else values | {"disk": disk.percent}


def _tried(question: Callable[[], Any]) -> Any:
    """The answer, or None where this system does not say (a sandbox without /proc/diskstats)."""
    try:
        return question()
    except (OSError, RuntimeError, NotImplementedError):
        return None
