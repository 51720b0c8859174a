"""What the gate asks of the tests beside passing: who needed luck, and what each costs.

A test that fails beside others gets two more tries, alone (`nox -s tests` starts pytest a second time for
them). Where it passes then, the gate is green, and the end of the log names the test and what it said
first: it has a defect, and a name in this list is work to be done. Every test is charged with the processor
time that it and the programs it started used; one that is too dear has failed, since the next fifty would
be like it.
"""

from __future__ import annotations

import json
import resource
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST, MODULE = 10.0, 60.0
"""Seconds of processor time that a test and a module may use; more is for `nox -s nightly`."""
MOST = 20
"""With more failures than this it is the change, not the machine."""
AGAIN = 64
"""The exit status that asks for a second start."""
_BEFORE = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that `nox -s tests` gives."""
    group = parser.getgroup("gate")
    group.addoption("--failed-to", metavar="FILE", help="write what failed and why, for a second start")
    group.addoption("--again", metavar="FILE", help="run what that file names, and nothing else")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the accounts where the reports arrive: in the process that the user started."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Accounts(config), "gate-accounts")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what the process had used before the test."""
    item.stash[_BEFORE] = _used()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Write what a test has used into the last of its reports."""
    report: Any = yield
    if report.when == "teardown":
        now = _used()
        report.used, item.stash[_BEFORE] = now - item.stash[_BEFORE], now  # each try for itself
    return report


def _used() -> float:
    """Seconds of processor time of this process and of those that it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


class _Accounts:
    """Which tests failed, and what all cost."""

    def __init__(self, config: pytest.Config) -> None:
        again = config.getoption("--again")
        self.config = config
        self.first: dict[str, str] = json.loads(Path(again).read_text("utf-8")) if again else {}
        self.failed: dict[str, str] = {}
        self.used: dict[str, float] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """In a second start, leave all but the failed ones out."""
        if self.first:
            config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in self.first])
            items[:] = [item for item in items if item.nodeid in self.first]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a report into the accounts."""
        if hasattr(report, "used"):
            self.used[report.nodeid] = report.used
        if report.failed:
            self.failed.setdefault(report.nodeid, _message(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Count what is too dear as failed, and ask for a second start where that may help."""
        if session.exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        modules = 0
        for name, (used, limit) in self.dear().items():
            if name in self.used:
                self.failed.setdefault(
                    name, f"used {used:.1f} s of processor time, the limit is {limit:.0f} s"
                )
            else:
                modules += 1
        to = self.config.getoption("--failed-to")
        if to and self.failed:
            Path(to).write_text(json.dumps(self.failed), "utf-8")
        if modules or len(self.failed) > MOST or (self.failed and not to):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif self.failed:
            session.exitstatus = AGAIN

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say at the end of the log what it should not be searched for."""
        if self.first:
            terminalreporter.section("failed at first, run again alone", yellow=True)
            for test, message in self.first.items():
                verdict = "failed again" if test in self.failed else "passed alone: a defect, to be mended"
                terminalreporter.write_line(f"{test}: {verdict}\n    {message}")
        if dear := self.dear():
            terminalreporter.section("too dear: cheaper, or marked nightly", red=True)
            for name, (used, limit) in dear.items():
                terminalreporter.write_line(f"{name}: {used:.1f} s of processor time, limit {limit:.0f} s")

    def dear(self) -> dict[str, tuple[float, float]]:
        """Tests and modules over their limits; nightly there are none."""
        if self.config.getoption("--nightly", default=False):
            return {}
        modules: dict[str, float] = defaultdict(float)
        for test, used in self.used.items():
            modules[test.partition("::")[0]] += used
        found = [(name, used, TEST) for name, used in self.used.items()]
        found += [(name, used, MODULE) for name, used in modules.items()]
        return {name: (used, limit) for name, used, limit in found if used > limit}


def _message(report: pytest.TestReport) -> str:
    """The one line that says most about a failure."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    return next((line for line in text.splitlines() if line.strip()), "")[:300]
