"""Every task of this repository; `nox -l` lists them, `nox -s NAME` runs one.

Each session makes the environment it needs (and keeps it for the next time), so on a fresh machine
`pip install nox` is all the setting up there is. Plugins are found in plugins/: a new one is in every
session without a change here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "docs", "tests"]

ROOT = Path(__file__).resolve().parent
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/epochal-*/pyproject.toml"))
PINS = ("-c", "constraints.txt")

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process of a test compiles its imports anew
os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # uv is to trust whom pip trusts, and to look where pip looks
if "PIP_FIND_LINKS" in os.environ:
    os.environ.setdefault("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"])


ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For tests beside each other: threads of a BLAS that wait for each other on a busy machine spin, and
a fit of one second takes ten."""


def install(session: nox.Session, extra: str, *plugins: str, framework: bool = True) -> None:
    """Install the core with one of its extras, and these plugins with the framework each is for."""
    needs = "[framework]" if framework else ""
    session.install(*PINS, "-e", f".[{extra}]", *(f"-e./plugins/{name}{needs}" for name in plugins))


def install_torch(session: nox.Session) -> None:
    """Install the build for CPUs: exactly this version, and before anything can ask for another.

    Where the file is told to pip by its settings only, it is pip that has to install it.
    """
    if session.venv_backend == "uv" and "UV_FIND_LINKS" not in os.environ:
        session.install("pip")
        session.run("python", "-m", "pip", "install", "-q", "torch==2.13.0")
    else:
        session.install("torch==2.13.0")


def plugin_tests(*plugins: str) -> list[str]:
    """Name the test folders of these plugins."""
    return [f"plugins/{name}/tests" for name in plugins]


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on real data: autolog, list, show, and the model back in another process."""
    session.log("making an environment: minutes the first time; nox -v -s demo shows pip")
    install(session, "demo", "epochal-sklearn")
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests: the core's, each plugin's, the examples, the documentation.

    What fails beside others gets two more tries, alone (tests/support/gate.py).
    """
    install_torch(session)
    install(session, "tests", *PLUGINS)
    failed = Path(session.virtualenv.location) / "failed.json"
    failed.unlink(missing_ok=True)
    chosen = session.posargs or ["tests", *plugin_tests(*PLUGINS)]
    again = 64  # gate.AGAIN
    session.run(
        *("pytest", "-n2", "--dist=worksteal", "--durations=15", f"--failed-to={failed}", *chosen),
        env=ONE_CORE,
        success_codes=[0, again],
    )
    if failed.exists():
        modules = sorted({test.partition("::")[0] for test in json.loads(failed.read_text(encoding="utf-8"))})
        session.run("pytest", "--reruns=1", f"--again={failed}", *modules, env=ONE_CORE)


@nox.session
def stress(session: nox.Session) -> None:
    """The tests named, ten times, on a busy machine that stalls: `nox -s stress -- TESTS`."""
    install_torch(session)
    install(session, "tests", *PLUGINS)
    session.run("python", "tests/support/stress.py", *session.posargs, env=ONE_CORE)


@nox.session
@nox.parametrize("name", PLUGINS, ids=PLUGINS)
def plugin(session: nox.Session, name: str) -> None:
    """The tests of one plugin: `nox -s "plugin(epochal-sklearn)"`."""
    install(session, "tests", name)
    session.run("pytest", *plugin_tests(name), *session.posargs)


@nox.session
@nox.parametrize("name", PLUGINS, ids=PLUGINS)
def oldest(session: nox.Session, name: str) -> None:
    """The tests of a plugin with the oldest framework it says it supports."""
    extras = tomllib.loads((ROOT / "plugins" / name / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    session.install(
        "-e.[tests]",
        f"-e./plugins/{name}",
        *(re.sub(r">=([\d.]+).*", r"==\1", need) for need in extras["framework"]),
    )
    session.run("pytest", *plugin_tests(name), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, and the direction of imports."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types of the core, of each plugin, and of the public names as users write them."""
    install(session, "types", *PLUGINS, framework=False)
    session.run("mypy", "src", *(f"plugins/{name}/src" for name in PLUGINS), "tests/typing/api.py")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/; a broken link is an error."""
    install(session, "docs", *PLUGINS, framework=False)
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and size, ours and other trackers' side by side."""
    install(session, "bench", "epochal-sklearn")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """All tests with the full numbers of docs/guarantees.md, and README.md as a new user; hours."""
    install_torch(session)
    install(session, "tests", *PLUGINS)
    session.run(
        "pytest", "-n2", "--nightly", "--timeout=7200", "tests", *plugin_tests(*PLUGINS), *session.posargs
    )


@nox.session
def package(session: nox.Session) -> None:
    """Build all wheels and source archives; use them where nothing but them and the frameworks is."""
    dist, clean = ROOT / "dist", Path(session.create_tmp()) / "clean"
    shutil.rmtree(dist, ignore_errors=True)
    shutil.rmtree(clean, ignore_errors=True)
    session.install("build", "virtualenv")
    for folder in (".", *(f"plugins/{name}" for name in PLUGINS)):
        session.run("python", "-m", "build", "--outdir", str(dist), folder, silent=True)
    session.run("virtualenv", "-q", str(clean))
    wheels = {path.name.partition("-")[0].replace("_", "-"): str(path) for path in dist.glob("*.whl")}
    needs = [path if name == "epochal" else f"{path}[framework]" for name, path in wheels.items()]
    session.run(str(clean / "bin/pip"), "install", "-q", *PINS, *needs, external=True)
    store = {"EPOCHAL_STORE": str(clean / "store")}
    session.run(str(clean / "bin/python"), "examples/by_hand.py", external=True, env=store)
    session.run(str(clean / "bin/epochal"), "runs", external=True, env=store)
    session.run(str(clean / "bin/epochal"), "doctor", external=True, env=store)
    session.log("built: " + ", ".join(sorted(path.name for path in dist.iterdir())))


@nox.session(name="new-plugin", venv_backend="none")
def new_plugin(session: nox.Session) -> None:
    """Begin a plugin: `nox -s new-plugin -- NAME`, NAME being what the framework is imported as."""
    if len(session.posargs) != 1:
        session.error("which framework? nox -s new-plugin -- NAME")
    made = copy_template(session.posargs[0], ROOT / "plugins")
    session.log(f'made {made.relative_to(ROOT)}: read its README.md, then nox -s "plugin({made.name})"')


def copy_template(name: str, plugins: Path) -> Path:
    """Copy plugins/_template into `plugins` as the plugin for the framework `name`; return its folder."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        message = f"{name!r} cannot be a plugin's name; it is the module's: lower-case letters, digits, _"
        raise ValueError(message)
    made = plugins / f"epochal-{name.replace('_', '-')}"
    for source in sorted((ROOT / "plugins/_template").rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = made / str(source.relative_to(ROOT / "plugins/_template")).replace("NAME", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8").replace("epochal-NAME", made.name).replace("NAME", name)
            with target.open("x", encoding="utf-8") as file:  # never over somebody's work
                file.write(text)
    return made
