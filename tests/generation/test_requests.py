"""What a person asks a generator for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch

from scanfill.domains.images_2d.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.generation import NoiseOfSeedd, Vocabulary, check_place, find_requests, learn_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

CASES: list[dict[str, Any]] = [
    {"modality": "chest_xray", "pathology": "pneumonia", "severity": 0.0, "x": 0.3, "y": 0.3, "size": 0.1},
    {"modality": "mri", "pathology": "tumor", "severity": 1.0, "x": 0.7, "y": 0.7, "size": 0.1},
    {"modality": "mri", "pathology": "normal"},
]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return learn_vocabulary({"training": CASES}, SCHEMA)


def requests(vocabulary: Vocabulary, **options: Any) -> list[dict[str, Any]]:
    return find_requests(options.pop("dataset_dir", None), schema=SCHEMA, vocabulary=vocabulary, **options)


def table(folder: Path, text: str) -> Path:
    (folder / "conditions.csv").write_text(text)
    return folder


def test_a_condition_gives_as_many_samples_as_are_asked_for_each_with_its_own_seed(vocabulary: Vocabulary) -> None:
    found = requests(vocabulary, condition={"pathology": "pneumonia", "severity": 0.7}, num_samples=3, seed=5)
    assert [(each["case_id"], each["seed"]) for each in found] == [
        ("sample_0001", 5),
        ("sample_0002", 6),
        ("sample_0003", 7),
    ]
    assert all(json.loads(each["condition"]) == {"pathology": "pneumonia", "severity": 0.7} for each in found)
    assert found[0]["severity"] == 0.7


def test_a_condition_gives_16_samples_by_default(vocabulary: Vocabulary) -> None:
    assert len(requests(vocabulary, condition={})) == 16


def test_a_sweep_gives_each_sample_once_per_value_with_the_same_seed(vocabulary: Vocabulary) -> None:
    found = requests(vocabulary, condition={"pathology": "tumor"}, sweep={"severity": [0, 1]}, num_samples=2, seed=5)
    assert [(each["case_id"], each["seed"], each["severity"]) for each in found] == [
        ("sample_0001_severity_0", 5, 0),
        ("sample_0001_severity_1", 5, 1),
        ("sample_0002_severity_0", 6, 0),
        ("sample_0002_severity_1", 6, 1),
    ]
    assert len(requests(vocabulary, sweep={"severity": [0, 0.5, 1]})) == 12


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"severity": 1}, "must give a list of values of 'severity'"),
        ({"severity": [0], "x": [0]}, "must be one condition with a list of values"),
        ("severity", "must be one condition with a list of values"),
        ({"pathology": ["tumor"]}, "is in the sweep .* and in the condition"),
    ],
)
def test_a_sweep_that_is_none_is_refused(vocabulary: Vocabulary, sweep: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        requests(vocabulary, condition={"pathology": "normal"}, sweep=sweep)


def test_a_zone_is_a_place_by_its_name(vocabulary: Vocabulary) -> None:
    (found,) = requests(vocabulary, condition={"pathology": "tumor", "zone": "Upper Left"}, num_samples=1)
    assert (found["x"], found["y"]) == (0.35, 0.35)
    assert "zone" not in json.loads(found["condition"])


def test_a_table_gives_a_sample_per_row_and_ignores_other_columns(vocabulary: Vocabulary, tmp_path: Path) -> None:
    folder = table(tmp_path, "case_id,pathology,severity,remark\nfirst,tumor,0.5,nice\nsecond,normal,,\n")
    for place in (folder, folder / "conditions.csv"):
        one, other = requests(vocabulary, dataset_dir=place)
        assert json.loads(one["condition"]) == {"pathology": "tumor", "severity": 0.5}
        assert (other["case_id"], json.loads(other["condition"])) == ("second", {"pathology": "normal"})
    assert len(requests(vocabulary, dataset_dir=folder, num_samples=1)) == 1


def test_a_row_that_cannot_be_fulfilled_does_not_stop_the_others(vocabulary: Vocabulary, tmp_path: Path) -> None:
    folder = table(tmp_path, "case_id,modality,pathology\ngood,mri,tumor\nbad,mri,pneumonia\n")
    good, bad = requests(vocabulary, dataset_dir=folder)
    noise = NoiseOfSeedd((1, 4, 4))
    assert noise(good)["image"].shape == (1, 4, 4)
    with pytest.raises(CaseError, match=r"line 3: mri does not show pneumonia, but normal, tumor.*shown by chest_xray"):
        noise(bad)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"modality": "mri", "pathology": "pneumonia"}, "mri does not show pneumonia"),
        ({"pathology": "normal", "severity": 0.5}, "a normal image has no finding, but severity=0.5 is given"),
        ({"severity": 1.5}, "severity=1.5 is not between 0 and 1"),
        ({"severity": "strong"}, "severity='strong' is not a number"),
        ({"pathology": "cold"}, "pathology='cold' is not one of normal, pneumonia"),
        ({"pathology": "edema"}, "'edema' does not occur in the training; there are normal, pneumonia, tumor"),
        ({"age": 40}, "no training image has age"),
        ({"size": 0.5}, "outside the training's range, 0.1 to 0.1"),
        ({"zone": "behind the heart"}, "no zone 'behind the heart'; zones are upper left, upper right, center"),
        ({"zone": "center", "x": 0.4}, "state the same"),
    ],
)
def test_impossible_and_unknown_conditions_are_refused_with_what_exists(
    vocabulary: Vocabulary, condition: dict[str, Any], message: str
) -> None:
    with pytest.raises(CaseError, match=message):
        requests(vocabulary, condition=condition)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition": "a nodule behind the heart"}, "is text, which is not understood.*Zones are upper left"),
        ({"condition": {"pathologie": "tumor"}}, "no condition 'pathologie'.*did you mean pathology"),
        ({"condition": {}, "num_samples": 0}, "must be at least 1"),
        ({}, "State what to generate"),
    ],
)
def test_what_is_no_condition_is_refused(vocabulary: Vocabulary, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        requests(vocabulary, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [("case_id,pathology\n", "the table has no rows"), ("name,pathology\na,tumor\n", "no column 'case_id'")],
)
def test_a_table_without_samples_is_refused(vocabulary: Vocabulary, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        requests(vocabulary, dataset_dir=table(tmp_path, text))


def test_a_folder_without_a_table_is_refused(vocabulary: Vocabulary, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"No cases found in .*no table of conditions"):
        requests(vocabulary, dataset_dir=tmp_path)


def test_the_same_seed_gives_the_same_noise_whatever_is_beside_it() -> None:
    noise = NoiseOfSeedd((1, 8, 8))
    one, other = noise({"seed": 3})["image"], noise({"seed": 4})["image"]
    assert torch.equal(noise({"seed": 3})["image"], one)
    assert not torch.equal(one, other)


def test_generated_images_are_not_written_beside_the_real_ones(tmp_path: Path) -> None:
    check_place(tmp_path, tmp_path / "wishes.csv")  # only a table
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    for place in (tmp_path, tmp_path / "images" / "new"):
        with pytest.raises(CaseError, match="is in a folder with data"):
            check_place(place, tmp_path)
    with pytest.raises(CaseError, match="is in a folder with data"):
        check_place(tmp_path, tmp_path / "wishes.csv")
    check_place(tmp_path, tmp_path, condition={})
    check_place(tmp_path.parent / "elsewhere", tmp_path)
