"""Secrets planted wherever a run looks are nowhere in the store; and what a run looks at stays as it was."""

import os
import random
import signal
import sys
import threading
import warnings

import pytest

from epochal.surroundings import environment, git
from epochal.surroundings.console import Capture
from epochal.surroundings.sampler import Sampler
from epochal.testing import programs

VARIABLES = (
    *("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "HF_TOKEN", "WANDB_API_KEY", "DATABASE_URL", "GITHUB_TOKEN"),
    *("MLFLOW_TRACKING_PASSWORD", "EPOCHAL_API_KEY", "KUBECONFIG_DATA", "SSH_PRIVATE_KEY"),
)
PROGRAM = """
import epochal
with epochal.start_run(project="p") as run:
    run.log({"loss": 0.5})
"""


def planted(number):
    return f"Zq7x9K2mWv4bT8nR{number:04}"


@pytest.fixture
def code(tmp_path):
    """A program with uncommitted secrets, in a repository with a secret in its remote."""
    folder = tmp_path / "code"
    folder.mkdir()

    def ask(*arguments):
        programs.run("git", "-C", folder, *arguments)

    ask("init", "-q")
    (folder / "train.py").write_text(PROGRAM)
    (folder / "settings.py").write_text("rate = 0.1\n")
    ask("add", "-A")
    ask("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "x")
    ask("remote", "add", "origin", f"https://me:{planted(1)}@host/x.git")
    ask("remote", "add", "other", f"https://{planted(2)}@host/x.git")
    lines = [
        f"API_KEY = '{planted(3)}'",
        f'db = "postgresql://me:{planted(4)}@db/x"',
        f'headers = {{"Authorization": "Bearer {planted(5)}"}}',
        f"password: {planted(6)}",
        f"hf_{planted(7)}{planted(7)}",
    ]
    (folder / "settings.py").write_text("\n".join([*lines, "rate = 0.2\n"]))
    return folder


def test_no_planted_secret_reaches_the_store(code, tmp_path):
    words = [
        *(f"--password={planted(10)}", "--api-key", planted(11), f"auth.token={planted(12)}"),
        *(f"--url=https://me:{planted(13)}@host/", f"--header=Authorization: Bearer {planted(14)}"),
    ]
    given = {name: planted(20 + index) for index, name in enumerate(VARIABLES)}
    store = tmp_path / "store"
    there = {**given, "EPOCHAL_STORE": str(store), "EPOCHAL_ENVIRONMENT": "true"}
    programs.run(sys.executable, "train.py", *words, cwd=code, env=there)
    kept = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert b'"git"' in kept
    assert b"rate = 0.2" in kept, "the diff is there"
    assert b"--api-key" in kept, "the command is there"
    assert kept.count(b"Zq7x9K2mWv4bT8nR") == 0
    print(f"S7 secrets: {len(words) + len(given) + 7} planted, 0 found")


def snapshot():
    return (
        dict(os.environ),
        os.getcwd(),  # noqa: PTH109 - as it is
        list(warnings.filters),
        [signal.getsignal(number) for number in signal.valid_signals()],
        (sys.excepthook, sys.stdout, sys.stderr, sys.displayhook, threading.excepthook),
        random.getstate(),
        os.umask(os.umask(0o22)),
    )


def test_what_is_the_users_stays_as_it_was(code):
    before = snapshot()
    environment()
    git(code)
    sampler = Sampler(lambda kind, data: None, 0.01)
    sampler.start()
    capture = Capture(lambda stream, text: None)
    capture.start()
    capture.stop()
    sampler.stop()
    assert snapshot() == before
