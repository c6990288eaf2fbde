"""The layout of nnU-Net, whatever the organ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scanfill.data.nnunet import group_channels, has_channels, labels_folder, read_dataset
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path


def images(folder: Path, content: Any = None) -> Path:
    (folder / "imagesTr").mkdir()
    if content is not None:
        (folder / "dataset.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / "imagesTr"


@pytest.mark.parametrize(
    ("stated", "channels"),
    [
        ({"channel_names": {"0": "T1", "1": "CT"}}, {0: "T1", 1: "CT"}),
        ({"modality": {"0": "FLAIR"}}, {0: "FLAIR"}),
        ({"modality": ["T1", "T2"]}, {0: "T1", 1: "T2"}),
        ({"channel_names": {"T1": 0, "T2": 1}}, {0: "T1", 1: "T2"}),
    ],
)
def test_channels_are_read_from_both_versions(tmp_path: Path, stated: dict[str, Any], channels: dict[int, str]) -> None:
    assert read_dataset(images(tmp_path, stated)).channels == channels


@pytest.mark.parametrize(
    ("stated", "labels"),
    [
        ({"background": 0, "x": 2}, {"background": (0,), "x": (2,)}),
        ({"0": "background", "2": "x"}, {"background": (0,), "x": (2,)}),
        ({"whole": [1, 2]}, {"whole": (1, 2)}),
    ],
)
def test_labels_are_read_from_both_versions(tmp_path: Path, stated: dict[str, Any], labels: dict[str, Any]) -> None:
    assert read_dataset(images(tmp_path, {"channel_names": {"0": "x"}, "labels": stated})).labels == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            r"imagesTr holds files named as for nnU-Net .*, but there is no .*dataset.json.*\"channel_names\": \{\"0\"",
        ),
        ("{", r"dataset.json cannot be used"),
        ("[1]", r"dataset.json cannot be used"),
        ({"channel_names": {"first": "T1"}}, r"dataset.json cannot be used"),
        ({"labels": {}}, r"dataset.json has neither channel_names nor modality"),
    ],
)
def test_what_is_needed_is_told(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        read_dataset(images(tmp_path, content))


def test_channels_of_a_case_belong_together(tmp_path: Path) -> None:
    folder = images(tmp_path)
    paths = [folder / name for name in ("a_0000.nii.gz", "a_0001.nii.gz", "b_c_0000.nrrd", "a_0001.nii", "stray.nii")]
    assert group_channels(paths) == {"a": {0: [paths[0]], 1: [paths[1], paths[3]]}, "b_c": {0: [paths[2]]}}


@pytest.mark.parametrize(
    ("folder", "names", "expected"),
    [
        ("imagesTr", ["a_0000.nii.gz", "x.nii"], True),
        ("imagesTs", ["a_0001.nii.gz"], True),
        ("input", ["a_0000.nii.gz", "a_0001.nii.gz"], True),
        ("input", ["a_0000.nii.gz", "t1.nii"], False),
        ("input", ["a_0001.nii.gz"], False),
        ("imagesTr", ["BRATS_001.nii.gz"], False),
        ("imagesTr", ["BraTS2021_00000.nii.gz"], False),
    ],
)
def test_the_layout_is_known_by_its_names(tmp_path: Path, folder: str, names: list[str], expected: bool) -> None:
    assert has_channels(tmp_path / folder, [tmp_path / folder / name for name in names]) is expected


def test_labels_lie_next_to_their_images(tmp_path: Path) -> None:
    folder = images(tmp_path)
    assert labels_folder(folder) is None
    (tmp_path / "labelsTs").mkdir()
    assert labels_folder(folder) is None
    (tmp_path / "labelsTr").mkdir()
    assert labels_folder(folder) == tmp_path / "labelsTr"
