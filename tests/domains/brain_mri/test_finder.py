"""From a folder to a list of cases."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from monai.transforms import Compose

from scanfill.data.cases import find_cases, find_cohort
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from scanfill.transforms.normalize import NormalizeInMaskd
from tiny_cases import MODALITIES, REAL_DATA, SHAPE, image, regions, save, save_case

if TYPE_CHECKING:
    from typing import Any

BRATS, BRATS2023 = (1, 2, 4), (1, 2, 3)
GLI_NAMES = ("t1n", "t1c", "t2w", "t2f")


def brats20(folder: Path, *numbers: int, values: tuple[int, ...] = BRATS) -> Path:
    for number in numbers:
        name = f"BraTS20_Training_{number:03d}"
        save_case(folder / name, f"{name}_", label=regions(values))
    return folder


def gli(folder: Path, *names: str, values: tuple[int, ...] = BRATS2023) -> Path:
    for name in names:
        save_case(folder / name, f"{name}-", GLI_NAMES, label=regions(values))
    return folder


def test_case_is_a_dictionary_of_absolute_paths(tmp_path: Path) -> None:
    (case,) = find_cases(brats20(tmp_path, 1), schema=SCHEMA)
    stem = tmp_path / "BraTS20_Training_001" / "BraTS20_Training_001"
    assert case == {
        "case_id": "BraTS20_Training_001",
        "patient": "BraTS20_Training_001",
        **{modality: f"{stem}_{modality}.nii.gz" for modality in MODALITIES},
        "label": f"{stem}_seg.nii.gz",
        "label_convention": "brats",
        "output_labels": "brats",
        "synthetic": [],
    }


def test_names_of_2023_give_the_same_keys(tmp_path: Path) -> None:
    first, second = find_cases(gli(tmp_path, "BraTS-GLI-00002-000", "BraTS-GLI-00002-001"), schema=SCHEMA)
    assert first["flair"].endswith("BraTS-GLI-00002-000-t2f.nii.gz")
    assert first["t1ce"].endswith("-t1c.nii.gz")
    assert first["label_convention"] == "brats2023"
    assert first["patient"] == second["patient"] == "BraTS-GLI-00002"


def test_plain_names_take_the_name_of_the_folder(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        save_case(tmp_path / name, label=regions(BRATS), label_name="label")
    assert [case["case_id"] for case in find_cases(tmp_path, schema=SCHEMA)] == ["anna", "ben"]


def test_folder_of_one_case_is_a_cohort_of_one(tmp_path: Path) -> None:
    save_case(tmp_path / "anna")
    (case,) = find_cases(tmp_path / "anna", schema=SCHEMA)
    assert case["case_id"] == "anna"
    assert "label" not in case


def test_nested_folders_are_searched(tmp_path: Path) -> None:
    brats20(tmp_path / "HGG", 1)
    brats20(tmp_path / "LGG", 2)
    assert [case["case_id"] for case in find_cases(tmp_path, schema=SCHEMA)] == [
        "BraTS20_Training_001",
        "BraTS20_Training_002",
    ]


def test_one_folder_may_hold_the_files_of_many_cases(tmp_path: Path) -> None:
    for name in ("BraTS-GLI-00002-000", "BraTS-GLI-00003-000"):
        save_case(tmp_path, f"{name}-", GLI_NAMES, label=regions(BRATS2023))
    cases = find_cases(tmp_path, schema=SCHEMA)
    assert [case["case_id"] for case in cases] == ["BraTS-GLI-00002-000", "BraTS-GLI-00003-000"]
    assert all(Path(case[key]).name.startswith(case["case_id"]) for case in cases for key in (*MODALITIES, "label"))


def test_brats_2013_has_a_folder_for_each_file(tmp_path: Path) -> None:
    case = tmp_path / "HGG" / "brats_2013_pat0001_1"
    for number, name in enumerate(("MR_T1", "MR_T1c", "MR_T2", "MR_Flair")):
        stem = f"VSD.Brain.XX.O.{name}.{54512 + number}"
        save(case / stem / f"{stem}.nii.gz", image(MODALITIES[number], 0))
    label = regions((1, 2, 4))
    label[5, 4:8, 4:8] = 3
    save(case / "VSD.Brain_3more.XX.O.OT.54517" / "VSD.Brain_3more.XX.O.OT.54517.nii.gz", label)
    (found,) = find_cases(tmp_path, schema=SCHEMA)
    assert found["case_id"] == "brats_2013_pat0001_1"
    assert found["label_convention"] == "brats2013"
    assert "MR_T1c" in found["t1ce"]


def test_hidden_files_and_other_files_are_left_aside(tmp_path: Path) -> None:
    folder = brats20(tmp_path, 1) / "BraTS20_Training_001"
    (folder / "._BraTS20_Training_001_t1.nii.gz").write_bytes(b"\0")
    (folder / "notes.txt").write_text("")
    save(folder / "T1_to_MNI.nii.gz", image("t1", 5))
    save_case(tmp_path / ".cache")
    assert len(find_cases(tmp_path, schema=SCHEMA)) == 1


def test_label_by_an_algorithm_is_not_taken(tmp_path: Path) -> None:
    save(save_case(tmp_path / "anna") / "seg_auto_x.nii.gz", regions(BRATS))
    save(save_case(tmp_path / "ben") / "ben_pred_seg.nii.gz", regions(BRATS))
    cohort = find_cohort(tmp_path, schema=SCHEMA)
    assert not any("label" in case for case in cohort.cases)
    assert "seg_auto_x" in cohort.describe()
    assert "ben_pred_seg" in cohort.describe()


def test_label_of_another_name_is_taken_where_it_is_the_only_one(tmp_path: Path) -> None:
    folder = save_case(tmp_path / "BraTS20_Training_355", "BraTS20_Training_355_")
    save(folder / "W39_1998.09.19_Segm.nii", regions(BRATS))
    (case,) = find_cases(tmp_path, schema=SCHEMA)
    assert case["label"].endswith("Segm.nii")


def test_mask_is_found(tmp_path: Path) -> None:
    save(save_case(tmp_path / "anna") / "brain_mask.nii.gz", np.ones(SHAPE, np.uint8))
    assert find_cases(tmp_path, schema=SCHEMA)[0]["mask"].endswith("brain_mask.nii.gz")


def test_only_wanted_modalities_are_listed(tmp_path: Path) -> None:
    brats20(tmp_path, 1)
    for wanted in (["t2", "flair"], "t2,flair", "t2 flair"):
        (case,) = find_cases(tmp_path, wanted, schema=SCHEMA)
        assert [key for key in MODALITIES if key in case] == ["t2", "flair"]


def test_labels_none_reads_no_voxel(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    for name in (*MODALITIES, "seg"):
        (tmp_path / "anna" / f"{name}.nii.gz").write_bytes(b"no image")
    for labels in ("none", None):
        (case,) = find_cases(tmp_path, labels=labels, schema=SCHEMA)
        assert "label" not in case


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("BraTS-GLI-00001-000", "brats2023"),
        ("BRATS_001", "msd"),
        ("BraTS20_Validation_001", "brats"),
        ("anna", "brats"),
    ],
)
def test_predictions_follow_the_naming_where_there_is_no_label(tmp_path: Path, name: str, output: str) -> None:
    save_case(tmp_path / name)
    assert find_cases(tmp_path, schema=SCHEMA)[0]["output_labels"] == output


def test_predictions_follow_the_label_where_there_is_one(tmp_path: Path) -> None:
    save_case(tmp_path / "anna", label=regions((2, 1, 3)))
    assert find_cases(tmp_path, labels="msd", schema=SCHEMA)[0]["output_labels"] == "msd"


# --- which patient --------------------------------------------------------------------------------------------------


def test_patient_by_expression(tmp_path: Path) -> None:
    for name in ("anna_1", "anna_2", "ben_1"):
        save_case(tmp_path / name)
    for pattern in ("^[^_]+", "^([a-z]+)_"):
        assert [case["patient"] for case in find_cases(tmp_path, patient_regex=pattern, schema=SCHEMA)] == [
            "anna",
            "anna",
            "ben",
        ]
    with pytest.raises(CaseError, match=r"finds no patient in the case name 'ben_1'"):
        find_cases(tmp_path, patient_regex="anna", schema=SCHEMA)
    with pytest.raises(CaseError, match=r"is not a regular expression"):
        find_cases(tmp_path, patient_regex="(", schema=SCHEMA)


def test_patient_by_table(tmp_path: Path) -> None:
    for name in ("scan1", "scan2"):
        save_case(tmp_path / name)
    table = tmp_path / "participants.tsv"
    table.write_text("participant_id\tage\nscan1\t50\n")
    assert [case["patient"] for case in find_cases(tmp_path, schema=SCHEMA)] == ["scan1", "scan2"]
    table.write_text("case_id\tpatient\nscan1\tanna\nscan2\tanna\n")
    assert [case["patient"] for case in find_cases(tmp_path, schema=SCHEMA)] == ["anna", "anna"]
    table.write_text("case_id\tpatient\nscan1\tanna\n")
    with pytest.raises(CaseError, match=r"participants.tsv has no patient for scan2 \(1 of 2 cases\)"):
        find_cases(tmp_path, schema=SCHEMA)


def test_mapping_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="scanfill"):
        find_cases(gli(tmp_path, "BraTS-GLI-00002-000", "BraTS-GLI-00002-001"), schema=SCHEMA)
    assert "2 cases of 1 patients" in caplog.text
    assert "BraTS-GLI-00002: BraTS-GLI-00002-000, BraTS-GLI-00002-001" in caplog.text
    assert "Label convention brats2023: values [1, 2, 3] under BraTS-GLI-* naming." in caplog.text


def test_same_voxels_under_two_patients_are_refused(tmp_path: Path) -> None:
    save_case(tmp_path / "anna", seed=1)
    save_case(tmp_path / "ben", names=("t1", "other", "t2", "flair"), seed=1)
    with pytest.raises(CaseError, match=r"Cases 'anna' and 'ben' have .* the same t1 image.*'anna' and 'ben'"):
        find_cases(tmp_path, schema=SCHEMA)
    assert len(find_cases(tmp_path, patient_regex="n", schema=SCHEMA)) == 2
    assert len(find_cases(tmp_path, check=False, schema=SCHEMA)) == 2


def test_same_voxels_of_one_patient_are_allowed(tmp_path: Path) -> None:
    for name in ("BraTS-GLI-00002-000", "BraTS-GLI-00002-001"):
        save_case(tmp_path / name, f"{name}-", GLI_NAMES, seed=1)
    assert len(find_cases(tmp_path, schema=SCHEMA)) == 2


def test_copies_are_found_where_no_modality_is_common(tmp_path: Path) -> None:
    save_case(tmp_path / "anna", names=("t1", "t1ce"), seed=1)
    save_case(tmp_path / "ben", names=("t1",), seed=1)
    save_case(tmp_path / "carl", names=("x", "x", "t2"), seed=1)
    with pytest.raises(CaseError, match=r"Cases 'anna' and 'ben' have voxel for voxel the same t1 image"):
        find_cases(tmp_path, schema=SCHEMA)


# --- what the labels mean -------------------------------------------------------------------------------------------


def test_doubtful_labels_are_refused_unless_stated(tmp_path: Path) -> None:
    gli(tmp_path, "BraTS-GLI-00002-000", values=BRATS)
    with pytest.raises(CaseError, match=r"resection cavity.*--labels brats2024"):
        find_cases(tmp_path, schema=SCHEMA)
    assert find_cases(tmp_path, labels="brats", schema=SCHEMA)[0]["label_convention"] == "brats"


def test_stated_convention_must_fit_the_values(tmp_path: Path) -> None:
    brats20(tmp_path, 1)
    with pytest.raises(
        CaseError, match=r"Case 'BraTS20_Training_001': label \(.*seg.nii.gz\) contains the value 4, which"
    ):
        find_cases(tmp_path, labels="brats2023", schema=SCHEMA)


@pytest.mark.parametrize(
    ("label", "message"),
    [(regions((1, 2, 7)), "value 7, which is not in any label convention"), (regions() / 2, "fractional value 0.5")],
)
def test_label_that_nobody_understands_is_named(tmp_path: Path, label: np.ndarray, message: str) -> None:
    save_case(tmp_path / "anna", label=label)
    with pytest.raises(CaseError, match=rf"^Case 'anna': label \(.*seg.nii.gz\) (holds|contains) the {message}"):
        find_cases(tmp_path, schema=SCHEMA)


@pytest.mark.parametrize("cases", [1, 3])
def test_enhancing_tumour_that_does_not_enhance_is_refused(tmp_path: Path, cases: int) -> None:
    for number in range(cases):
        save_case(tmp_path / f"BraTS20_Training_{number}", label=regions((4, 2, 1)))
    with pytest.raises(CaseError, match=rf"'brats' the enhancing tumor \(CET\) does not enhance.*over {cases} cases"):
        find_cases(tmp_path, schema=SCHEMA)
    assert len(find_cases(tmp_path, check=False, schema=SCHEMA)) == cases


def test_cavity_brighter_than_the_enhancing_tumour_is_refused(tmp_path: Path) -> None:
    label = regions((1, 2, 4))
    label[5, 4:8, 4:8] = 3
    label[4, 4:8, 4:8] = 3
    save_case(tmp_path / "BraTS-GLI-00002-000", label=label)
    with pytest.raises(CaseError, match=r"SD against the resection cavity"):
        find_cases(tmp_path, labels="brats2024", schema=SCHEMA)


def test_convention_without_any_enhancing_tumour_is_noted(tmp_path: Path) -> None:
    cohort = find_cohort(brats20(tmp_path, 1), labels="brats2024", schema=SCHEMA)
    assert "No case has enhancing tumor (CET) in this convention" in cohort.describe()
    assert "No case has" not in find_cohort(tmp_path, schema=SCHEMA).describe()


# --- what is wrong with a folder ------------------------------------------------------------------------------------


def test_no_folder_and_no_cases_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"No cases found: the folder .*nowhere does not exist"):
        find_cases(tmp_path / "nowhere", schema=SCHEMA)
    (tmp_path / "readme.md").write_text("")
    with pytest.raises(CaseError, match=r"No cases found in .*: looked for .*t1.nii.gz.*the folder holds readme.md"):
        find_cases(tmp_path, schema=SCHEMA)


def test_missing_modality_is_named_with_what_was_found(tmp_path: Path) -> None:
    save_case(tmp_path / "anna", names=("t1", "t1ce"))
    with pytest.raises(
        CaseError, match=r"Case 'anna' has no t2 and no flair image: looked in .*anna, found t1.nii.gz, t1ce"
    ):
        find_cases(tmp_path, MODALITIES, schema=SCHEMA)
    assert "t2" not in find_cases(tmp_path, schema=SCHEMA)[0]


def test_unknown_modality_and_convention_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"Unknown modality 't1gd': choose from t1, t1ce"):
        find_cases(tmp_path, ["t1gd"], schema=SCHEMA)
    with pytest.raises(CaseError, match=r"Unknown label convention 'brats22'"):
        find_cases(tmp_path, labels="brats22", schema=SCHEMA)


def test_two_files_for_one_modality_are_refused(tmp_path: Path) -> None:
    save(save_case(tmp_path / "anna") / "t1c.nii", image("t1ce", 7))
    with pytest.raises(CaseError, match=r"Case 'anna' has 2 files for t1ce: .*t1c.nii, .*t1ce.nii.gz"):
        find_cases(tmp_path, schema=SCHEMA)


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    save_case(tmp_path / "site1" / "Anna")
    save_case(tmp_path / "site2" / "anna")
    with pytest.raises(
        CaseError, match=r"Two cases have the same name: 'Anna' in .*site1/Anna and 'anna' in .*site2/anna"
    ):
        find_cases(tmp_path, schema=SCHEMA)


def test_images_of_unknown_names_are_not_lost_in_silence(tmp_path: Path) -> None:
    save_case(tmp_path / "anna")
    save(tmp_path / "ben" / "scan.nii.gz", image("t1", 0))
    with pytest.raises(CaseError, match=r"Case 'ben' has no image with a known name: .*ben holds scan.nii.gz"):
        find_cases(tmp_path, schema=SCHEMA)


def test_msd_with_four_channels_says_how_to_split(tmp_path: Path) -> None:
    save(tmp_path / "imagesTr" / "BRATS_001.nii.gz", np.ones((*SHAPE, 4), np.float32))
    with pytest.raises(CaseError, match=r"four modalities each.*flair, t1, t1ce, t2"):
        find_cases(tmp_path, schema=SCHEMA)


def test_incomplete_case_may_be_kept_for_its_turn(tmp_path: Path) -> None:
    save_case(tmp_path / "anna", names=("t1", "t1ce"))
    save_case(tmp_path / "ben")
    anna, ben = find_cases(tmp_path, MODALITIES, labels="none", strict=False, schema=SCHEMA)
    assert "problem" not in ben
    with pytest.raises(CaseError, match=r"^Case 'anna' has no t2 and no flair image: looked in"):
        ReadCased(MODALITIES, schema=SCHEMA)(anna)


def test_unreadable_label_is_named(tmp_path: Path) -> None:
    label = save_case(tmp_path / "anna", label=regions(BRATS)) / "seg.nii.gz"
    label.write_bytes(label.read_bytes()[:50])
    with pytest.raises(CaseError, match=r"Case 'anna': label \(.*seg.nii.gz, 50 bytes\) cannot be read"):
        find_cases(tmp_path, schema=SCHEMA)


# --- real cases -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the shared sample data are not on this machine")
@pytest.mark.parametrize(
    ("folder", "count", "convention"),
    [
        ("brats_2mm", 15, "brats"),
        ("brats_1mm", 3, "brats"),
        ("msd_partial", 2, "msd"),
        ("brats_unlabelled_2mm", 4, None),
    ],
)
def test_real_cases_pass_every_check(folder: str, count: int, convention: str | None) -> None:
    cases = find_cases(REAL_DATA / folder, MODALITIES, schema=SCHEMA)
    assert len({case["patient"] for case in cases}) == count
    assert {case.get("label_convention") for case in cases} == {convention}
    label_key = "label" if convention else None
    prepare = Compose([ReadCased(MODALITIES, label_key=label_key, schema=SCHEMA), NormalizeInMaskd(MODALITIES)])
    for case in cases:
        result: dict[str, Any] = prepare(case)
        stack = np.stack([result[modality].numpy() for modality in MODALITIES])
        mask = result["mask"].numpy() != 0
        assert 0.2 < mask.mean() < 0.8
        assert (stack[:, ~mask] == 0).all()
        for channel in stack:
            measured = channel[channel != 0].astype(np.float64)
            assert abs(measured.mean()) < 1e-2
            assert abs(measured.std() - 1) < 1e-2
        if label_key:
            assert set(np.unique(result["label"].numpy())) == {0, 1, 2, 3}


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the shared sample data are not on this machine")
def test_real_labels_read_the_same_by_hand() -> None:
    import nibabel as nib  # noqa: PLC0415 - a second way, for this test only

    (case, *_) = find_cases(REAL_DATA / "msd_partial", MODALITIES, schema=SCHEMA)
    raw = np.asarray(nib.load(case["label"]).dataobj)
    label = ReadCased("t1", label_key="label", schema=SCHEMA)(case)["label"].numpy()[0]
    np.testing.assert_array_equal(label, np.select([raw == 1, raw == 2, raw == 3], [2, 1, 3], 0))
    assert json.dumps(case)  # a case is plain data
