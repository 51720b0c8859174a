"""The commit a run was made from, and what was changed since.

git is asked with argument lists, a timeout, no prompt, no network, no index lock, and with everything a
repository's own configuration could have it execute (hooks, fsmonitor, external diff, textconv, clean
filters, pagers) turned off: looking at a repository that somebody unpacked must not run their code.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import TYPE_CHECKING, Any

from .redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10.0  # seconds for each question; a status of a huge tree on a network disk may take longer
DIFF_LIMIT = 1_000_000  # bytes
_HARMLESS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=true",
    "protocol.allow=never",
)
_LOCAL = re.compile(r"(?i)^(?P<user>[^@/:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.*)$")


class _Failed(Exception):  # an answer, not an error anybody sees
    """What git said instead of an answer."""


def git(cwd: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return commit, branch, remote, dirty, untracked (a count), root, diff of the repository of ``cwd``.

    None outside of a repository; {"reason": ...} if git is not there or does not answer. ``branch`` is None
    on a detached head and ``commit`` before the first one. The remote comes without user name, password or
    query; ``diff`` covers tracked text files, is cut at 1 MB (then ``diff_cut`` is true) and has secrets
    replaced by ``***``. A submodule is looked at only for its commit.
    """
    folder = os.fspath(cwd)
    try:
        root = _ask(folder, "rev-parse", "--show-toplevel").rstrip("\n")
    except _Failed as failed:
        outside = "not a git repository" in str(failed) or "must be run in a work tree" in str(failed)
        return None if outside else {"reason": str(failed)}
    found: dict[str, Any] = {"root": root}
    try:
        settings = list(_settings(folder))
        filters = [key for key, _ in settings if key.startswith("filter.")]
        found["remote"] = _remote(settings)
        found |= _status(folder, filters)
        if found["commit"] and found["dirty"]:
            found |= _diff(folder, filters)
    except _Failed as failed:
        found["reason"] = str(failed)
        found.setdefault("commit", _head(folder))
    return found


def without_credentials(url: str) -> str:
    """Return a remote's address without user name, password, query and fragment; ``git@host:path`` stays."""
    scheme, sign, rest = url.partition("://")
    if not sign:
        match = _LOCAL.match(url)
        user = match["user"] if match and match["user"] == "git@" else ""
        return f"{user}{match['host']}:{match['path']}" if match else url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    keep = at and user == "git" and "ssh" in scheme
    return f"{scheme}://{'git@' if keep else ''}{host}{slash}{path}"


def _settings(folder: str) -> Iterator[tuple[str, str]]:
    """Remotes and filters of the configuration; their names may hold anything but NUL."""
    wanted = r"^(remote\..*\.url|filter\..*\.(clean|process|required))$"
    try:
        answer = _ask(folder, "config", "--null", "--get-regexp", wanted)
    except _Failed:  # none is set
        return
    for entry in answer.split("\0"):
        key, _, value = entry.partition("\n")
        if key:
            yield key, value


def _remote(settings: list[tuple[str, str]]) -> str | None:
    remotes = {key: value for key, value in reversed(settings) if key.startswith("remote.")}
    url = remotes.get("remote.origin.url") or next(iter(reversed(remotes.values())), None)
    return without_credentials(url) if url else None


def _status(folder: str, filters: list[str]) -> dict[str, Any]:
    answer = _ask(
        folder, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--no-renames",
        "--ignore-submodules=dirty", filters=filters,
    )  # fmt: skip
    entries = answer.split("\0")
    facts = dict(entry[9:].split(" ", 1) for entry in entries if entry.startswith("# branch."))
    commit, branch = facts.get("oid"), facts.get("head")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": any(entry[:2] in ("1 ", "2 ", "u ") for entry in entries),
        "untracked": sum(entry.startswith("? ") for entry in entries),
    }


def _diff(folder: str, filters: list[str]) -> dict[str, Any]:
    answer = _ask(
        folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
        "--no-relative",
        "--ignore-submodules=dirty", "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/", "--",
        filters=filters, limit=DIFF_LIMIT,
    )  # fmt: skip
    if len(answer) < DIFF_LIMIT:
        return {"diff": redact(answer)}
    return {"diff": redact(answer) + f"\n<... cut after {DIFF_LIMIT:,} bytes>\n", "diff_cut": True}


def _head(folder: str) -> str | None:
    try:
        return _ask(folder, "rev-parse", "--verify", "HEAD").strip()
    except _Failed:
        return None


def _ask(
    folder: str, command: str, *arguments: str, filters: list[str] | None = None, limit: int = 50_000_000
) -> str:
    """What git prints, up to ``limit`` bytes; `_Failed` holds what it complains of."""
    settings = [word for setting in _HARMLESS for word in ("-c", setting)]
    try:
        process = subprocess.Popen(
            ["git", "--no-pager", *settings, "-C", folder, command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_surroundings(filters or []),
        )
    except (OSError, ValueError) as error:  # not installed; a folder with NUL in its name
        missing = isinstance(error, FileNotFoundError)
        raise _Failed("git is not installed" if missing else f"git cannot be run: {error}") from None
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.daemon = True
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            answer = process.stdout.read(limit)
            if len(answer) >= limit:
                process.kill()
            complaint = process.stderr.read(10_000).decode(errors="replace").strip()
    finally:
        in_time = timer.is_alive()
        timer.cancel()
    if len(answer) < limit and process.returncode:
        late = "" if in_time else f"no answer within {TIMEOUT:.0f} s"
        raise _Failed(f"git {command}: {late or complaint.partition(chr(10))[0] or process.returncode}")
    return answer.decode(errors="backslashreplace")


def _surroundings(filters: list[str]) -> dict[str, str]:
    """The user's environment, quiet and offline, the filters of the repository replaced by nothing."""
    quiet = {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    given = {
        name: value for name, value in os.environ.items() if name not in ("GIT_EXTERNAL_DIFF", "GIT_TRACE")
    }
    already = (
        int(given.get("GIT_CONFIG_COUNT") or 0) if (given.get("GIT_CONFIG_COUNT") or "0").isdigit() else 0
    )
    for index, key in enumerate(filters, already):
        quiet[f"GIT_CONFIG_KEY_{index}"] = key
        quiet[f"GIT_CONFIG_VALUE_{index}"] = "false" if key.endswith(".required") else ""
    if filters:
        quiet["GIT_CONFIG_COUNT"] = str(already + len(filters))
    return given | quiet
