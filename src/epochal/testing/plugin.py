"""Fixtures for whoever has epochal installed; nothing here acts unless a test asks for it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..store import RunView

_ENDLESS = {"epochal-sync"}
"""Threads that live as long as the process."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting that opts a whole test suite in."""
    text = "fail tests in which epochal swallows an error of its own, or leaves something open"
    parser.addini("epochal_strict", text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that opts a test in."""
    config.addinivalue_line("markers", "epochal_strict: errors that epochal swallows fail this test")


@pytest.fixture(autouse=True)
def _epochal_strict(request: pytest.FixtureRequest) -> Iterator[None]:
    wanted = request.config.getini("epochal_strict") or request.node.get_closest_marker("epochal_strict")
    if not wanted:
        yield
        return
    from epochal import errors

    before, errors.strict = errors.strict, True
    errors.forget()
    yield
    left = list(errors.swallowed)
    errors.strict = before
    errors.forget()
    problems = _left_open()
    if left:
        raise left[0] if len(left) == 1 else BaseExceptionGroup("epochal swallowed several errors", left)
    assert not problems, f"left open: {', '.join(problems)}"


def _left_open() -> list[str]:
    """Name what outlives a test, and close it, so that the next one starts clean."""
    from epochal import context

    found: list[str] = []
    observe = sys.modules.get("epochal.observe")
    for call in observe.open_calls() if observe is not None else ():
        found.append(f"observed call {call.name}")
        call.close(None)
    for run in {*context.open_runs(), *filter(None, [context.current_run()])}:
        found.append(f"run {run.id}")
        run.finish()
    for thread in threading.enumerate():
        if thread.name.startswith("epochal") and thread.name not in _ENDLESS:
            thread.join(timeout=60)
            if thread.is_alive():
                found.append(f"thread {thread.name}")
    return found


@pytest.fixture
def swallowed() -> list[BaseException]:
    """Errors that epochal has kept from the user; a strict test takes out those that it caused."""
    from epochal import errors

    return errors.swallowed


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh store, for this process and those it starts; its runs neither probe nor sample."""
    from epochal import settings

    root = tmp_path / "store"
    monkeypatch.setenv("EPOCHAL_STORE", str(root))
    with settings.override(store=str(root), environment=False, system_interval=0.0):
        yield settings.store_root()


@pytest.fixture
def runs(store: Path) -> Callable[..., list[RunView]]:
    """Ask what was logged: ``runs()`` is the list of runs, ``runs("metrics.loss < 1", children=True)``..."""

    def ask(query: str = "", **choices: Any) -> list[RunView]:
        import epochal

        return list(epochal.runs(query, **choices))

    return ask
