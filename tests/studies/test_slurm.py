"""The SLURM profile, on a SLURM that is there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from test_workflow import Study

from scanfill.studies import run
from scanfill.studies.plan import studies_folder

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = studies_folder() / "profiles" / "slurm"


def test_the_profile_names_the_executor() -> None:
    assert yaml.safe_load((PROFILE / "config.yaml").read_text())["executor"] == "slurm"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("sbatch") is None, reason="SLURM is not installed: no sbatch")
def test_a_study_runs_on_slurm(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.plan("subset.strategies=[zero]", "subset.targets=[flair]")
    profile = tmp_path / "profile"
    shutil.copytree(PROFILE, profile)
    content = yaml.safe_load((profile / "config.yaml").read_text())
    quick = {"slurm-init-seconds-before-status-checks": 2, "seconds-between-status-checks": 2, "latency-wait": 5}
    (profile / "config.yaml").write_text(yaml.safe_dump(content | quick))
    with run.alone(study.folder) as lock:
        code = run.snakemake(study.folder, [], lock, profile=str(profile))
    assert code == 0
    assert (study.folder / "scores" / "seed_0" / "ensemble.csv").is_file()
