"""Plugin that prints the CPU seconds of each bundle's tests, which a bundle adds to ``make test``.

No test fails because of its time, since that depends on the machine. Check the table when adding a bundle.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import pytest

import fork_server
from conftest import bundle_of

if TYPE_CHECKING:
    from collections.abc import Generator

BUDGET = 45
"""Budget of one bundle on an idle machine: nine bundles then leave most of ten minutes on two cores for the rest."""


@dataclass
class Spent:
    """CPU time of the tests that have a bundle's name among their parameters."""

    tests: int = 0
    here: float = 0.0
    runs: int = 0
    forked: float = 0.0

    def add(self, other: Spent) -> None:
        self.tests += other.tests
        self.here += other.here
        self.runs += other.runs
        self.forked += other.forked


SPENT = pytest.StashKey[dict[str, Spent]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SPENT] = defaultdict(Spent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure a test and its new fixtures, in this process, its children, and forks of the server."""
    before, seen = _used(), len(fork_server.CPU_SECONDS)
    try:
        return (yield)
    finally:
        runs = fork_server.CPU_SECONDS[seen:]
        if bundle := bundle_of(item.nodeid):
            item.config.stash[SPENT][bundle].add(Spent(1, _used() - before, len(runs), sum(runs)))


def _used() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the result to the controlling process, if there is one."""
    if hasattr(session.config, "workeroutput"):
        spent = session.config.stash[SPENT]
        session.config.workeroutput["cpu_seconds"] = {bundle: astuple(one) for bundle, one in spent.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the time of another process, unless it crashed."""
    for bundle, numbers in getattr(node, "workeroutput", {}).get("cpu_seconds", {}).items():
        node.config.stash[SPENT][bundle].add(Spent(*numbers))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print one row per bundle."""
    if not config.stash[SPENT]:
        return
    terminalreporter.write_sep("=", f"processor seconds per bundle, of {BUDGET}")
    terminalreporter.write_line(f"{'bundle':32}{'tests':>6}{'seconds':>9}{'runs':>6}{'seconds':>9}{'in all':>9}")
    for bundle, spent in sorted(config.stash[SPENT].items()):
        whole = spent.here + spent.forked
        row = f"{bundle:32}{spent.tests:6}{spent.here:9.1f}{spent.runs:6}{spent.forked:9.1f}{whole:9.1f}"
        terminalreporter.write_line(row + ("  over budget" if whole > BUDGET else ""), red=whole > BUDGET)
