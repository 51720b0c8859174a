"""A terminal for tests of the console: pytest puts its own streams in place after fixtures are made."""

import contextlib
import io
import sys

import pytest


class Terminal(io.TextIOWrapper):
    """A stream like sys.stdout, with what it shows in reach."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self):
        return True

    @property
    def shown(self):
        return self.buffer.getvalue().decode()


@pytest.fixture
def terminal():
    return Terminal(), Terminal()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    streams = pyfuncitem.funcargs.get("terminal")
    if streams is None:
        return (yield)
    before = sys.stdout, sys.stderr
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        result = yield
    assert (sys.stdout, sys.stderr) == before
    return result
