"""What names say."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanfill.domains.brain_mri.naming import names_a_case, patient_of, recognise_case, recognise_file


@pytest.mark.parametrize(
    ("name", "role", "case"),
    [
        ("t1.nii.gz", "t1", ""),
        ("T1CE.nii", "t1ce", ""),
        ("flair.mha", "flair", ""),
        ("Brats17_CBICA_AAB_1_t1ce.nii.gz", "t1ce", "Brats17_CBICA_AAB_1"),
        ("BraTS20_Training_001_t1ce.nii", "t1ce", "BraTS20_Training_001"),
        ("BraTS20_Training_001_t1.nii", "t1", "BraTS20_Training_001"),
        ("BraTS20_Training_001_seg.nii", "label", "BraTS20_Training_001"),
        ("W39_1998.09.19_Segm.nii", "label", "W39_1998.09.19"),
        ("BraTS2021_00000_flair.nii.gz", "flair", "BraTS2021_00000"),
        ("BraTS-GLI-00002-000-t1n.nii.gz", "t1", "BraTS-GLI-00002-000"),
        ("BraTS-GLI-00002-000-t1c.nii.gz", "t1ce", "BraTS-GLI-00002-000"),
        ("BraTS-GLI-00002-000-t2w.nii.gz", "t2", "BraTS-GLI-00002-000"),
        ("BraTS-GLI-00002-000-t2f.nii.gz", "flair", "BraTS-GLI-00002-000"),
        ("BraTS-GLI-00002-000-seg.nii.gz", "label", "BraTS-GLI-00002-000"),
        ("UPENN-GBM-00001_11_T1GD.nii.gz", "t1ce", "UPENN-GBM-00001_11"),
        ("TCGA-02-0003_1997.06.08_t1Gd.nii.gz", "t1ce", "TCGA-02-0003_1997.06.08"),
        ("VSD.Brain.XX.O.MR_T1c.54514.mha", "t1ce", ""),
        ("VSD.Brain.XX.O.MR_T1.54513.mha", "t1", ""),
        ("VSD.Brain_3more.XX.O.OT.54517.mha", "label", ""),
        ("sub-01_ses-1_T1w.nii.gz", "t1", "sub-01_ses-1"),
        ("sub-01_ce-gd_T1w.nii.gz", "t1ce", "sub-01"),
        ("sub-01_ce-gd_run-1_T1w.nii.gz", "t1ce", "sub-01"),
        ("anna_t2_flair.nii.gz", "flair", "anna"),
        ("anna_t1_ce.nii.gz", "t1ce", "anna"),
        ("brain_mask.nii.gz", "mask", ""),
        ("anna_brainmask.nrrd", "mask", "anna"),
        ("label.nii.gz", "label", ""),
    ],
)
def test_file_is_recognised(name: str, role: str, case: str) -> None:
    file = recognise_file(Path("folder") / name)
    assert file is not None
    assert (file.role, file.case_name) == (role, case)


@pytest.mark.parametrize(
    "name", ["seg_auto_brats23_1.nii.gz", "scan.nii.gz", "BRATS_001.nii.gz", "t1n-voided.nii.gz", "at1.nii"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert recognise_file(Path(name)) is None


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("a_seg.nii", True),
        ("a_automated_approx_segm.nii.gz", False),
        ("a_pred_seg.nii", False),
        ("autumn_seg.nii", True),
    ],
)
def test_label_by_an_algorithm_is_no_truth(name: str, truth: bool) -> None:
    file = recognise_file(Path(name))
    assert file is not None
    assert file.is_truth == truth


@pytest.mark.parametrize(
    ("case_id", "naming"),
    [
        ("BRATS_009", "msd"),
        ("Brats18_CBICA_ABM_1", "brats"),
        ("BraTS20_Training_001", "brats"),
        ("BraTS2021_00000", "brats"),
        ("brats_2013_pat0001_1", "brats2013"),
        ("brats_tcia_pat105_0001", "brats2013"),
        ("BraTS-GLI-00002-000", "brats2023"),
        ("BraTS-PED-00002-000", "brats_other"),
        ("BraTS-MEN-RT-0001-1", "brats_other"),
        ("BraTS-GoAT-00001", "brats_other"),
        ("TCGA-DU-7294", "plain"),
        ("case1", "plain"),
    ],
)
def test_family_of_a_case(case_id: str, naming: str) -> None:
    assert recognise_case(case_id) == naming


@pytest.mark.parametrize(
    ("case_id", "patient"),
    [
        ("BraTS-GLI-00002-000", "BraTS-GLI-00002"),
        ("BraTS-GLI-02060-101", "BraTS-GLI-02060"),
        ("BraTS-MEN-RT-0001-1", "BraTS-MEN-RT-0001"),
        ("BraTS-GoAT-00001", "BraTS-GoAT-00001"),
        ("BraTS20_Training_001", "BraTS20_Training_001"),
        ("TCGA-DU-7294", "TCGA-DU-7294"),
        ("anna-001", "anna-001"),
    ],
)
def test_patient_is_the_name_without_the_visit_where_the_naming_has_one(case_id: str, patient: str) -> None:
    assert patient_of(case_id) == patient


def test_only_known_names_replace_the_name_of_the_folder() -> None:
    assert names_a_case("BraTS20_Training_001")
    assert names_a_case("sub-01_ses-1")
    assert not names_a_case("scan")
