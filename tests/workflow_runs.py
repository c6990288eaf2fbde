"""Runs of a bundle's configs in the process of a test, and what they leave."""

from __future__ import annotations

import csv
import os
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from monai.bundle import ConfigWorkflow

from scanfill.engines.mistakes import find_mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def run_here(configs: list[str], **knobs: Any) -> None:
    """Run a bundle's configs in this process."""
    workflow = ConfigWorkflow(configs, logging_file=False, **knobs)
    workflow.initialize()
    workflow.run()
    workflow.finalize()


@contextmanager
def stopped_by(kind: type[BaseException], match: str) -> Iterator[None]:
    """Expect the message at the end of a run, inside the errors that MONAI wraps around it."""
    with pytest.raises(RuntimeError) as raised:
        yield
    mistake = find_mistake(raised.value)
    assert isinstance(mistake, kind)
    assert re.search(match, str(mistake))


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open() as file:
        return list(csv.DictReader(file))


class KillAt:
    """A transform that kills its process at the case that the environment names, like a machine that goes down."""

    def __call__(self, case: Mapping[str, Any]) -> Mapping[str, Any]:
        if case["case_id"] == os.environ.get("KILLED_AT"):
            signal.raise_signal(signal.SIGKILL)
        return case
