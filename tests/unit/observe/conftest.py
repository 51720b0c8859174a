"""A small framework, written to disk and imported like any other."""

from __future__ import annotations

import importlib
import sys
import textwrap

import pytest

from epochal.observe import Adapter

FRAMEWORK = '''
"""A framework: models that are fitted, functions that train, decorators in between."""
import functools
import warnings


def checked(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner


class Estimator:
    def __init__(self, factor=2):
        self.factor = factor

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.registered = True


class Mean(Estimator):
    def fit(self, data, weight=1):
        """Find the mean."""
        self.mean_ = weight * sum(data) / len(data)
        return self

    @classmethod
    def build(cls, data):
        return cls().fit(data)

    @staticmethod
    def tool(value):
        return value * 2


class Child(Mean):
    @checked
    def fit(self, data, weight=1):
        super().fit(data, weight=weight)
        self.child_ = True
        return self


class Search(Estimator):
    def fit(self, data, run=None):
        run = run or (lambda jobs: [job() for job in jobs])
        self.models_ = run([functools.partial(Mean().fit, data, weight) for weight in (1, 2)])
        return self


def train(x, y=2, *, z=3):
    """Add up."""
    return x + y + z


def outer(x):
    return train(x) + train(x)


def warn():
    warnings.warn("look at your own line", UserWarning, stacklevel=2)


def fails(error):
    raise error


def generate(n):
    yield from range(n)


async def train_later(x, y=2):
    return x + y


async def fails_later(error):
    raise error


def a_score(x):
    return x


def b_score(x):
    return -x


def _hidden_score(x):
    return 0
'''


@pytest.fixture
def framework(tmp_path, monkeypatch, request):
    """The framework, freshly imported under a name of this test's own."""
    name = "framework_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    folder = tmp_path / "site" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from .core import train\n")
    (folder / "core.py").write_text(textwrap.dedent(FRAMEWORK))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield importlib.import_module(f"{name}.core")
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def observe(framework):
    """Observe ``path`` of the framework by an observer; everything is taken out again."""
    adapters = []

    def begin(path, observer, *, nested="skip", options=None):
        adapter = Adapter("framework", options=options)
        adapter.around(f"{framework.__name__}:{path}", nested=nested, why="a test")(observer)
        adapter.enable()
        adapters.append(adapter)
        return adapter

    yield begin
    for adapter in adapters:
        adapter.disable(unpatch=True)
