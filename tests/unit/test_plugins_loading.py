"""Plugins are loaded once, whoever asks first: the probe of a run asks from a thread of its own."""

from __future__ import annotations

from epochal.testing import programs

ASK = """
import threading
from epochal import plugins

found = {}
kinds = ["flavors", "adapters", "probes", "commands"] * 4
start = threading.Barrier(len(kinds))

def ask(kind):
    start.wait()
    found.setdefault(kind, []).append(plugins.registry(kind).names)

threads = [threading.Thread(target=ask, args=(kind,)) for kind in kinds]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for kind, answers in found.items():
    assert all(answer == answers[0] for answer in answers), (kind, answers)
assert "pickle" in found["flavors"][0]
assert "packages" in found["probes"][0]
assert all(report.state == "ok" for report in plugins.report())
"""


def test_threads_that_ask_at_once_get_the_same_plugins():
    for _ in range(3):
        programs.python(ASK)
