"""Who lends body and mask to a new slice, and who must not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill.errors import CaseError, UsageError
from scanfill.label_to_image import find_templates, originals_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS: dict[str, Any] = {"schema": "kidney_ct", "modalities": ["ct"]}
SIDE = 16


def label_map(value: int = 1) -> np.ndarray:
    label = np.zeros((SIDE, SIDE), np.uint8)
    label[4:8, 4:8] = value
    return label


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    """Slices of patients 0 to 4; that of patient 4 has no kidney, and patient 1 has two."""
    folder = tmp_path / "data"
    for name in ("case_00000_a", "case_00001_a", "case_00001_b", "case_00002_a", "case_00003_a", "case_00004_a"):
        write(folder / "images" / f"{name}.png", np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE))
        write(folder / "labels" / f"{name}.png", label_map() if "00004" not in name else label_map(0))
    return folder


@pytest.fixture
def fold(slices: Path) -> Callable[..., Path]:
    """Write a list in which some patients are for validation and test."""

    def listed(validation: str = "2", test: str = "3") -> Path:
        split: dict[str, list[dict[str, str]]] = {"training": [], "validation": [], "test": []}
        for path in sorted((slices / "images").iterdir()):
            patient = path.stem[:10]
            part = {f"case_0000{validation}": "validation", f"case_0000{test}": "test"}.get(patient, "training")
            files = {"ct": str(path), "label": str(slices / "labels" / path.name)}
            split[part].append({"case_id": path.stem, "patient": patient, **files})
        file = slices.parent / "fold.json"
        file.write_text(json.dumps(split))
        return file

    return listed


def names(requests: list[dict[str, Any]]) -> list[str]:
    return [request["case_id"] for request in requests]


KNOWN = {"patients": ["case_00000", "case_00001", "case_00004"]}


def test_patients_whom_the_generator_does_not_know_and_empty_label_maps_are_left_out(
    slices: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        found = find_templates(slices, learned_from=KNOWN, **OPTIONS)
    assert names(found) == ["case_00000_a-slice1", "case_00001_a-slice1", "case_00001_b-slice1"]
    assert "2 patients are left out, as the generator was not trained on them: case_00002, case_00003" in caplog.text
    assert "1 cases are left out, as they have an empty label map: case_00004_a" in caplog.text


def test_a_list_lends_its_training_part(fold: Callable[..., Path]) -> None:
    found = find_templates(None, datalist=fold(), learned_from=KNOWN, **OPTIONS)
    assert {request["patient"] for request in found} == {"case_00000", "case_00001"}
    assert [case["case_id"] for case in originals_of(found)] == ["case_00000_a", "case_00001_a", "case_00001_b"]


@pytest.mark.parametrize("known", ["case_00002", "case_00003"])
def test_a_generator_that_knows_a_judged_patient_is_refused(fold: Callable[..., Path], known: str) -> None:
    with pytest.raises(CaseError, match=rf"was trained on 1 of the 2 cases .*: {known}_a .patient {known}"):
        find_templates(None, datalist=fold(), learned_from={"patients": ["case_00000", known]}, **OPTIONS)


def test_a_generator_that_knows_none_of_the_patients_needs_a_list(slices: Path) -> None:
    with pytest.raises(CaseError, match=r"trained on none of the patients of the 6 cases.*--datalist"):
        find_templates(slices, learned_from={"patients": ["somebody"]}, **OPTIONS)


def test_copies_and_looks_have_names_and_seeds_of_their_own_and_looks_share_a_mask(slices: Path) -> None:
    found = find_templates(slices, learned_from={"patients": ["case_00000"]}, copies=2, looks=2, seed=7, **OPTIONS)
    start = "case_00000_a-slice"
    assert names(found) == [f"{start}1-look1", f"{start}1-look2", f"{start}2-look1", f"{start}2-look2"]
    assert [request["seed"] for request in found] == [7, 8, 9, 10]
    assert [request["mask_seed"] for request in found] == [7, 7, 9, 9]


def test_masks_of_a_folder_are_drawn_in_the_body_of_their_case_or_of_any(slices: Path, tmp_path: Path) -> None:
    write(tmp_path / "masks" / "case_00001_b.png", label_map(2))
    (one,) = find_templates(slices, learned_from=KNOWN, masks=str(tmp_path / "masks"), **OPTIONS)
    assert (one["source_case"], one["case_id"]) == ("case_00001_b", "case_00001_b-slice1")
    write(tmp_path / "labels" / "case_00077_x.png", label_map())
    (other,) = find_templates(slices, learned_from=KNOWN, masks=str(tmp_path / "labels"), **OPTIONS)
    assert other["case_id"] == "case_00077_x-slice1"
    assert other["mask_patient"] == "case_00077"
    assert other["patient"] in KNOWN["patients"], "that of the body"


@pytest.mark.parametrize("judged", ["case_00002_z", "case_00003_z"])
def test_a_mask_of_a_judged_patient_is_refused(fold: Callable[..., Path], tmp_path: Path, judged: str) -> None:
    for name in ("case_00000_z", judged):
        write(tmp_path / "labels" / f"{name}.png", label_map())
    with pytest.raises(CaseError, match=rf"1 of the 2 masks .* on whom a network is judged .{judged}"):
        find_templates(None, datalist=fold(), learned_from=KNOWN, masks=str(tmp_path / "labels"), **OPTIONS)


def test_without_a_list_a_mask_of_a_patient_beside_the_training_is_refused(slices: Path, tmp_path: Path) -> None:
    write(tmp_path / "masks" / "case_00002_a.png", label_map())
    with pytest.raises(CaseError, match=r"1 of the 1 masks .* on whom a network is judged"):
        find_templates(slices, learned_from=KNOWN, masks=str(tmp_path / "masks"), **OPTIONS)


def test_a_folder_of_mixed_names_is_refused(slices: Path, tmp_path: Path) -> None:
    for name in ("case_00000_a", "something"):
        write(tmp_path / "masks" / f"{name}.png", label_map())
    with pytest.raises(CaseError, match=r"masks that are named as cases, and others: something\.png"):
        find_templates(slices, learned_from=KNOWN, masks=str(tmp_path / "masks"), **OPTIONS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"copies": 0}, r"copies \(=0\) and looks \(=1\) must be at least 1"),
        ({"looks": 0}, "must be at least 1"),
        ({"masks": "nowhere"}, r"masks \(='nowhere'\) must be one of own, moved, deformed, drawn, or a folder"),
    ],
)
def test_impossible_options_are_refused(slices: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_templates(slices, learned_from=KNOWN, **options, **OPTIONS)


def test_without_any_mask_there_is_nothing_to_draw_from(slices: Path) -> None:
    with pytest.raises(CaseError, match="None of the 1 cases has a label map with kidney or tumor"):
        find_templates(slices, learned_from={"patients": ["case_00004"]}, **OPTIONS)
