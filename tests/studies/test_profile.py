"""A profile is found and usable before a study begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.errors import UsageError
from scanfill.studies.places import studies_folder
from scanfill.studies.profile import find_profile
from scanfill.studies.run import run_study

if TYPE_CHECKING:
    from pathlib import Path


def test_a_profile_is_found_by_name_or_folder(tmp_path: Path) -> None:
    assert find_profile("slurm") == studies_folder() / "profiles" / "slurm"
    (tmp_path / "config.yaml").write_text("jobs: 3\nexecutor: local\n")
    assert find_profile(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["nope", "", "slrum", "/nowhere", "{x}"])
def test_what_is_no_profile_is_told_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=r"There is no profile .*: pass slurm, or a folder"):
        find_profile(name)


def test_an_executor_that_is_not_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("executor: no-such\n")
    with pytest.raises(UsageError, match="needs snakemake-executor-plugin-no-such, which is not installed"):
        find_profile(str(tmp_path))
    (tmp_path / "config.yaml").write_text("executor: [\n")
    with pytest.raises(UsageError, match="not valid YAML"):
        find_profile(str(tmp_path))


@pytest.mark.parametrize("options", [{"cores": 0}, {"cores": -1}, {"profile": "nope"}])
def test_a_study_with_a_wrong_option_writes_nothing(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        run_study("missing_modality.yaml", tmp_path / "out", smoke=True, dry_run=True, **options)
    assert not list(tmp_path.iterdir())
