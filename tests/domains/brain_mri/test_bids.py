"""Names of BIDS."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanfill.domains.brain_mri.bids import read_bids_name
from scanfill.domains.brain_mri.naming import recognise_file


@pytest.mark.parametrize(
    ("stem", "role", "case"),
    [
        ("sub-01_acq-mprage_T1w", "t1", "sub-01"),
        ("sub-01_FLAIR", "flair", "sub-01"),
        ("sub-01_run-2_T2w", "t2", "sub-01"),
        ("sub-01_ce-gd_T1w", "t1ce", "sub-01"),
        ("sub-01_ce-none_T1w", "t1", "sub-01"),
        ("sub-01_acq-postcontrast_T1w", "t1ce", "sub-01"),
        ("sub-01_acq-space_T1w", "t1", "sub-01"),
        ("sub-01_ses-pre_acq-x_desc-y_space-z_T1w", "t1", "sub-01_ses-pre"),
        ("SUB-A1_ses-1_rec-norm_part-mag_t1W", "t1", "SUB-A1_ses-1"),
        ("sub-01_space-MNI152NLin2009cAsym_res-2_desc-preproc_T1w", "t1", "sub-01"),
        ("sub-01_t1ce", "t1ce", "sub-01"),
        ("sub-01_ses-1_seg", "label", "sub-01_ses-1"),
        ("sub-01_label-tumor_seg", "label", "sub-01"),
        ("sub-01_mask", "mask", "sub-01"),
        ("sub-01_desc-brain_mask", "mask", "sub-01"),
        ("sub-01_space-T1w_label-brain_mask", "mask", "sub-01"),
        ("sub-01_brain_mask", "mask", "sub-01"),
        ("sub-01_T1w_brain_mask", "mask", "sub-01"),
    ],
)
def test_files_of_one_subject_and_session_are_one_case(stem: str, role: str, case: str) -> None:
    file = recognise_file(Path(f"{stem}.nii.gz"))
    assert file is not None
    assert (file.role, file.case_name) == (role, case)


@pytest.mark.parametrize(
    "stem",
    [
        "sub-01_label-lesion_mask",
        "sub-01_desc-lesion_mask",
        "sub-01_label-GM_mask",
        "sub-01_desc-aseg_seg",
        "sub-01_dseg",
        "sub-01_label-GM_probseg",
        "sub-01_part-phase_T1w",
        "sub-01_T1map",
        "sub-01_T2starw",
        "sub-01_PDw",
        "sub-01_task-rest_bold",
        "sub-01_dwi",
    ],
)
def test_other_images_of_bids_have_no_role(stem: str) -> None:
    assert read_bids_name(stem) is not None
    assert recognise_file(Path(f"{stem}.nii.gz")) is None


@pytest.mark.parametrize("stem", ["sub-01", "sub-01_synthetic_flair", "anna_ses-1_T1w", "sub-01_lesion_mask"])
def test_other_names_are_not_of_bids(stem: str) -> None:
    assert read_bids_name(stem) is None
