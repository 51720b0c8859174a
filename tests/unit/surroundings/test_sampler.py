"""Samples come soon and regularly, stop at once, and survive errors and forks."""

import inspect
import re
import threading
import time

import psutil
import pytest

from epochal import errors
from epochal.surroundings import gpu
from epochal.surroundings.sampler import Load, Sampler
from epochal.testing import programs


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
    (thread,) = threads()
    for _ in range(5):
        assert events.arrived.wait(60)
        events.arrived.clear()
    sampler.stop()
    count = len(events.seen)
    thread.join(60)
    assert not thread.is_alive()
    assert len(events.seen) == count


def test_a_short_run_never_loads_psutil():
    program = (
        "import sys, threading; from epochal.surroundings import sampler;"
        "sampler._FIRST = 3600; s = sampler.Sampler(print, 3600); s.start();"
        "thread, = [t for t in threading.enumerate() if t.name == 'epochal-sampler'];"
        "s.stop(); thread.join(); assert 'psutil' not in sys.modules"
    )
    programs.python(program)


def test_it_gives_up_after_three_failures(monkeypatch):
    monkeypatch.setattr(errors, "strict", True)
    monkeypatch.setattr(errors, "swallowed", [])
    sampler = Sampler(Events(OSError("disk full")), 0.01)
    sampler.start()
    for thread in threads():
        thread.join(60)
    assert not threads()
    assert [str(error) for error in errors.swallowed] == ["disk full"] * 3
    sampler.stop()


def test_stopping_in_a_fork_waits_for_nothing():
    program = """
import os, threading
from epochal.surroundings.sampler import Sampler
sampler, held, done = Sampler(print, 15), threading.Event(), threading.Event()
sampler.start()
def hold():
    with sampler._sending:
        held.set()
        done.wait()
threading.Thread(target=hold).start()
held.wait()
if not os.fork():
    sampler.stop()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
done.set()
sampler.stop()
"""
    assert programs.python(program).stdout == "7\n"


def test_stopping_twice_and_before_starting():
    sampler = Sampler(Events(), 15)
    sampler.stop()
    sampler.start()
    sampler.stop()
    sampler.stop()


def test_rates_are_of_the_time_between(monkeypatch):
    load, now = Load(), 1000.0
    counters = load._counters | {"network.sent": 50_000_000}
    monkeypatch.setattr(load, "_read", lambda: counters | {"network.sent": 60_000_000})
    monkeypatch.setattr("time.monotonic", lambda: now)
    load._time, load._counters = now - 2.0, counters
    assert load.sample()["network.sent"] == 5_000_000


def test_a_busy_process_shows(monkeypatch):
    """Half a second of a processor in the second that the clock says has passed is 50 %, and a bit."""
    load, now = Load(), 1000.0
    end = time.process_time() + 0.5
    while time.process_time() < end:
        sum(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: now)
    load._time = now - 1.0
    assert 45 <= load.sample()["process.cpu"] < 100


def test_psutils_own_percentages_are_left_alone():
    psutil.cpu_percent(None)
    before = dict(vars(psutil).get("_last_cpu_times", {}))
    Load().sample()
    assert dict(vars(psutil).get("_last_cpu_times", {})) == before


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
