"""Phantoms on disk."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from scanfill.data.cases import find_cases
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA


def times(folder: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(folder.rglob("*.nii.gz"))]


def test_a_cohort_is_made_once_and_again_when_another_is_asked_for(tmp_path: Path) -> None:
    folder = Path(brain_cohort(tmp_path / "phantoms", cases=2, size=24))
    first = times(folder)
    assert len(first) == 10
    brain_cohort(folder, cases=2, size=24)
    assert times(folder) == first
    brain_cohort(folder, cases=2, size=24, seed=1)
    assert set(times(folder)).isdisjoint(first)


def test_patients_may_lack_a_modality(tmp_path: Path) -> None:
    folder = Path(brain_cohort(tmp_path, cases=2, size=24, without="t1"))
    assert len(times(folder)) == 8
    assert not list(folder.glob("*/*_t1.nii.gz"))
    first = times(folder)
    brain_cohort(folder, cases=2, size=24, without=["t1"])
    assert times(folder) == first
    brain_cohort(folder, cases=2, size=24, without=["flair"])
    assert len(list(folder.glob("*/*_t1.nii.gz"))) == 2
    assert not list(folder.glob("*/*_flair.nii.gz"))


def test_a_cohort_reads_as_brats(tmp_path: Path) -> None:
    cases = find_cases(
        brain_cohort(tmp_path, cases=2, size=24),
        modalities=["t1", "t1ce", "t2", "flair"],
        labels="brats",
        schema=SCHEMA,
    )
    assert [case["case_id"] for case in cases] == ["BraTS20_Training_001", "BraTS20_Training_002"]
    assert {case["label_convention"] for case in cases} == {"brats"}


def test_figures_on_phantoms_carry_the_caveat_and_others_do_not(tmp_path: Path) -> None:
    cases = find_cases(brain_cohort(tmp_path / "phantoms", cases=1, size=24), labels="none", schema=SCHEMA)
    assert phantom_note(cases, SCHEMA) == PHANTOM_NOTE
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "t1.nii.gz")
    assert phantom_note([{"t1": str(tmp_path / "t1.nii.gz")}], SCHEMA) == ""
