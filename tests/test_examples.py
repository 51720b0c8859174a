"""Each file of examples/ runs as a user runs it: in a process of its own, in a folder of its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from epochal.testing import programs

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(path: Path, folder: Path) -> str:
    environment = {
        "EPOCHAL_STORE": str(folder / "store"),
        "PYTHONWARNINGS": "error::UserWarning:__main__",
    }
    done = programs.run(sys.executable, path, cwd=folder, env=environment)
    assert "Traceback" not in done.stderr
    assert "failed in" not in done.stderr, f"epochal swallowed an error of its own:\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.stem != "demo"], ids=lambda path: path.stem)
def test_example(path, tmp_path):
    assert run(path, tmp_path).strip()


def test_demo_does_what_the_readme_shows(tmp_path, monkeypatch):
    """README.md has the steps and commands that the demo really prints, in their order, in 80 columns."""
    monkeypatch.delenv("COLUMNS", raising=False)
    printed = run(ROOT / "examples/demo.py", tmp_path)
    shown = (
        (ROOT / "README.md").read_text().partition("<!-- demo:start -->")[2].partition("<!-- demo:end -->")[0]
    )
    assert steps(shown) == steps(printed)
    assert "exactly the same" in printed and "exactly the same" in shown
    assert [line for line in (printed + shown).splitlines() if cell_len(line) > 80] == []


def steps(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(("# ", "$ "))]
    return [re.sub(r"\b[0-9a-f]{6,32}\b", "ID", line) for line in lines]
