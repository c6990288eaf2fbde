"""The SLURM profile, on a SLURM of this machine alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from scanfill.studies import run
from scanfill.studies.places import studies_folder
from slurm_cluster import needs_slurm, slurm_cluster
from stand_in_study import StandInStudy

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = studies_folder() / "profiles" / "slurm"
QUICK = {"slurm-init-seconds-before-status-checks": 2, "seconds-between-status-checks": 2, "latency-wait": 10}


def test_the_profile_names_the_executor() -> None:
    assert yaml.safe_load((PROFILE / "config.yaml").read_text())["executor"] == "slurm"


@needs_slurm
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_runs_on_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    study = StandInStudy(tmp_path)
    study.plan("subset.strategies=[zero]", "subset.targets=[flair]")
    profile = tmp_path / "profile"
    shutil.copytree(PROFILE, profile)
    content = yaml.safe_load((profile / "config.yaml").read_text())
    (profile / "config.yaml").write_text(yaml.safe_dump(content | QUICK))
    with slurm_cluster(tmp_path, monkeypatch), run.alone(study.folder) as lock:
        code = run.snakemake(study.folder, [], lock, profile=str(profile))
    assert code == 0
    assert (study.folder / "scores" / "seed_0" / "ensemble.csv").is_file()
    jobs = sorted((study.folder / "jobs.log").read_text().split())
    assert len(jobs) == len(set(jobs)) == 9  # 2 trainings, 4 predictions, 2 scorings, 1 ensemble
    assert capfd.readouterr().err.count("submitted with SLURM jobid") == len(jobs)
