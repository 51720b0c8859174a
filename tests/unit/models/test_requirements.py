"""Requirements: found by looking at the model's objects, right for real distributions, and fast."""

from __future__ import annotations

import json
import types
from collections import Counter, deque
from functools import partial
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
import torch

from epochal.models import requirements
from epochal.models.graph import nameless
from epochal.testing import programs


def needs(model, also=()):
    return set(requirements.infer(model, also).frameworks)


class Holder:
    def __init__(self, **held):
        vars(self).update(held)


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


def closure(held):
    return lambda: held


FRAME = pd.DataFrame({"a": [1]})
HELD = {
    "attribute": Holder(a=FRAME),
    "list": [[[FRAME]]],
    "tuple": (FRAME,),
    "set of types": {pd.DataFrame},
    "dict key": {pd.Timestamp(0): 1},
    "dict value": {"a": {"b": FRAME}},
    "deque": deque([FRAME]),
    "slot": Slotted(FRAME),
    "object array": np.array([FRAME, None], dtype=object),
    "partial": partial(print, FRAME),
    "bound method": FRAME.sum,
    "function": pd.concat,
    "default": eval("lambda a=held: a", {"held": FRAME}),
    "closure": closure(FRAME),
    "long list": [FRAME] * 10_000,
    "long dict": dict.fromkeys(range(10_000), FRAME),
    "module": Holder(pd=pd),
    "subclass": type("Mine", (pd.DataFrame,), {})(),
    "counter": Counter(a=FRAME),
}


@pytest.mark.parametrize("model", HELD.values(), ids=HELD)
def test_wherever_it_is_held(model):
    assert "pandas" in needs(model)


def test_names_of_distributions_that_are_not_their_modules():
    from sklearn.linear_model import LinearRegression

    found = requirements.infer(LinearRegression().fit(np.ones((2, 1)), [1, 2]))
    assert set(found.frameworks) == {"numpy", "scikit-learn"}
    assert found.requirements == [
        f"numpy=={metadata.version('numpy')}",
        f"scikit-learn=={metadata.version('scikit-learn')}",
    ]
    assert found.local == found.modules == []


def test_local_builds_are_pinned_so_that_pip_finds_them():
    found = requirements.infer(torch.nn.Linear(1, 1))
    assert found.frameworks["torch"] == metadata.version("torch")
    assert f"torch=={metadata.version('torch').partition('+')[0]}" in found.requirements
    assert requirements.public("2.13.0+cpu") == "2.13.0"


def test_the_flavors_own_are_noted():
    found = requirements.infer({}, ["blake3", "no-such-distribution"])
    assert found.frameworks == {"blake3": metadata.version("blake3")}
    assert found.modules == ["no-such-distribution"]


def test_ones_own_modules_are_named(tmp_path, monkeypatch):
    (tmp_path / "mymodel.py").write_text("class Mine: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import mymodel

    found = requirements.infer(mymodel.Mine())
    assert found.modules == ["mymodel"]
    assert found.requirements == []


def install(site, name, module, editable=None):
    """A distribution as pip leaves it."""
    info = site / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "RECORD").write_text(f"{module}/__init__.py,,\n" if editable is None else f"_{name}.pth,,\n")
    if editable is not None:
        url = {"url": editable.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
        (site / f"_{name}.pth").write_text(f"{editable / 'src'}\n")
    home = site if editable is None else editable / "src"
    (home / module).mkdir(parents=True)
    (home / module / "__init__.py").write_text("class Thing: pass\n")
    return home


@pytest.mark.parametrize("editable", [False, True], ids=["installed", "editable"])
def test_a_distribution_of_another_name(tmp_path, monkeypatch, editable):
    module = f"strange_{editable}".lower()
    project = tmp_path / "my project" if editable else None
    home = install(tmp_path / "site", "Odd-Name", module, project)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(home)
    found = requirements.infer(__import__(module).Thing())
    assert found.requirements == ["Odd-Name==1.5"]
    assert found.local == (["Odd-Name"] if editable else [])
    assert found.modules == []


def test_a_module_of_ones_own_is_not_an_installed_namesake(tmp_path, monkeypatch):
    install(tmp_path / "site", "namesake", "namesake")
    home = tmp_path / "work" / "namesake"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "work")
    found = requirements.infer(__import__("namesake").Thing())
    assert (found.requirements, found.modules) == ([], ["namesake"])


def test_damaged_metadata_are_no_reason_to_fail(tmp_path, monkeypatch):
    home = install(tmp_path / "site", "damaged", "damaged_one", tmp_path / "project")
    (tmp_path / "site" / "_damaged.pth").write_bytes(b"\xff")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(home)
    assert requirements.infer(__import__("damaged_one").Thing()).modules == ["damaged_one"]


def test_nothing_of_the_models_runs():
    class Trap:
        def __getattr__(self, name):
            raise AssertionError(f"asked for {name}")

        __eq__ = __hash__ = __len__ = __iter__ = __bool__ = lambda self, *_: 1 / 0
        __class__ = property(lambda self: 1 / 0)

    requirements.infer([Trap(), {"a": Trap()}, Holder(a=Trap())])


def test_cycles_and_bottomless_models_end():
    ring = []
    ring.append(ring)
    deep = ring
    for _ in range(100_000):
        deep = [deep]
    assert requirements.infer(Holder(a=ring, b=deep)).requirements == []


def make_local():
    def local():
        return 0

    class Local:
        pass

    return local, Local


local, Local = make_local()


def test_what_has_no_name_elsewhere():
    here = f"{__name__}.make_local.<locals>"
    other, Other = make_local()
    assert nameless(Holder(a=other, b=[Other()])) == [f"{here}.Local", f"{here}.local"]
    assert nameless({"f": lambda: 0}) == [f"{__name__}.test_what_has_no_name_elsewhere.<locals>.<lambda>"]
    assert nameless([Other]) == [f"{here}.Local"]
    assert nameless([local, Local(), Holder(a=make_local), print, partial(print)]) == []


def test_a_modules_globals_are_not_the_models():
    source = types.ModuleType("somewhere")
    exec("import pandas\nframe = pandas.DataFrame()\nclass Plain: pass\ndef f(): return frame", vars(source))
    assert needs([source.Plain(), source.f]) == set()


def test_no_import_and_no_subprocess():
    code = (
        "import sys, json\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "model = RandomForestClassifier(5).fit([[0], [1]], [0, 1])\n"
        "from epochal.models import requirements\n"
        "import importlib.metadata\n"
        "before = set(sys.modules)\n"
        "events = []\n"
        "sys.addaudithook(lambda event, args: events.append(event))\n"
        "requirements.infer(model, ['scikit-learn'])\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names\n"
        "print(json.dumps([sorted(new), 'subprocess.Popen' in events, 'socket.connect' in events]))\n"
    )
    done = programs.python(code)
    assert json.loads(done.stdout) == [[], False, False]
