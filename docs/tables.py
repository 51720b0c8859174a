"""Fill in what the documentation shows of the code: `python docs/tables.py`, where epochal is installed.

Between ``<!-- NAME:start -->`` and ``<!-- NAME:end -->`` a page holds what the function NAME below makes.
tests/test_documentation.py fails while a page holds anything else.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "plugins/_template"


def reference() -> str:
    """The commands with their options; a bracket outside of code is no link."""
    from epochal.cli.reference import reference

    parts = reference().split("`")  # every second one is code, fenced blocks too
    return "`".join(part if number % 2 else part.replace("[", r"\[") for number, part in enumerate(parts))


def points() -> str:
    """Every place where an adapter patches a framework, with its reason."""
    from epochal import observe

    rows = [f"| {s.adapter} | `{s.target}` | {s.nested} | {s.why} |" for s in observe.states()]
    return "\n".join(["| adapter | what is patched | nested | why |", "| --- | --- | --- | --- |", *rows])


def module() -> str:
    """The plugin of the tutorial: the template's, for the tutorial's framework."""
    return _template("src/epochal_NAME/__init__.py")


def tests() -> str:
    """Its tests."""
    return _template("tests/test_NAME.py")


def _template(path: str) -> str:
    code = (TEMPLATE / path).read_text(encoding="utf-8").replace("NAME", "tinyfit")
    return f"```py\n{code}```"


def filled(page: str) -> str:
    """The text of a page with its blocks as they should be."""
    for make in (reference, points, module, tests):
        start, end = f"<!-- {make.__name__}:start -->\n", f"<!-- {make.__name__}:end -->"
        if start in page:
            before, _, rest = page.partition(start)
            page = f"{before}{start}{make().strip()}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if filled(text) != text:
            path.write_text(filled(text), encoding="utf-8")
            print(path.relative_to(ROOT))  # noqa: T201 - says what it changed
