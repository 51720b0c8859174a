"""What every test of this repository stands on, beside the fixtures that `epochal.testing` ships."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["gate"]  # tests/support/gate.py

# A push repeats what the last one did; `--nightly` looks for something new.
settings.register_profile("push", deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", deadline=None, max_examples=1000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="the full numbers of docs/guarantees.md")


def pytest_configure(config: pytest.Config) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):  # which shells have what they start with `&` ignore
        if signal.getsignal(number) is signal.SIG_IGN:  # and so would every program that a test starts
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    settings.load_profile("nightly" if config.getoption("--nightly") else "push")
    if config.getoption("--nightly"):
        os.environ["EPOCHAL_NIGHTLY"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not Path("/dev/nvidiactl").exists():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU here"))
    if config.getoption("--nightly"):
        return
    left_out = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def _no_store_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that forgets to name a store must not find the one of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EPOCHAL_STORE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_process_left() -> Iterator[None]:
    """What a module started has ended with it: what is left over would disturb who comes next."""
    yield
    loky: Any = sys.modules.get("joblib.externals.loky.reusable_executor")
    if loky is not None and loky._executor is not None:  # noqa: SLF001 - asking for it would make one
        loky._executor.shutdown(wait=True)  # noqa: SLF001
    left = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            command = " ".join(process.cmdline())
            if "resource_tracker" not in command and process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} ({command[:200]})")
                process.kill()
    assert not left, f"left running: {', '.join(left)}"


@pytest.fixture(autouse=True)
def _adapters_as_before() -> Iterator[None]:
    """What a test turned on is off for the next one, which may be of another package."""
    before = _enabled()
    yield
    for adapter in _enabled() - before:
        adapter.disable(unpatch=True)


def _enabled() -> set[Any]:
    plugins = sys.modules.get("epochal.plugins")
    if plugins is None or not plugins._manager.cache_info().currsize:  # noqa: SLF001 - must load none
        return set()
    return {adapter for adapter in plugins.registry("adapters") if adapter.enabled}
