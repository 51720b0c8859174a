"""`epochal load-check` and the models that `epochal show` lists, over real model folders."""

from __future__ import annotations

import collections
import json

import pytest

import epochal


@pytest.fixture
def kept(root):
    """The id of a run with a model that can only be loaded by trust."""
    with epochal.start_run(name="modeller") as run:
        run.log_model(collections.Counter("abracadabra"), "letters", flavor="pickle")
    return run.id


@pytest.fixture
def folder(tmp_path):
    """A model in a folder."""
    epochal.save_model(collections.Counter("abc"), tmp_path / "model", flavor="pickle")
    return tmp_path / "model"


def test_show_says_how_to_load(call, data, kept):
    _, out, _ = call("show", "modeller")
    assert "Counter, pickle" in out
    assert f'>>> epochal.load_model("runs:/{kept}/letters")' in out
    (model,) = data("show", "modeller")["models"]
    assert (model["ref"], model["type"]) == (f"runs:/{kept}/letters", "model")


@pytest.mark.parametrize("ref", ["runs:/{id}/letters", "runs:/modeller/letters", "runs:/last/letters"])
def test_what_needs_trust_is_a_no(call, data, kept, ref):
    ref = ref.format(id=kept)
    code, out, err = call("load-check", ref)
    assert (code, err) == (1, "")
    assert "can run code  yes" in out
    assert 'trust=["pickle"]' in out.replace("'", '"')
    found = data("load-check", ref, code=1)
    assert (found["flavor"], found["loads"], found["executes_code"]) == ("pickle", False, True)


def test_what_is_trusted_loads(call, data, folder):
    code, out, _ = call("load-check", folder, "--trust", "pickle")
    assert code == 0
    assert "✔" in out
    assert data("load-check", folder, "--trust", "pickle")["loads"]


def test_a_changed_byte_is_refused(refused, data, folder):
    file = next(path for path in folder.iterdir() if path.name != "model.json")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert file.name in refused("load-check", folder)
    assert data("load-check", folder, code=2)["problems"]


def test_an_unknown_flavor_is_refused(refused, folder):
    manifest = folder / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"flavor": "wax"}))
    assert refused("load-check", folder)


def test_a_missing_plugin_is_named(refused, tmp_path):
    from epochal import plugins
    from epochal.hooks import hookimpl

    class Wax:
        name, version, types, executes_code = "wax", 1, ("collections:OrderedDict",), False

        def save(self, model, folder):
            (folder / "wax").write_text(json.dumps(model))
            return {}

        def load(self, folder, meta, trust):
            return json.loads((folder / "wax").read_text())

    class Plugin:
        @staticmethod
        @hookimpl
        def flavors():
            return [Wax()]

    with plugins.using(wax=Plugin):
        epochal.save_model(collections.OrderedDict(a=1), tmp_path / "model")
    message = refused("load-check", tmp_path / "model")
    assert "'wax'" in message
