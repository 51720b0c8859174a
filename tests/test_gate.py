"""The gate shows noise and lets it pass, and lets nothing else pass."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from epochal.testing import programs

SUPPORT = Path(__file__).with_name("support")

LIMITS = """
import gate, os
gate.TEST = float(os.environ.get("TEST", 60))
gate.MODULE = float(os.environ.get("MODULE", 60))
gate.MOST = int(os.environ.get("MOST", 20))
"""
TESTS = """
import pathlib, subprocess, sys, time
import pytest

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass

def test_lucky():
    tries = pathlib.Path("tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    assert len(tries.read_text()) > int(pathlib.Path("unlucky").read_text()), "it was busy"

def test_fine(): pass

@pytest.mark.parametrize("number", range(3))
def test_dear(number): burn(0.3)

def test_dear_child(): subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"])
"""


@pytest.fixture
def start(tmp_path):
    """Run tests of a folder with the gate, beside each other; the second time those that failed, alone."""
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(LIMITS)
    command = (sys.executable, "-m", "pytest", "-p", "gate", "-p", "no:cacheprovider")
    path = os.pathsep.join([str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*arguments, code=0, unlucky=0, **environment):
        (tmp_path / "unlucky").write_text(str(unlucky))
        env = {"PYTHONPATH": path, **environment}
        return programs.run(*command, *arguments, "test_it.py", cwd=tmp_path, env=env, code=code).stdout

    return run


def sections(text):
    """The lines under each heading of a log."""
    found = {}
    for line in text.splitlines():
        if line.startswith("==="):
            lines = found.setdefault(line.strip("= "), [])
        elif found and line.strip():
            lines.append(line.strip())
    return found


AGAIN = "failed at first, run again alone"
DEAR = "too dear: cheaper, or marked nightly"


@pytest.mark.parametrize("unlucky", [1, 2])
def test_noise_is_shown_and_passes(start, tmp_path, unlucky):
    first = start("-n2", "--failed-to=failed.json", unlucky=unlucky, code=64)
    assert AGAIN not in first
    assert json.loads((tmp_path / "failed.json").read_text()) == {
        "test_it.py::test_lucky": "AssertionError: it was busy"
    }
    second = start("--reruns=1", "--again=failed.json", unlucky=unlucky)
    assert sections(second)[AGAIN] == [
        "test_it.py::test_lucky: passed alone: a defect, to be mended",
        "AssertionError: it was busy",
    ]
    assert "5 deselected" in second.splitlines()[-1]


def test_what_fails_three_times_fails(start):
    start("-n2", "--failed-to=failed.json", unlucky=3, code=64)
    second = start("--reruns=1", "--again=failed.json", unlucky=3, code=1)
    assert sections(second)[AGAIN][0] == "test_it.py::test_lucky: failed again"


def test_without_a_second_start_a_failure_is_a_failure(start):
    start(unlucky=1, code=1)


def test_many_failures_are_no_noise(start):
    start("--failed-to=failed.json", unlucky=1, MOST="0", code=1)


def test_what_is_fine_leaves_nothing(start, tmp_path):
    assert AGAIN not in start("-n2", "--failed-to=failed.json")
    assert not (tmp_path / "failed.json").exists()


def test_a_dear_test_fails_though_it_passes(start):
    text = start("-n2", "-k", "dear or fine", TEST="0.2", code=1)
    named = {line.partition(": ")[0] for line in sections(text)[DEAR]}
    assert named == {f"test_it.py::{name}" for name in
                     ("test_dear[0]", "test_dear[1]", "test_dear[2]", "test_dear_child")}  # fmt: skip


def test_a_dear_module_fails_though_no_test_is(start):
    text = start("-n2", "-k", "dear", MODULE="1", code=1)
    assert [line.partition(": ")[0] for line in sections(text)[DEAR]] == ["test_it.py"]


def test_what_was_dear_beside_others_is_judged_again_alone(start):
    start("-n2", "-k", "dear", "--failed-to=failed.json", TEST="0.2", code=64)
    assert DEAR not in start("--reruns=1", "--again=failed.json")
    again = start("--reruns=1", "--again=failed.json", TEST="0.2", code=1)
    assert "test_it.py::test_dear[0]: failed again" in sections(again)[AGAIN]


def test_a_failure_in_a_dear_module_is_a_failure(start):
    start("--failed-to=failed.json", MODULE="0.2", unlucky=1, code=1)
