"""What is noted of the machine and the interpreter, and what never is."""

import importlib.metadata
import json
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from epochal import plugins
from epochal.surroundings import environment
from epochal.surroundings.environment import VARIABLES
from epochal.surroundings.packages import packages
from epochal.testing import programs


def test_what_is_noted():
    found = environment()
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["python"]["executable"] == sys.executable
    assert found["cwd"] == str(Path.cwd())
    assert found["pid"] == os.getpid()
    assert found["cpu"]["count"] == os.cpu_count()
    assert found["memory"]["total"] > 2**28
    assert found["command"][0]
    assert isinstance(found["gpus"], list)
    assert found["packages"]["msgspec"] == importlib.metadata.version("msgspec")
    json.dumps(found, allow_nan=False)


def test_packages_are_those_that_metadata_know():
    known = {}
    for one in importlib.metadata.distributions():
        known.setdefault(re.sub(r"[-_.]+", "-", one.name).lower(), one.version)
    assert packages() == dict(sorted(known.items()))


def test_packages_in_odd_places(tmp_path, monkeypatch):
    for name in (
        "A.b_C-1.0.dist-info",
        "old-2.0-py3.11.egg-info",
        "dev.egg-info",
        "nothing.dist-info",
        "dup-9.dist-info",
    ):
        (tmp_path / name).mkdir()
    (tmp_path / "dev.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: dev\nVersion: 0.3\n")
    (tmp_path / "flat.egg-info").write_text("Version: 4\n")
    later = tmp_path / "later"
    (later / "dup-1.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "gone.zip"), str(tmp_path), str(later)])
    assert packages() == {"a-b-c": "1.0", "dev": "0.3", "dup": "9", "flat": "4", "old": "2.0"}


def test_only_listed_variables_are_noted(monkeypatch):
    for name in ("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "HF_TOKEN", "DB_URL", "MY_SETTING"):
        monkeypatch.setenv(name, "Zq7x9K2mWv4bT8nR")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "token=Zq7x9K2mWv4bT8nR")
    found = environment()
    assert found["variables"]["SLURM_JOB_ID"] == "4711"
    assert set(found["variables"]) <= set(VARIABLES)
    assert "Zq7x9K2mWv4bT8nR" not in json.dumps(found)


def test_the_command_line_is_noted_without_secrets():
    program = "import json; from epochal.surroundings import environment; print(json.dumps(environment()))"
    words = ["--api-key", "Zq7x9K2mWv", "--lr=0.1", "url=https://me:Zq7x9K2mWv@host/"]
    done = programs.python(program, *words)
    assert "Zq7x9K2mWv" not in done.stdout
    assert json.loads(done.stdout)["command"][-4:] == [
        "--api-key",
        "***",
        "--lr=0.1",
        "url=https://***@host/",
    ]


def test_a_long_argument_is_cut():
    program = (
        "from epochal.surroundings import environment; print(len(str(environment()['command']))) #"
        + "x" * 50_000
    )
    done = programs.python(program)
    assert int(done.stdout) < 2000


def test_a_folder_that_is_gone_is_left_out(tmp_path):
    program = (
        "import os, sys; from epochal.surroundings import environment;"
        "os.rmdir(os.getcwd()); found = environment(); assert 'cwd' not in found; assert found['python']"
    )
    (tmp_path / "gone").mkdir()
    programs.run(sys.executable, "-P", "-c", program, cwd=tmp_path / "gone")


def test_a_user_without_a_name_is_left_out(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654_321)
    assert "user" not in environment()


def test_limits_of_control_groups(tmp_path, monkeypatch):
    module = sys.modules["epochal.surroundings.environment"]
    new, old = tmp_path / "cpu.max", tmp_path / "cpu.cfs_quota_us"
    new.write_text("150000 100000\n")
    assert module._quota(new) == 1.5
    new.write_text("max 100000\n")
    assert module._quota(new) is None
    old.write_text("200000\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert module._quota(old) == 2
    old.write_text("-1\n")
    assert module._quota(old) is None
    assert module._number(tmp_path / "none") is None


class Weather:
    name = "weather"

    def once(self):
        return {"sky": {"blue"}}


class Broken:
    name = "broken"

    def once(self):
        raise RuntimeError("no sensor")


class Pretender:
    name = "python"

    def once(self):
        return "another"


def probes(*added):
    from epochal.hooks import hookimpl

    class Plugin:
        @hookimpl
        def probes(self):
            return list(added)

    return Plugin()


def test_probes_of_plugins_add_their_notes(monkeypatch):
    from epochal import errors

    monkeypatch.setattr(errors, "strict", True)
    monkeypatch.setattr(errors, "swallowed", [])
    with plugins.using(sensors=probes(Broken(), Weather(), Pretender())):
        found = environment()
    assert found["weather"] == {"sky": ["blue"]}
    assert "broken" not in found
    assert found["python"]["executable"] == sys.executable
    assert [str(error) for error in errors.swallowed] == ["no sensor"]


def test_threads_may_ask_at_once():
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(environment())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)


def test_nothing_is_started(monkeypatch):
    """No subprocess: the platform module would run `uname -p` for some questions."""

    def refuse(*arguments, **named):
        raise AssertionError(arguments)

    monkeypatch.setattr("subprocess.Popen", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)
    assert environment()["platform"]


@pytest.mark.parametrize("name", VARIABLES)
def test_no_listed_variable_sounds_like_a_secret(name):
    from epochal.surroundings.redact import is_secret

    assert not is_secret(name)
