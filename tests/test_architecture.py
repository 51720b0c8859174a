"""The shape of the repository: what may import what, what importing costs, and that plugins are all alike."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import epochal
from epochal import plugins
from epochal.testing import programs

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/epochal"
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/epochal-*/pyproject.toml"))
by_name = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)


def metadata(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


# -- dependencies ------------------------------------------------------------------

# Later ones build on earlier ones. What is not named stands on its own or beside its users.
LAYERS = [
    {"errors", "ids", "plain"},
    {"settings", "events", "values", "configuration"},
    {"journal", "hooks"},
    {"context", "endings", "plugins", "artifacts"},
    {"tracking", "probing", "surroundings", "media"},
    {"active", "observe", "models", "autologging"},
]
READERS = {"store", "cli", "terminal", "testing"}
"""Who looks at runs; those who make them must not need it, and load it only when asked to."""


def at_import(path: Path) -> set[str]:
    """The modules of epochal that a file imports when it is itself imported, by their first name."""
    package = path.relative_to(SOURCE.parent).parent.parts
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("epochal.")}


def test_dependencies_point_one_way():
    """errors, settings <- events, journal <- tracking, context <- observe, models; nobody <- store, cli."""
    rank = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    wrong = []
    for path in SOURCE.rglob("*.py"):
        own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if own in READERS | {"__init__", "__main__"}:
            continue
        used = at_import(path)
        wrong += [f"{path.relative_to(ROOT)} needs {name} to be imported" for name in used & READERS]
        wrong += [
            f"{path.relative_to(ROOT)} builds on {name}"
            for name in used
            if rank.get(name, -1) > rank.get(own, len(LAYERS))
        ]
    assert not wrong, "\n".join(wrong)


def test_at_most_twelve_dependencies():
    assert len(metadata(ROOT)["dependencies"]) <= 12


def test_every_import_is_a_declared_dependency():
    declared = metadata(ROOT)
    optional = [need for extra in declared["optional-dependencies"].values() for need in extra]
    names = {re.split(r"[^\w-]", need)[0].lower() for need in declared["dependencies"] + optional}
    modules = {
        module: {name.lower() for name in distributions}
        for module, distributions in importlib.metadata.packages_distributions().items()
    }
    unknown = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            tops = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            tops += (
                [node.module] if isinstance(node, ast.ImportFrom) and not node.level and node.module else []
            )
            for top in {name.split(".")[0] for name in tops}:
                if (
                    top not in sys.stdlib_module_names
                    and top != "epochal"
                    and not modules.get(top, {top}) & names
                ):
                    unknown.add(f"{top} in {path.relative_to(ROOT)}")
    # What a user's own value or notebook brings along is looked at only where it is there already.
    assert {name for name in unknown if name.split()[0] not in {"IPython", "torch"}} == set()


# -- what `import epochal` does ----------------------------------------------------

WATCHED = """
import json, sys
events, before = [], set(sys.modules)
quiet = ("import", "compile", "exec", "marshal.", "object.", "os.listdir", "os.scandir", "sys.", "builtins.",
         "code.__new__", "cpython.", "ctypes.")
def hook(name, args):
    if name == "open" and not set(str(args[1] or "")) & set("wax+"):
        return
    if not name.startswith(quiet):
        events.append([name, str(args)[:200]])
sys.addaudithook(hook)
import epochal
import threading
print(json.dumps([events, sorted(set(sys.modules) - before), threading.active_count()]))
"""


@pytest.fixture(scope="module")
def imported() -> tuple[list, list[str], int]:
    """What happened while `import epochal` ran in a new process: audit events, modules, threads."""
    done = programs.run(sys.executable, "-B", "-c", WATCHED)  # -B: it is Python that writes .pyc files
    return tuple(json.loads(done.stdout))


def test_importing_starts_nothing(imported):
    """No thread, process, socket, no file written (S11)."""
    events, _, threads = imported
    assert events == []
    assert threads == 1


def test_importing_loads_the_standard_library_and_msgspec_only(imported):
    code = "import msgspec, sys; print(*sys.modules)"  # takes typing_extensions along where that is installed
    done = programs.python(code)
    tops = {name.split(".")[0] for name in set(imported[1]) - set(done.stdout.split())}
    assert tops - set(sys.stdlib_module_names) == {"epochal"}


def test_turning_autolog_on_imports_no_framework():
    code = "import sys, epochal; epochal.autolog(); print(*sys.modules)"
    done = programs.python(code)
    loaded = set(done.stdout.split())
    assert not loaded & {"sklearn", "numpy", "pandas", "torch", "matplotlib", "scipy"}


# -- public names ------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(epochal.__all__) - {"config", "summary"}))
def test_public_names_say_what_they_are(name):
    thing = getattr(epochal, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing):
        members = {k: v for k, v in vars(thing).items() if not k.startswith("_")}
        bare = [
            k
            for k, v in members.items()
            if (inspect.isfunction(v) or isinstance(v, property)) and not v.__doc__
        ]
        assert not bare, f"{name}: no docstring on {bare}"


def test_modules_open_with_their_idea():
    files = [*SOURCE.rglob("*.py"), *(f for p in PLUGINS for f in (p / "src").rglob("*.py"))]
    bare = [
        str(f.relative_to(ROOT))
        for f in files
        if f.stat().st_size and not ast.get_docstring(ast.parse(f.read_text()))
    ]
    assert bare == []


# -- plugins -----------------------------------------------------------------------


def test_there_are_plugins():
    assert PLUGINS


@by_name
def test_plugins_have_one_skeleton(plugin):
    name = plugin.name.replace("-", "_")
    for path in ("README.md", f"src/{name}/__init__.py", "tests"):
        assert (plugin / path).exists(), path
    project = metadata(plugin)
    assert project["name"] == plugin.name
    assert project["version"] == epochal.__version__
    assert project["requires-python"] == metadata(ROOT)["requires-python"]
    assert list(project["entry-points"]) == ["epochal"]
    assert list(project["entry-points"]["epochal"].values()) == [name]
    assert any(need.startswith("epochal>=0.1,<0.2") for need in project["dependencies"])
    assert project["optional-dependencies"]["framework"], "the supported range of the framework"


@by_name
def test_loading_a_plugin_imports_no_framework(plugin):
    frameworks = {
        re.split(r"[^\w-]", need)[0] for need in metadata(plugin)["optional-dependencies"]["framework"]
    }
    modules = [
        m for m, names in importlib.metadata.packages_distributions().items() if frameworks & set(names)
    ]
    assert modules, f"{frameworks} are not installed"
    code = f"""
import sys
from epochal import plugins
report = next(r for r in plugins.report() if r.module == {plugin.name.replace("-", "_")!r})
print(report.state, *(set(sys.modules) & set({modules!r})))
"""
    done = programs.python(code)
    assert done.stdout.split() == ["ok"]


@by_name
def test_plugins_touch_no_underscore_of_the_core(plugin):
    found = []
    for path in (plugin / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("epochal"):
                private = [a.name for a in node.names if a.name.startswith("_") and a.name != "__version__"]
                found += [f"{path.name}: {name}" for name in private]
    assert found == []


def test_at_most_twelve_points_in_all():
    """A6: official extension points first; every patch stands in docs/autolog.md with its reason."""
    points = [point for adapter in plugins.registry("adapters") for point in adapter.points]
    assert 0 < len(points) <= 12
    assert [point for point in points if not point.why] == []


# -- size, as a feel and not a gate ------------------------------------------------


def test_long_files_are_named(capsys):
    sizes = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in SOURCE.rglob("*.py")}
    long = sorted(((lines, path) for path, lines in sizes.items() if lines > 400), reverse=True)
    with capsys.disabled():
        for lines, path in long:
            print(f"  {path} has {lines} lines: is there a second idea in it?")
    assert all(lines < 1000 for lines, _ in long)
