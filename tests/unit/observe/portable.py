"""What the trampoline asks of a Python, as a script that needs nothing but the standard library.

`python portable.py` prints "ok" and the version.  Run it on each new Python before it is supported.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import pickle
import sys
import types
import warnings
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "src/epochal/observe"


def load(name, **stand_ins):
    """A module of the package without the rest of epochal."""
    spec = importlib.util.spec_from_file_location(f"package.observe.{name}", SOURCE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def train(x, y=2, *, z=3):
    return x + y + z


class Base:
    def fit(self, v):
        return ("base", v)


class Child(Base):
    def fit(self, v):
        return ("child", super().fit(v))


async def later(x):
    return x


def warn():
    warnings.warn("here", stacklevel=2)


def main():
    for name in ("package", "package.observe", "package.errors", "package.observe.admission"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["package"].__path__ = sys.modules["package.observe"].__path__ = []
    sys.modules["package"].errors = sys.modules["package.errors"]
    sys.modules["package.observe"].admission = sys.modules["package.observe.admission"]
    bootstrap = load("importlib_bootstrap")
    trampoline = load("trampoline")
    seen = []

    class Note(bootstrap.Detour):
        def __call__(self, original, /, *args, **kwargs):
            seen.append(original.__name__)
            return original(*args, **kwargs)

    trampoline.self_check()
    code, early = train.__code__, train
    undo = [trampoline.install(f, Note()) for f in (train, Child.fit, later)]
    undo.append(trampoline.install(warn, bootstrap.Gate(types.SimpleNamespace(active=False))))
    assert early(1) == 6
    assert early(1, 5, z=1) == 7
    assert Child().fit(3) == ("child", ("base", 3))
    assert inspect.iscoroutinefunction(later)
    assert asyncio.run(later(4)) == 4
    assert seen == ["train", "train", "fit", "later"], seen
    assert pickle.loads(pickle.dumps(early)) is early
    assert str(inspect.signature(early)) == "(x, y=2, *, z=3)"
    assert "return x + y + z" in inspect.getsource(early)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        warn()
    assert (said[0].filename, said[0].lineno) == (__file__, line), said[0]
    for swap in range(500):  # specialised code must not survive a swap
        remove = trampoline.install(train, Note())
        assert train(swap) == swap + 5
        assert remove()
    assert [remove() for remove in undo] == [True] * len(undo)
    assert train.__code__ is code
    assert Child().fit(3) == ("child", ("base", 3))
    print("ok", sys.version.split()[0])


if __name__ == "__main__":
    main()
