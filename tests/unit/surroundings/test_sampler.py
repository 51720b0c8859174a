"""Samples come soon and regularly, stop at once, and survive errors and forks."""

import inspect
import os
import re
import sys
import threading
import time

import psutil
import pytest

from epochal import errors
from epochal.surroundings import gpu
from epochal.surroundings.sampler import Load, Sampler


class Events:
    def __init__(self, error=None):
        self.seen, self.error = [], error
        self.arrived = threading.Event()

    def __call__(self, kind, data):
        self.seen.append((kind, data))
        self.arrived.set()
        if self.error:
            raise self.error


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "epochal-sampler"]


def test_a_first_sample_comes_soon():
    events = Events()
    sampler = Sampler(events, 15)
    sampler.start()
    assert events.arrived.wait(10)
    sampler.stop()
    kind, data = events.seen[0]
    assert kind == "system"
    values = data["values"]
    assert 0 <= values["cpu"] <= 100
    assert values["process.cpu"] >= 0
    assert abs(values["process.memory"] - psutil.Process().memory_info().rss) < 2**27
    assert 0 < values["memory"] <= 100
    assert {"memory.used", "process.threads", "disk", "network.sent", "network.received"} <= set(values)
    assert all(isinstance(value, int | float) for value in values.values())


def test_samples_keep_coming_until_it_is_stopped():
    events = Events()
    sampler = Sampler(events, 0.02)
    sampler.start()
    deadline = time.monotonic() + 10
    while len(events.seen) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    start = time.perf_counter()
    sampler.stop()
    assert time.perf_counter() - start < 0.5
    count = len(events.seen)
    assert count >= 5
    time.sleep(0.1)
    assert len(events.seen) == count
    assert not threads()


def test_a_short_run_never_loads_psutil():
    import subprocess

    program = (
        "import sys, time; from epochal.surroundings.sampler import Sampler;"
        "s = Sampler(print, 15); s.start();"
        "time.sleep(0.1); start = time.perf_counter(); s.stop(); assert time.perf_counter() - start < 0.05;"
        "assert 'psutil' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_it_gives_up_after_three_failures(monkeypatch):
    monkeypatch.setattr(errors, "strict", True)
    monkeypatch.setattr(errors, "swallowed", [])
    sampler = Sampler(Events(OSError("disk full")), 0.01)
    sampler.start()
    deadline = time.monotonic() + 10
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()
    assert [str(error) for error in errors.swallowed] == ["disk full"] * 3
    sampler.stop()


def test_stopping_in_a_fork_waits_for_nothing():
    sampler = Sampler(Events(), 15)
    sampler.start()
    with sampler._sending:
        child = os.fork()
        if child == 0:
            sampler.stop()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    sampler.stop()


def test_stopping_twice_and_before_starting():
    sampler = Sampler(Events(), 15)
    sampler.stop()
    sampler.start()
    sampler.stop()
    sampler.stop()


def test_rates_are_of_the_time_between(monkeypatch):
    load = Load()
    load._counters |= {"network.sent": load._counters["network.sent"] - 10_000_000}
    load._time -= 2.0
    assert 2_000_000 < load.sample()["network.sent"] < 6_000_000


def test_a_busy_process_shows():
    load = Load()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(1000))
    assert load.sample()["process.cpu"] > 10


def test_psutils_own_percentages_are_left_alone():
    psutil.cpu_percent(None)
    before = dict(vars(psutil).get("_last_cpu_times", {}))
    Load().sample()
    assert dict(vars(psutil).get("_last_cpu_times", {})) == before


def test_what_a_sample_costs():
    load = Load()
    load.sample()
    start = time.perf_counter()
    for _ in range(20):
        load.sample()
    cost = 1000 * (time.perf_counter() - start) / 20
    print(f"sample: {cost:.2f} ms", file=sys.stderr)
    assert cost < 50


def test_gpus_are_asked_or_absent():
    assert bool(gpu.describe()) == bool(gpu.Load().sample())


@pytest.mark.gpu
@pytest.mark.skipif(not gpu.describe(), reason="no NVIDIA GPU here")
def test_gpus_are_sampled():
    described, sample = gpu.describe(), gpu.Load().sample()
    assert described[0]["name"].startswith("NVIDIA")
    assert described[0]["memory"] > 2**30
    assert 0 <= sample["gpu.0.memory"] <= 100
    assert sample["gpu.0.power"] > 0


def test_what_is_asked_of_nvml_is_there():
    pynvml = pytest.importorskip("pynvml")
    asked = set(re.findall(r"\b(?:nvml|NVML_?)[A-Z]\w+", inspect.getsource(gpu)))
    assert len(asked) > 8
    assert [name for name in asked if not hasattr(pynvml, name)] == []
