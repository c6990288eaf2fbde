"""Processes that die take only their own case with them."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from typing import Any

import pytest

from scanfill.data import side_by_side as module
from scanfill.data.side_by_side import Died, run_alone, side_by_side

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork, which takes no time; there are no threads yet."""
    monkeypatch.setattr(module, "START", "fork")


def job(case: dict[str, Any]) -> str:
    """Return a case's name, or die as the case says."""
    if number := case.get("dies_of"):
        time.sleep(0.1)  # so that another case is in progress
        faulthandler.disable()
        os.kill(os.getpid(), number)
    time.sleep(case.get("takes", 0))
    return str(case["case_id"])


def test_only_the_case_that_kills_its_process_fails() -> None:
    cases: list[dict[str, Any]] = [{"case_id": name} for name in "abcd"]
    cases[1]["dies_of"] = signal.SIGSEGV
    cases[0]["takes"] = 0.5  # in progress while its neighbor dies
    found = dict(side_by_side(cases, job, 2))
    assert {index: found[index] for index in (0, 2, 3)} == {0: "a", 2: "c", 3: "d"}
    died = found[1]
    assert isinstance(died, Died)
    assert "SIGSEGV" in died.reason
    assert "the other cases were not affected" in died.reason


def test_a_process_that_is_killed_is_told_as_lack_of_memory() -> None:
    died = run_alone({"case_id": "a", "dies_of": signal.SIGKILL}, job)
    assert isinstance(died, Died)
    assert "lack of memory" in died.reason
