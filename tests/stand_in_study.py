"""A small study with a replacement program for its jobs that finishes immediately."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanfill.studies import run
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import read_study
from tiny_cases import regions, save_case

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB = Path(__file__).parent / "stand_in_job.py"
FILE = studies_folder() / "missing_modality.yaml"
STRATEGIES = "subset.strategies=[zero, pairwise, synthetic_trained]"


class StandInStudy:
    """A small study with jobs that finish immediately."""

    def __init__(self, folder: Path, file: Path = FILE, *settings: str) -> None:
        self.file, self.settings = file, settings or ((STRATEGIES,) if file == FILE else ())
        self.folder, self.data = folder / "out", folder / "data"
        self.folder.mkdir()
        self.first: list[str] = []
        for number in range(10):
            self.add_case(number)
        self.job = folder / "a python"  # an interpreter may be in a folder whose name has a space
        self.job.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{JOB}" "$@"\n')
        self.job.chmod(self.job.stat().st_mode | stat.S_IXUSR)

    def add_case(self, number: int) -> None:
        """Add a patient to the data."""
        save_case(self.data / f"BraTS20_Training_{number:03}", label=regions((1, 2, 4)))

    def plan(self, *settings: str) -> dict[str, Any]:
        """Write the plan, with the replacement program for its jobs."""
        plan = run.write_plan(read_study(self.file, [*self.settings, *settings], smoke=True), self.folder, self.data)
        plan["python"] = str(self.job)
        (self.folder / "study.json").write_text(json.dumps(plan))
        return plan

    def go(self, *settings: str, options: Sequence[str] = ()) -> tuple[int, list[str]]:
        """Run all unfinished jobs; return the exit code and the created outputs, in order."""
        self.plan(*settings)
        log = self.folder / "jobs.log"
        log.write_text("")
        with run.alone(self.folder) as lock:
            code = run.snakemake(self.folder, ["--quiet", "all", *options], lock, cores=2)
        return code, log.read_text().split()
