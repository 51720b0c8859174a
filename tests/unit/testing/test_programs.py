"""A program that a test starts is limited, and takes with it what it has started."""

import os
import signal
import sys

import pytest

from epochal.testing import programs

LEAVES = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid)
"""


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a zombie that nobody waits for has ended too
        return file.read().rpartition(")")[2].split()[0] == "Z"


def test_what_it_prints_and_how_it_ends():
    done = programs.python("import sys; print(sys.argv[1]); sys.exit(3)", "caf\u00e9", code=3)
    assert (done.stdout, done.returncode) == ("caf\u00e9\n", 3)


def test_another_end_fails_with_what_was_said():
    with pytest.raises(AssertionError, match=r"ended with 1, not 0:\n(?s:.*)ZeroDivisionError"):
        programs.python("1/0")


def test_variables_are_added_and_taken_away(monkeypatch):
    monkeypatch.setenv("HERE", "1")
    source = "import os; print(os.environ.get('HERE'), os.environ.get('THERE'))"
    assert programs.python(source, env={"HERE": None, "THERE": "2"}).stdout == "None 2\n"


def test_a_program_that_hangs_is_ended_and_named():
    source = "import signal; signal.pause()"
    with pytest.raises(AssertionError, match=r"did not end in 2 s: \d+ \(.*signal.pause"):
        programs.python(source, limit=2)


def test_an_error_that_follows_from_a_hang_says_so():
    command = (sys.executable, "-c", "import signal; signal.pause()")
    with pytest.raises(AssertionError) as caught, programs.started(*command, limit=1) as program:
        assert program.stdout.readline() == "ready\n"
    assert "did not end in 1 s" in caught.value.__notes__[0]


def test_a_program_that_is_stopped_is_ended_too():
    with pytest.raises(AssertionError, match="did not end"):
        programs.python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", limit=2)


def test_what_a_program_leaves_running_is_ended_and_named(monkeypatch):
    monkeypatch.setattr(programs, "GRACE", 0.2)
    with (
        pytest.raises(AssertionError, match=r"left running: \d+ \(.*signal.pause"),
        programs.started(sys.executable, "-c", LEAVES) as program,
    ):
        pid = int(program.stdout.readline())
        assert program.wait() == 0
        assert not gone(pid)
    assert gone(pid)


def test_at_the_end_of_the_block_it_is_gone_with_its_children():
    with programs.started(
        sys.executable, "-c", LEAVES + "import signal; sys.stdout.flush(); signal.pause()"
    ) as program:
        pid = int(program.stdout.readline())
    assert program.returncode == -signal.SIGKILL
    assert gone(pid)


def test_an_error_in_the_block_is_the_one_that_arrives():
    with (
        pytest.raises(ZeroDivisionError),
        programs.started(sys.executable, "-c", "import signal; signal.pause()") as program,
    ):
        raise ZeroDivisionError
    assert program.returncode == -signal.SIGKILL
