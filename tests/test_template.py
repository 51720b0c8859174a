"""`nox -s new-plugin` makes a plugin that works: copied, installed beside a framework, its own tests run.

The framework is that of docs/plugins.md, so the tutorial is followed to the letter.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from epochal.testing import programs

ROOT = Path(__file__).resolve().parents[1]

FRAMEWORK = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tinyfit"
version = "1.2"
[tool.hatch.build.targets.wheel]
only-include = ["tinyfit.py"]
"""


@pytest.fixture(scope="session")  # nox takes a session of one name once a process
def noxfile():
    spec = importlib.util.spec_from_file_location("epochal_noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def plugin(noxfile, tmp_path_factory) -> Path:
    """A copy of the template, installed with its framework into the folder `site` beside it."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "tinyfit").mkdir()
    tutorial = (ROOT / "docs/plugins.md").read_text()
    source = re.search(r"^```python\n# file: tinyfit.py\n(.*?)^```$", tutorial, re.MULTILINE | re.DOTALL)[1]
    (folder / "tinyfit/tinyfit.py").write_text(source)
    (folder / "tinyfit/pyproject.toml").write_text(FRAMEWORK)
    made = noxfile.copy_template("tinyfit", folder / "plugins")
    programs.run(
        *(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "--root-user-action=ignore", "--target", folder / "site"),
        *(folder / "tinyfit", made),
    )
    return made


def environment(plugin: Path) -> dict[str, str]:
    paths = [str(plugin.parents[1] / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    store = str(plugin.parents[1] / "store")
    return {"PYTHONPATH": os.pathsep.join(paths), "EPOCHAL_STORE": store, "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_copied_template_passes_its_own_tests(plugin):
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    done = programs.run(*command, "--rootdir", plugin, plugin, env=environment(plugin), cwd=plugin)
    print(done.stdout.splitlines()[-1])


def test_a_copied_template_is_found_by_its_entry_point(plugin):
    code = """
import epochal
epochal.autolog("tinyfit")
import tinyfit
tinyfit.Model().fit([1.0, 3.0])
run, = epochal.runs()
print(run.source, run.status, len(run.history("loss")), epochal.load_model(f"runs:/{run.id}/model").mean)
"""
    done = programs.python(code, env=environment(plugin))
    assert done.stderr == ""
    assert done.stdout.split() == ["tinyfit", "finished", "5", "1.9375"]


def test_nothing_of_the_template_is_left_to_fill_in(plugin):
    for path in plugin.rglob("*"):
        assert "NAME" not in path.name
        assert path.is_dir() or "NAME" not in path.read_text()


@pytest.mark.parametrize("name", ["", "Torch", "a-b", "../x", "1a"])
def test_a_name_that_is_no_module_is_refused(noxfile, tmp_path, name):
    with pytest.raises(ValueError, match="cannot be a plugin's name"):
        noxfile.copy_template(name, tmp_path)


def test_a_plugin_that_is_there_is_not_overwritten(noxfile, tmp_path):
    noxfile.copy_template("pytorch_forecasting", tmp_path)
    assert (tmp_path / "epochal-pytorch-forecasting/src/epochal_pytorch_forecasting/__init__.py").is_file()
    with pytest.raises(FileExistsError):
        noxfile.copy_template("pytorch_forecasting", tmp_path)
