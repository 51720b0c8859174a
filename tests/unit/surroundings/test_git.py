"""Real repositories: what git says of them, and that looking at one executes nothing of it."""

import json
import os
import sys

import pytest

from epochal.surroundings import git
from epochal.surroundings.git import DIFF_LIMIT, without_credentials
from epochal.testing import programs


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No configuration of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)


class Repository:
    def __init__(self, path):
        path.mkdir(parents=True)
        self.path = path
        self("init", "-q", "-b", "main")
        self("config", "user.email", "a@b.c")
        self("config", "user.name", "A")

    def __call__(self, *arguments):
        return programs.run("git", "-C", self.path, *arguments).stdout.strip()

    def commit(self, name="train.py", text="print(1)\n"):
        (self.path / name).write_text(text)
        self("add", "-A")
        self("commit", "-q", "-m", "words")
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "code")


def test_a_clean_repository(repository):
    commit = repository.commit()
    found = git(repository.path)
    assert found == {
        "root": str(repository.path),
        "remote": None,
        "commit": commit,
        "branch": "main",
        "dirty": False,
        "untracked": 0,
    }


def test_changes_are_kept_as_a_diff_that_applies(repository):
    commit = repository.commit(text="a\nb\nc\n")
    (repository.path / "train.py").write_text("a\nB\nc\n")
    (repository.path / "new.py").write_text("untracked\n")
    below = repository.path / "below"
    below.mkdir()
    found = git(below)
    assert (found["commit"], found["dirty"], found["untracked"]) == (commit, True, 1)
    assert "untracked" not in found["diff"]
    repository("checkout", "-q", "--", "train.py")
    patch = repository.path.with_suffix(".patch")
    patch.write_text(found["diff"])
    repository("apply", str(patch))
    assert (repository.path / "train.py").read_text() == "a\nB\nc\n"


def test_staged_changes_count(repository):
    repository.commit()
    (repository.path / "train.py").write_text("print(2)\n")
    repository("add", "-A")
    assert "+print(2)" in git(repository.path)["diff"]


def test_a_detached_head(repository):
    first = repository.commit()
    repository.commit(text="print(2)\n")
    repository("checkout", "-q", first)
    found = git(repository.path)
    assert (found["commit"], found["branch"]) == (first, None)


def test_before_the_first_commit(repository):
    (repository.path / "x.py").write_text("1")
    found = git(repository.path)
    assert (found["commit"], found["branch"], found["untracked"]) == (None, "main", 1)
    assert "diff" not in found


def test_a_worktree(repository, tmp_path):
    commit = repository.commit()
    repository("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert (git(tmp_path / "side")["commit"], git(tmp_path / "side")["branch"]) == (commit, "side")


def test_outside_of_a_repository(tmp_path):
    assert git(tmp_path) is None


def test_in_a_bare_repository(tmp_path):
    programs.run("git", "init", "-q", "--bare", tmp_path / "bare.git")
    assert git(tmp_path / "bare.git") is None


def test_a_folder_that_is_gone(tmp_path):
    assert "cannot change to" in git(tmp_path / "gone")["reason"]
    assert "cannot be run" in git("/tmp/\0")["reason"]


def test_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert git(repository.path) == {"reason": "git is not installed"}


def test_git_that_does_not_answer(repository, monkeypatch, tmp_path):
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    monkeypatch.setattr(sys.modules["epochal.surroundings.git"], "TIMEOUT", 0.2)
    assert git(repository.path) == {"reason": "git rev-parse: no answer within 0 s"}


REMOTES = {
    "https://user:ghp_secret@github.com/a/b.git": "https://github.com/a/b.git",
    "https://ghp_secret@github.com/a/b.git": "https://github.com/a/b.git",
    "https://github.com/a/b.git?token=secret#x": "https://github.com/a/b.git",
    "https://user:p@ss@host:8443/a": "https://host:8443/a",
    "git@github.com:a/b.git": "git@github.com:a/b.git",
    "secret@host:a/b.git": "host:a/b.git",
    "ssh://git@host:22/a": "ssh://git@host:22/a",
    "ssh://user:secret@host/a": "ssh://host/a",
    "/srv/git/a.git": "/srv/git/a.git",
    "../a": "../a",
    "file:///srv/a": "file:///srv/a",
}


@pytest.mark.parametrize(("url", "shown"), REMOTES.items(), ids=REMOTES)
def test_remote_without_credentials(repository, url, shown):
    assert without_credentials(url) == shown
    repository.commit()
    repository("remote", "add", "backup", "https://other/x")
    repository("remote", "add", "origin", url)
    found = git(repository.path)
    assert found["remote"] == shown
    assert "secret" not in json.dumps(found)


def test_another_remote_where_there_is_no_origin(repository):
    repository("config", 'remote.fork = "x".url', "https://u:p@host/fork")
    assert git(repository.path)["remote"] == "https://host/fork"


def test_secrets_in_the_diff_are_replaced(repository):
    repository.commit()
    (repository.path / "train.py").write_text("API_KEY = 'Zq7x9K2mWv'\nurl = 'https://me:Zq7x9K2mWv@host'\n")
    diff = git(repository.path)["diff"]
    assert "Zq7x9K2mWv" not in diff
    assert "+API_KEY = '***'" in diff


def test_a_large_diff_is_cut(repository):
    repository.commit(text="0\n")
    (repository.path / "train.py").write_text("a line of a data file\n" * 200_000)
    found = git(repository.path)
    assert found["diff_cut"] is True
    assert found["diff"].endswith("<... cut after 1,000,000 bytes>\n")
    assert DIFF_LIMIT <= len(found["diff"]) < DIFF_LIMIT + 100


def test_binary_changes_are_named_only(repository):
    (repository.path / "weights.bin").write_bytes(bytes(range(256)) * 100)
    repository.commit()
    (repository.path / "weights.bin").write_bytes(bytes(range(255, -1, -1)) * 100)
    diff = git(repository.path)["diff"]
    assert "Binary files a/weights.bin and b/weights.bin differ" in diff
    assert len(diff) < 500


def test_text_that_is_no_utf8_is_spelled_out(repository):
    (repository.path / "latin.txt").write_bytes(b"caf\xe9\n")
    repository.commit()
    (repository.path / "latin.txt").write_bytes(b"th\xe9\n")
    assert "+th\\xe9" in git(repository.path)["diff"]
    json.dumps(git(repository.path))


HOSTILE = [
    "-x",
    "--output=x",
    "a b",
    "a\nb",
    "a\tb",
    "$(touch canary)",
    "`touch canary`",
    ";touch canary",
    '"quoted"',
    "a\\b",
    "# branch.oid 1234",
    "? x",
    "1 M",
    "\N{GRINNING FACE}",
    "%s",
    "..a",
    "-",
    "'",
    "[glob]*",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_of_files(repository, name):
    commit = repository.commit(name)
    (repository.path / name).write_text("changed\n")
    (repository.path / f"untracked {name}").write_text("")
    found = git(repository.path)
    assert (found["commit"], found["branch"], found["dirty"], found["untracked"]) == (commit, "main", True, 1)
    assert not list(repository.path.rglob("canary"))


@pytest.mark.parametrize(
    "name", ["-x/y", "a;b", "$(touch${IFS}canary)", "a'b", "\N{GRINNING FACE}", "%2e"], ids=ascii
)
def test_hostile_names_of_branches(repository, name):
    repository.commit()
    (repository.path / ".git" / "HEAD").write_text(f"ref: refs/heads/{name}\n")
    assert git(repository.path)["branch"] == name


def script(path, canary):
    path.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    path.chmod(0o755)
    return str(path)


def test_looking_executes_nothing_of_the_repository(repository, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    run = script(tmp_path / "run.sh", canary)
    repository.commit("data.txt", "one\n")
    (repository.path / ".gitattributes").write_text("* filter=evil diff=evil\n*.a filter=a=b\n")
    for name, command in {
        "core.fsmonitor": run,
        "core.pager": run,
        "core.sshCommand": run,
        "core.hooksPath": str(tmp_path / "hooks"),
        "diff.external": run,
        "diff.evil.command": run,
        "diff.evil.textconv": run,
        "credential.helper": run,
        "filter.evil.clean": run,
        "filter.evil.smudge": run,
        "filter.evil.required": "true",
        "pager.diff": run,
        "filter.a=b.process": run,
        "gpg.program": run,
        "core.editor": run,
        "core.askPass": run,
        "alias.status": f"!{run}",
    }.items():
        repository("config", name, command)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        script(hooks / hook, canary)
    (repository.path / "data.txt").write_text("two\n")
    (repository.path / "x.a").write_text("two\n")
    repository.path.joinpath(".git", "index").touch()
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", run)
    found = git(repository.path)
    assert found["dirty"]
    assert "-one\n+two" in found["diff"]
    assert not canary.exists()
    programs.run("git", "-C", repository.path, "status", code=None)
    assert canary.exists(), "the trap itself must work"


def test_a_submodule_is_not_entered(repository, tmp_path):
    inner = Repository(tmp_path / "inner")
    inner.commit()
    repository.commit()
    repository(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "sub ; touch canary"
    )
    repository.commit("other.py")
    canary = tmp_path / "canary"
    sub = repository.path / "sub ; touch canary"
    programs.run("git", "-C", sub, "config", "core.fsmonitor", script(tmp_path / "run.sh", canary))
    (sub / "train.py").write_text("changed\n")
    assert git(repository.path)["dirty"] is False
    assert not canary.exists()


def test_the_index_is_not_written(repository):
    repository.commit()
    index = repository.path / ".git" / "index"
    os.utime(repository.path / "train.py", (1, 1))
    before = index.read_bytes(), index.stat().st_mtime_ns
    git(repository.path)
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    (repository.path / ".git" / "index.lock").touch()
    assert git(repository.path)["commit"]
