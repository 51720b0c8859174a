"""What the documentation says is so: its Python runs, its tables are complete, its signatures are the real.

The Python blocks of a page are one program, run from top to bottom in a process, a folder and a store of
their own. A block that begins with ``# file: NAME`` is written to that file instead. Where a page has an
install line, its program finds what that line installs and nothing else.
"""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
import sys
import types
from importlib.metadata import distribution
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

import epochal
from epochal import cli, events, hooks, observe, settings, testing
from epochal.testing import programs

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", *ROOT.glob("plugins/epochal-*/README.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALL = re.compile(r"^\$ pip install (.*\./plugins/.*)$", re.MULTILINE)
TABLES = types.SimpleNamespace(**runpy.run_path(str(DOCS / "tables.py")))
HOOKS = {name: spec for name, spec in vars(hooks).items() if hasattr(spec, "epochal_spec")}


def page(name: str) -> str:
    return (DOCS / name).read_text()


@pytest.mark.parametrize(
    "path", [p for p in PAGES if BLOCK.search(p.read_text())], ids=lambda path: str(path.relative_to(ROOT))
)
def test_python_of_a_page_runs(path, tmp_path):
    install = INSTALL.search(path.read_text())
    if install:
        link(install[1], tmp_path / "site")
    run_page(path, tmp_path, sys.executable, *(["-S"] if install else []))


@pytest.mark.nightly
def test_readme_runs_in_an_environment_made_as_it_says(tmp_path):
    path, environment = ROOT / "README.md", tmp_path / "environment"
    install = shlex.split(INSTALL.search(path.read_text())[1])
    programs.run(sys.executable, "-m", "venv", environment)
    programs.run(environment / "bin/pip", "install", "-q", *install, cwd=ROOT, limit=1200)
    run_page(path, tmp_path, environment / "bin/python")


def run_page(path, folder, *python):
    """Run the Python of a page in ``folder``; what lies in its subfolder site can be imported."""
    program = ["import pathlib, site, warnings", "site.addsitedir('site')"]
    program += ["warnings.simplefilter('error', DeprecationWarning)"]
    text = path.read_text()
    for match in BLOCK.finditer(text):
        line = text[: match.start()].count("\n") + 2
        name = re.match(r"# file: (\S+)\n", match[1])
        if name:
            program.append(f"pathlib.Path({name[1]!r}).write_text({match[1]!r})")
        else:  # a traceback shows the line of the page
            program.append(
                f"exec(compile({chr(10) * (line - 1) + match[1]!r}, {str(path)!r}, 'exec'), globals())"
            )
    (folder / "page.py").write_text("\n".join(program))
    environment = {"EPOCHAL_STORE": str(folder / "store"), "MPLBACKEND": "agg", "PYTHONPATH": str(folder)}
    done = programs.run(*python, "page.py", cwd=folder, env=environment)
    assert "failed in" not in done.stderr, f"epochal swallowed an error of its own:\n{done.stderr}"


def link(words, site):
    """Make the folder ``site`` of links to what `pip install WORDS` brings; all of it is installed here."""
    site.mkdir()
    names = [word.removeprefix("./plugins/") for word in shlex.split(words)]
    needs = [Requirement(f"epochal{name[1:]}" if name.startswith(".") else name) for name in names]
    for need in needs:  # which grows by what each requires
        found = distribution(need.name)
        for name in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(found.locate_file(name))
        for more in map(Requirement, found.requires or []):
            if more not in needs and applies(more.marker, need.extras):
                needs.append(more)


def applies(marker, extras):
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or [""])


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    assert {path.name for path in DOCS.glob("*.md")} == set(re.findall(r"[\w-]+\.md", navigation))


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_hook_is_documented_with_its_signature_and_used(name):
    """Each has a heading, its exact signature, its own words, and an implementation that the page runs."""
    text = page("hooks.md")
    source = inspect.getsource(HOOKS[name])
    signature = re.search(r"^def (.*?) *:(?:  #.*)?$", source, re.MULTILINE)[1]
    assert f"`{signature}`" in text
    assert inspect.getdoc(HOOKS[name]).splitlines()[0] in text
    section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert f"def {name}(" in "".join(BLOCK.findall(section))


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_shows_of_the_code_is_the_code(path):
    """`python docs/tables.py` fills it in: commands, patches and their reasons, the tutorial's plugin."""
    text = path.read_text()
    assert TABLES.filled(text) == text


def test_the_contract_names_every_patch():
    """A6. Commands and patches are filled in by docs/tables.py; none may be missing for want of a marker."""
    assert observe.states()
    for state in observe.states():
        assert f"`{state.target}`" in page("autolog.md")
    for name in cli.BUILT_IN:
        assert f"`epochal {name}`" in page("cli.md")


def test_every_inherited_test_is_listed():
    for suite in (testing.AdapterSuite, testing.FlavorSuite):
        for name in vars(suite):
            assert not name.startswith("test_") or f"`{name}`" in page("testing.md")


def test_every_setting_is_documented():
    for field in settings.Settings.__struct_fields__:
        assert f"| `{field}` | `EPOCHAL_{field.upper()}` |" in page("concepts.md"), field


def test_every_kind_of_event_is_documented_with_its_fields():
    table = page("formats.md").partition("<!-- kinds:start -->")[2].partition("<!-- kinds:end -->")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", table, re.MULTILINE))
    fields = {kind: {f.name for f in msgspec.structs.fields(struct)} for kind, struct in events.KINDS.items()}
    assert {kind: set(row.split(", ")) for kind, row in rows.items()} == fields


def test_every_manifest_field_is_documented():
    from epochal.models.manifest import Manifest

    section = page("formats.md").partition("## The model folder")[2]
    for field in msgspec.structs.fields(Manifest):
        assert f"`{field.encode_name}`" in section, field.encode_name


def test_every_public_name_is_in_the_reference():
    for name in epochal.__all__:
        assert re.search(rf"\b{name}\b", page("api.md")), name


def test_every_plugin_is_named_in_the_readme():
    for folder in ROOT.glob("plugins/epochal-*/"):
        assert folder.name in (ROOT / "README.md").read_text()


def test_guarantees_name_tests_that_exist():
    """A promise is shown with the tests that hold it; a name that no longer exists is a promise unkept."""
    named = re.findall(
        r"`((?:tests|plugins|src|benchmarks)/[\w/.-]+\.py)(?:::(\w+))?`", page("guarantees.md")
    )
    assert named
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or re.search(rf"\b(def|class) {test}\b", (ROOT / path).read_text()), f"{path}::{test}"


def test_sessions_of_the_contributing_guide_exist():
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    texts = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "README.md").read_text()
    named = {name.replace("-", "_") for name in re.findall(r"nox -s \"?([a-z-]+)", texts)}
    assert named <= sessions
