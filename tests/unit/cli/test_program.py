"""The program as a process: start-up, pipes, encodings, interrupts, terminals."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys

import pytest

from epochal.testing import programs

PROGRAM = [sys.executable, "-m", "epochal"]
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def run(written):
    """Run the program on the store: a completed process with text output."""
    folder, _ = written

    def start(*args, code=0, **environment):
        env = {"EPOCHAL_STORE": str(folder), "EPOCHAL_ENVIRONMENT": "off", **environment}
        return programs.run(*PROGRAM, *args, env=env, code=code)

    return start


@pytest.fixture
def terminal(written):
    """Run the program in a pseudo-terminal of a given width; returns what it wrote."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
    import fcntl
    import struct
    import termios

    folder, _ = written

    def start(*args, width=100, program=PROGRAM, **environment):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        env = {"EPOCHAL_STORE": str(folder), "TERM": "xterm-256color", **environment}
        with programs.started(
            *program, *args, env=env, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            read = b""
            with contextlib.suppress(OSError):  # Linux says EIO when the other side has closed
                while part := os.read(ours, 65536):
                    read += part
            os.close(ours)
            assert process.wait() == 0
        return read.decode().replace("\r\n", "\n")

    return start


def test_module_and_script_are_one_program(run):
    assert run("version").stdout.startswith("epochal ")
    assert run("--help").stdout.startswith("Usage: epochal ")


def test_version_loads_little(run):
    code = (
        "import sys; from epochal.cli import main\n"
        "try: main(['version'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'rich', 'numpy', 'sqlalchemy', 'lark', 'pluggy', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    programs.python(code)


def test_a_reader_that_leaves_is_no_error(run, written):
    folder, _ = written
    command = f"{sys.executable} -m epochal show otter --json | head -c 10"
    done = programs.run("bash", "-c", command, env={"EPOCHAL_STORE": str(folder)})
    assert (len(done.stdout), done.stderr) == (10, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_will_do(run, encoding):
    for args in (
        ["runs"],
        ["show", "otter"],
        ["plot", "otter", "*/loss"],
        ["compare", "otter", "heron"],
        ["doctor", "--quick"],
    ):
        done = run(*args, PYTHONIOENCODING=encoding, LC_ALL="C")
        assert done.stderr == ""
        assert done.stdout.isascii() == (encoding != "utf-8" or args[0] in {"runs", "compare"})


def test_a_file_gets_no_colours(run):
    assert "\x1b" not in run("show", "otter").stdout


def test_a_terminal_gets_colours_and_its_own_width(terminal):
    for args in (["runs"], ["show", "otter"], ["compare", "otter", "heron"], ["plot", "otter", "*/loss"]):
        shown = terminal(*args, width=90)
        assert COLOUR.search(shown)
        from rich.cells import cell_len

        assert max(cell_len(COLOUR.sub("", line)) for line in shown.splitlines()) <= 90
    assert "\x1b" not in terminal("runs", NO_COLOR="1")
    assert "epochal show ID" in terminal("runs", NO_COLOR="1")


@pytest.mark.parametrize(
    ("args", "environment", "said"),
    [
        pytest.param(["show", "oter"], {}, "otter", id="unknown-run"),
        pytest.param(["runs", "metrics.a >"], {}, "filter", id="filter"),
        pytest.param(
            ["runs"], {"EPOCHAL_STORE": "/proc/nowhere"}, "/proc/nowhere", id="store-that-cannot-be-made"
        ),
        pytest.param(["init", "/proc/nowhere"], {}, "/proc/nowhere", id="init"),
        pytest.param(["runs"], {"EPOCHAL_DURABILITY": "never"}, "durability", id="setting"),
    ],
)
def test_refusals_are_one_line_and_code_2(run, args, environment, said):
    done = run(*args, code=2, **environment)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_that_cannot_be_read_says_so(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("no folder")
    done = run("runs", code=2, EPOCHAL_STORE=str(file))
    assert str(file) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_of_garbage_loses_nothing(run, tmp_path, monkeypatch):
    import epochal
    from epochal import settings

    with settings.override(store=tmp_path / "store", environment=False, system_interval=0):
        epochal.start_run(name="kept").finish()
        (tmp_path / "store" / "epochal.db").write_bytes(b"garbage" * 1000)
    found = json.loads(run("runs", "--json", EPOCHAL_STORE=str(tmp_path / "store")).stdout)
    assert [one["name"] for one in found] == ["kept"]


def test_an_interrupt_is_quiet(tmp_path):
    import epochal
    from epochal import settings

    store = tmp_path / "store"
    command = [*PROGRAM, "tail", "-f", "--store", str(store)]
    with (
        settings.override(store=store, environment=False, system_interval=0),
        epochal.start_run(name="long", console=True),
        programs.started(*command) as process,
    ):
        print("epoch 1", flush=True)
        assert process.stdout.readline() == "epoch 1\n", "it follows the run"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "error: interrupted"


def test_our_own_mistakes_are_one_line_too(run):
    code = (
        "import epochal.cli.version as v\n"
        "def broken(): raise RuntimeError('oh')\n"
        "v.platform.python_version = broken\n"
        "from epochal.cli import main; main(['version'])"
    )
    done = programs.python(code, code=1)
    assert (
        done.stderr
        == "error: a mistake in epochal itself (RuntimeError: oh); EPOCHAL_TRACEBACK=1 shows where\n"
    )
    done = programs.python(code, code=1, env={"EPOCHAL_TRACEBACK": "1"})
    assert "Traceback" in done.stderr


def test_bash_completes(run, written, tmp_path):
    """With the program on the PATH, as bash asks for it by name."""
    folder, _ = written
    program = tmp_path / "epochal"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m epochal "$@"\n')
    program.chmod(0o755)
    script = run("completion", "bash").stdout
    line = 'COMP_WORDS=(epochal show ot); COMP_CWORD=2; _epochal_completion epochal; echo "${COMPREPLY[@]}"'
    there = {"EPOCHAL_STORE": str(folder), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = programs.run("bash", "-c", f"{script}\n{line}", env=there)
    assert done.stdout.strip() == "otter"


def test_a_bar_shows_to_whoever_has_to_wait(written, terminal):
    """Whoever does not, sees none."""
    code = (
        "import sys\nfrom epochal.cli import base\nbase._PATIENCE = float(sys.argv[1])\n"
        "for _ in base.track(range(4), 'counting'): pass\nprint('done')"
    )
    assert terminal(3600, program=[sys.executable, "-c", code]).strip() == "done"
    shown = terminal(-1, program=[sys.executable, "-c", code])
    assert "counting" in shown
    assert "4/4" in shown
    assert shown.rstrip().endswith("done")
