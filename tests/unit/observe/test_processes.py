"""Workers start no runs by themselves; what their own code starts is logged."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from epochal.testing import programs

SITE = str(Path(__file__).with_name("site"))

MAIN = """
import multiprocessing, os, sys
sys.path.insert(0, {site!r})
import epochal
from epochal import plugins
import epochal_tiny
context = plugins.using(tiny=epochal_tiny); context.__enter__()
epochal.autolog("tiny")
import tiny_framework.core

def fit(scale=1.0):
    tiny_framework.core.Mean(scale).fit([[1.0, 2.0]])

def fit_in_own_run(scale=1.0):
    with epochal.start_run(name="own"):
        fit(scale)

class Mine(tiny_framework.core.Mean):
    def fit(self, batches):
        return super().fit(batches)

if __name__ == "__main__":
{body}
    print(sorted(run.name if run.name == "own" else run.source for run in epochal.runs(children=True)))
"""

FORK, SPAWN = "multiprocessing.get_context('fork')", "multiprocessing.get_context('spawn')"
JOBLIB = "import joblib; joblib.Parallel(n_jobs=2{})(joblib.delayed(fit)(s) for s in (1.0, 2.0))"
NOTEBOOK = """import joblib
    models = joblib.Parallel(n_jobs=2)(joblib.delayed(Mine(s).fit)([[1.0]]) for s in (1.0, 2.0))
    assert [m.mean_ for m in models] == [1.0, 2.0]
    Mine().fit([[1.0]])"""
INSIDE = f"""with epochal.start_run(name='own'):
        with {FORK}.Pool(1) as pool: pool.apply(fit)"""
OS_FORK = """pid = os.fork()
    if not pid: {} fit(); os._exit(0)
    os.waitpid(pid, 0)"""
FORK_IN_FIT = """tiny_framework.core.sum = lambda batch: (os.fork() or os._exit(0)) and 3.0
    fit()"""
BOTH_RETURN = """parent = os.getpid()
    tiny_framework.core.sum = lambda batch: (os.fork(), 3.0)[1]
    fit()
    os._exit(0) if os.getpid() != parent else os.wait()
    assert [run.metrics for run in epochal.runs()] == [{"mean": 1.5}]"""
QUIET_FORK = """with epochal.quiet():
        pid = os.fork()
        fit()
    os._exit(0) if not pid else os.waitpid(pid, 0)"""

CASES = {
    "no worker": ("fit()", ["tiny"]),
    "quiet": ("with epochal.quiet(): fit()", []),
    "fork": (f"with {FORK}.Pool(1) as pool: pool.apply(fit)", []),
    "fork, own run": (f"with {FORK}.Pool(1) as pool: pool.apply(fit_in_own_run)", ["own"]),
    "fork inside a run": (INSIDE, ["own"]),
    "fork in a fit": (FORK_IN_FIT, ["tiny"]),
    "fork in a fit, both return": (BOTH_RETURN, ["tiny"]),
    "fork in a quiet block": (QUIET_FORK, []),
    "bound method": (f"with {FORK}.Pool(1) as p: p.apply(tiny_framework.core.Mean().fit, ([[1.0]],))", []),
    "spawn": (f"with {SPAWN}.Pool(1) as pool: pool.apply(fit)", []),
    "spawn, own run": (f"with {SPAWN}.Pool(1) as pool: pool.apply(fit_in_own_run)", ["own"]),
    "loky": (JOBLIB.format(""), []),
    "loky, a class of the notebook": (NOTEBOOK, ["tiny"]),
    "joblib's threads": (JOBLIB.format(", backend='threading'"), ["tiny", "tiny"]),
    "os.fork": (OS_FORK.format(""), []),
    "os.fork, autolog there": (OS_FORK.format("epochal.autolog('tiny');"), ["tiny"]),
}


@pytest.mark.parametrize(("body", "expected"), CASES.values(), ids=CASES)
def test_who_starts_runs(body, expected, tmp_path, store):
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(site=SITE, body=f"    {body}"))
    env = {"EPOCHAL_ENVIRONMENT": "off", "EPOCHAL_SYSTEM_INTERVAL": "0"}
    env["PYTHONPATH"] = os.pathsep.join([SITE, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = programs.run(sys.executable, script, env=env)
    assert done.stdout == f"{expected}\n", done.stdout + done.stderr
    assert "not affected" not in done.stderr


RANKS = {
    "rank 1 of 2": ({"RANK": "1", "WORLD_SIZE": "2"}, 0),
    "rank 0 of 2": ({"RANK": "0", "WORLD_SIZE": "2"}, 1),
    "alone": ({"RANK": "1", "WORLD_SIZE": "1"}, 1),
}


@pytest.mark.parametrize(("variables", "count"), RANKS.values(), ids=RANKS)
def test_rank_0_tells_the_story(variables, count, tmp_path, store):
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(site=SITE, body="    fit()"))
    env = {**variables, "EPOCHAL_ENVIRONMENT": "off", "EPOCHAL_SYSTEM_INTERVAL": "0"}
    done = programs.run(sys.executable, script, env=env)
    assert done.stdout == f"{['tiny'] * count}\n", done.stdout + done.stderr
