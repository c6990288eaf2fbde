"""Processor seconds that the tests of each bundle take, printed at the end: what a bundle adds to ``make test``.

A plugin. Nothing fails for its time: a busy or slow machine would decide. Whoever adds a bundle reads the table.
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
"""Of one bundle, on a quiet machine: nine of them then leave most of ten minutes on two cores to everything else."""


@dataclass
class Spent:
    """By tests that have a bundle's name among their parameters."""

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
    """Count what a test and the fixtures made for it take, in this process, its children, and forks of the server."""
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
    """Send it to the process that shares the tests out, where there is one."""
    if hasattr(session.config, "workeroutput"):
        spent = session.config.stash[SPENT]
        session.config.workeroutput["cpu_seconds"] = {bundle: astuple(one) for bundle, one in spent.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what another process spent; one that crashed does not say."""
    for bundle, numbers in getattr(node, "workeroutput", {}).get("cpu_seconds", {}).items():
        node.config.stash[SPENT][bundle].add(Spent(*numbers))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a row a bundle."""
    if not config.stash[SPENT]:
        return
    terminalreporter.write_sep("=", f"processor seconds per bundle, of {BUDGET}")
    terminalreporter.write_line(f"{'bundle':32}{'tests':>6}{'seconds':>9}{'runs':>6}{'seconds':>9}{'in all':>9}")
    for bundle, spent in sorted(config.stash[SPENT].items()):
        whole = spent.here + spent.forked
        row = f"{bundle:32}{spent.tests:6}{spent.here:9.1f}{spent.runs:6}{spent.forked:9.1f}{whole:9.1f}"
        terminalreporter.write_line(row + ("  over budget" if whole > BUDGET else ""), red=whole > BUDGET)
