"""Brain tumor cases in the layout of nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanfill.data.cases import find_cases, find_cohort
from scanfill.data.nnunet import NnunetDataset
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.naming import recognise_modality
from scanfill.domains.brain_mri.nnunet_cases import convention_of
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import MODALITIES, SHAPE, image, regions, save

ORDER = {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
MSD = {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"}


def write(root: Path, about: Any = None, cases: tuple[str, ...] = ("anna", "ben")) -> Path:
    """A data set with FLAIR, T1, T1CE, T2 as channels 0 to 3, labels in the order of the Decathlon."""
    for seed, case in enumerate(cases):
        for number, key in enumerate(("flair", "t1", "t1ce", "t2")):
            save(root / "imagesTr" / f"{case}_{number:04d}.nii.gz", image(key, seed))
        save(root / "labelsTr" / f"{case}.nii.gz", regions((2, 1, 3)))
    if about is not None:
        (root / "dataset.json").write_text(json.dumps(about))
    return root


def test_channels_and_labels_are_read_as_the_data_set_states(tmp_path: Path) -> None:
    anna, ben = find_cases(write(tmp_path, {"modality": ORDER, "labels": MSD}), MODALITIES, schema=SCHEMA)
    assert (anna["case_id"], ben["patient"]) == ("anna", "ben")
    assert anna["t1ce"].endswith("anna_0002.nii.gz")
    assert anna["label_convention"] == anna["output_labels"] == "msd"
    read = ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(anna)
    for key in MODALITIES:
        np.testing.assert_array_equal(read[key].numpy()[0], image(key, 0))
    np.testing.assert_array_equal(read["label"].numpy()[0], regions((1, 2, 3)))


@pytest.mark.parametrize("place", ["imagesTr", "."])
def test_the_folder_of_the_images_may_be_given(tmp_path: Path, place: str) -> None:
    folder = write(tmp_path, {"channel_names": ORDER, "labels": MSD}) / place
    assert [case["case_id"] for case in find_cases(folder, schema=SCHEMA)] == ["anna", "ben"]


def test_test_images_are_cases_without_label(tmp_path: Path) -> None:
    write(tmp_path, {"channel_names": ORDER, "labels": MSD})
    (tmp_path / "imagesTr").rename(tmp_path / "imagesTs")
    assert not any("label" in case for case in find_cases(tmp_path, labels="none", schema=SCHEMA))


def test_an_inference_folder_needs_a_data_set_too(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "imagesTr").rename(tmp_path / "input")
    with pytest.raises(CaseError, match=r"input holds files named as for nnU-Net.*no .*dataset.json"):
        find_cases(tmp_path / "input", schema=SCHEMA)
    (tmp_path / "input" / "dataset.json").write_text(json.dumps({"channel_names": ORDER}))
    assert len(find_cases(tmp_path / "input", schema=SCHEMA)) == 2


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, r"which number is which image is unknown"),
        (
            {"channel_names": {"0": "MRI", "1": "b"}},
            r"names the channels 0: 'MRI', 1: 'b', none of which is a known modality",
        ),
        ({"channel_names": ORDER | {"3": "T1CE"}}, r"names two channels as the same modality"),
    ],
)
def test_channels_are_never_guessed(tmp_path: Path, about: Any, message: str) -> None:
    with pytest.raises(CaseError, match=message) as caught:
        find_cases(write(tmp_path, about), schema=SCHEMA)
    assert "four_to_three" not in str(caught.value)


def test_a_missing_channel_and_two_files_for_one_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"channel_names": ORDER, "labels": MSD})
    (tmp_path / "imagesTr" / "anna_0003.nii.gz").unlink()
    save(tmp_path / "imagesTr" / "ben_0003.nii", image("t2", 5))
    with pytest.raises(CaseError, match=r"(?s)Case 'anna' has no t2 image.*Case 'ben' has 2 files for t2"):
        find_cases(tmp_path, MODALITIES, schema=SCHEMA)


def test_channels_that_are_no_modality_are_listed_as_ignored(tmp_path: Path) -> None:
    cohort = find_cohort(write(tmp_path, {"channel_names": ORDER | {"3": "ADC"}, "labels": MSD}), schema=SCHEMA)
    assert "Ignored" in cohort.describe()
    assert "anna_0003.nii.gz" in cohort.describe()


def test_a_mask_of_the_case_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"channel_names": ORDER, "labels": MSD})
    save(tmp_path / "imagesTr" / "anna_mask.nii.gz", np.ones(SHAPE, np.uint8))
    anna, ben = find_cases(tmp_path, schema=SCHEMA)
    assert anna["mask"].endswith("anna_mask.nii.gz")
    assert "mask" not in ben


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("T1", "t1"),
        ("T1w", "t1"),
        ("T1-weighted", "t1"),
        ("MRI T1", "t1"),
        ("T1 native", "t1"),
        ("T1CE", "t1ce"),
        ("T1Gd", "t1ce"),
        ("t1c", "t1ce"),
        ("T1-ce", "t1ce"),
        ("T1 post contrast", "t1ce"),
        ("T1w (contrast-enhanced)", "t1ce"),
        ("CE-T1w", "t1ce"),
        ("post-contrast T1", "t1ce"),
        ("T2", "t2"),
        ("T2W", "t2"),
        ("T2-weighted", "t2"),
        ("FLAIR", "flair"),
        ("T2-FLAIR", "flair"),
        ("t2f", "flair"),
        ("mr_flair", "flair"),
        ("MRI", None),
        ("CT", None),
        ("ADC", None),
        ("T1map", None),
        ("0", None),
        ("label", None),
    ],
)
def test_names_of_channels_are_understood(name: str, role: str | None) -> None:
    assert recognise_modality(name) == role


@pytest.mark.parametrize(
    ("labels", "convention"),
    [
        ({"background": (0,), "edema": (1,), "non-enhancing tumor": (2,), "enhancing tumour": (3,)}, "msd"),
        ({"NCR": (1,), "ED": (2,), "ET": (3,)}, "brats2023"),
        ({"necrotic core": (1,), "peritumoral edema": (2,), "GD-enhancing tumor": (4,)}, "brats"),
        ({"whole tumor": (1, 2, 3), "tumor core": (2, 3), "enhancing tumor": (3,)}, "msd"),
        ({"whole tumor": (1, 2, 3), "tumor core": (1, 3), "enhancing tumor": (3,)}, "brats2023"),
        ({"tumor": (1,)}, None),
        ({"whole tumor": (1, 2), "enhancing tumor": (2,)}, None),
        ({}, None),
    ],
)
def test_the_meaning_of_labels_is_read_from_their_names(
    labels: dict[str, tuple[int, ...]], convention: str | None
) -> None:
    assert convention_of(NnunetDataset(Path("dataset.json"), {}, labels)) == convention
