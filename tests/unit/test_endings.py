"""How runs end with their program: each test is a program of its own."""

from __future__ import annotations

import signal
import sys

import pytest

from epochal import journal
from epochal.testing import programs

BEGIN = """
import os, sys, signal, time
import epochal
run = epochal.start_run()
run.log({"x": 1.0})
print(run.id, flush=True)
def idle():  # the signal may be another thread's to take: a long sleep would not be interrupted
    while True: time.sleep(0.01)
"""


def program(root, body, *, send=None):
    environment = {"EPOCHAL_STORE": str(root), "EPOCHAL_ENVIRONMENT": "off"}
    with programs.started(sys.executable, "-c", BEGIN + body, env=environment) as child:
        run_id = child.stdout.readline().strip()
        if send:
            assert child.stdout.readline() == "ready\n"
            child.send_signal(send)
        out, err = child.communicate()
    records = [r for f in journal.run_folder(root, run_id).glob("*.jsonl") for r in journal.read(f)]
    ends = [r.data for r in records if r.kind == "end"]
    return child.returncode, ends, out, err


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ("", 0, "finished"),
        ("raise ValueError('mine')", 1, "failed"),
        ("os._exit(3)", 3, None),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, None),
        ("os.kill(os.getpid(), signal.SIGTERM); idle()", -15, "preempted"),
        ("os.kill(os.getpid(), signal.SIGINT); idle()", -2, "failed"),
    ],
    ids=["end", "exception", "_exit", "kill", "term", "int"],
)
def test_the_end_of_the_program_is_the_end_of_the_run(root, body, code, status):
    returncode, ends, _, _ = program(root, body)
    assert returncode == code
    assert [end["status"] for end in ends] == ([status] if status else [])


def test_the_exception_is_noted(root):
    _, ends, _, err = program(root, "raise ValueError('mine')")
    assert ends[0]["error"]["text"] == "ValueError: mine"
    assert err.count("ValueError: mine") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_handler_of_the_users_is_the_one_that_is_called(root, when):
    handler = "signal.signal(signal.SIGTERM, lambda *a: (os.write(1, b'mine'), sys.exit(7)))\n"
    body = "print('ready', flush=True)\nidle()"
    if when == "before":
        body = "run.finish()\n" + handler + "run = epochal.start_run()\n" + body
    else:
        body = handler + body
    code, _, out, _ = program(root, body, send=signal.SIGTERM)
    assert code == 7
    assert out.count("mine") == 1


def test_no_handler_is_left_behind(root):
    body = "assert signal.getsignal(15) is not signal.SIG_DFL\nrun.finish()\nprint(signal.getsignal(15) == 0)"
    assert program(root, body)[2].strip() == "True"
