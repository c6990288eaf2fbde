"""Hand radiographs on disk: layouts, persons, conditions, lists, and the quality page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hand_drawings import BONES as DRAWN
from hand_drawings import SIZE, draw_bones, write_hands, write_image, write_table
from scanfill.__main__ import cases, split
from scanfill.data import ReadCased, find_cases
from scanfill.data.cases import find_cohort
from scanfill.data.outline_files import write_outlines
from scanfill.data.pages import write_pages
from scanfill.domains.hand_xray import BONES, CARPALS
from scanfill.domains.hand_xray.schema import SCHEMA
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

    from scanfill.data.schema import Case


def find(folder: Path, labels: str = "auto") -> list[Case]:
    return find_cases(folder, labels=labels, schema="hand_xray")


def test_there_are_29_bones_in_the_order_of_the_field() -> None:
    assert SCHEMA.label is not None
    assert list(SCHEMA.label.names.values()) == list(BONES)
    assert len(BONES) == SCHEMA.label.channels == 29
    assert (BONES[0], BONES[18], BONES[28]) == ("finger-1", "finger-19", "Ulna")
    assert [SCHEMA.label.names[number] for number in range(20, 28)] == list(CARPALS)


def test_the_nested_layout_of_the_field_is_found(tmp_path: Path) -> None:
    found = find(write_hands(tmp_path))
    assert [(case["case_id"], case["patient"], case["side"]) for case in found[:3]] == [
        ("image0000_L", "ID000", "left"),
        ("image0001_R", "ID000", "right"),
        ("image0002_L", "ID001", "left"),
    ]
    assert (found[3]["age"], found[3]["sex"]) == (4.0, "M")
    assert found[0]["xray"] == str(tmp_path / "DCM" / "ID000" / "image0000_L.png")
    assert found[0]["label"] == str(tmp_path / "outputs_json" / "ID000" / "image0000_L.json")


def test_outlines_become_29_channels_that_overlap(tmp_path: Path) -> None:
    case = ReadCased("xray", "label", schema="hand_xray")(find(write_hands(tmp_path, 1))[0])
    assert case["label"].shape == (29, *SIZE)
    for name, mask in draw_bones().items():
        np.testing.assert_array_equal(case["label"][BONES.index(name)].numpy(), mask)
    assert (case["label"].sum(dim=0) > 1).any()
    assert sum(channel.any() for channel in case["label"]) == len(DRAWN)


@pytest.mark.parametrize("place", ["", "anna", "images"])
def test_flat_folders_are_found_with_outlines_or_pages(tmp_path: Path, place: str) -> None:
    for name in ("anna_L", "anna_R"):
        write_image(tmp_path / place / f"{name}.png")
    write_outlines(tmp_path / place / "anna_L.json", draw_bones(), SIZE)
    write_pages(tmp_path / place / "anna_R_seg.tif", np.zeros((29, *SIZE)))
    (tmp_path / "cases.json").write_text('{"training": []}')
    left, right = find(tmp_path)
    assert [(case["case_id"], case["patient"], case["side"]) for case in (left, right)] == [
        ("anna_L", "anna", "left"),
        ("anna_R", "anna", "right"),
    ]
    assert ReadCased("xray", "label", schema="hand_xray")(right)["label"].shape == (29, *SIZE)


def test_the_person_comes_from_the_table_then_the_folder_then_the_name(tmp_path: Path) -> None:
    write_image(tmp_path / "p7" / "x1_L.png")
    write_image(tmp_path / "x2_l.PNG")
    write_image(tmp_path / "x3.jpeg")
    assert [case["patient"] for case in find(tmp_path, "none")] == ["p7", "x2", "x3"]
    write_table(tmp_path, [{"case_id": f"x{i}", "patient": "same"} for i in ("1_L", "2_l.png", "3")])
    assert {case["patient"] for case in find(tmp_path, "none")} == {"same"}
    alone = find_cases(tmp_path, labels="none", patient_regex=r"x\d", schema="hand_xray")
    assert [case["patient"] for case in alone] == ["x1", "x2", "x3"]


def test_unknown_conditions_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "x1.png")
    write_image(tmp_path / "x2_R.png")
    write_table(tmp_path, [{"case_id": "x1", "sex": "female", "age": ""}, {"case_id": "x2_R", "sex": "", "age": "0.5"}])
    first, second = find(tmp_path, "none")
    assert {key: first.get(key) for key in SCHEMA.condition_keys} == {"age": None, "sex": "F", "side": None}
    assert {key: second.get(key) for key in SCHEMA.condition_keys} == {"age": 0.5, "sex": None, "side": "right"}


def test_the_command_line_lists_and_splits_by_person(tmp_path: Path) -> None:
    data = write_hands(tmp_path / "data", 6)
    listed, page = tmp_path / "list.json", tmp_path / "quality.html"
    cases(str(data), str(listed), schema="hand_xray", qc=str(page))
    assert "image0000_L" in page.read_text()
    assert all(not case["findings"] for case in json.loads(page.with_suffix(".json").read_text())["cases"])
    split(str(listed), folds=2, schema="hand_xray", output=str(tmp_path / "folds"))
    for path in sorted((tmp_path / "folds").glob("*.json")):
        parts = json.loads(path.read_text())
        persons = [{case["patient"] for case in parts.get(part, ())} for part in ("training", "validation", "test")]
        assert sum(map(len, persons)) == len(set().union(*persons)) == 6
        assert all(
            len(parts[part]) == 2 * len(own) for part, own in zip(("training", "validation"), persons, strict=False)
        )


def test_a_table_that_does_not_fit_the_images_is_told(tmp_path: Path) -> None:
    for name in ("x1_L", "x2_R"):
        write_image(tmp_path / f"{name}.png")
    write_table(tmp_path, [{"case_id": "x1_L", "age": 5}, {"case_id": "x9", "age": 7}])
    notes = "\n".join(find_cohort(tmp_path, labels="none", schema="hand_xray").notes)
    assert "meta_data.csv has rows for unknown cases, which are ignored: x9." in notes
    assert "meta_data.csv has no row for x2_R: their conditions are unknown." in notes


def test_images_in_another_place_are_told(tmp_path: Path) -> None:
    write_image(tmp_path / "x1.png")
    write_image(tmp_path / "a" / "b" / "x2.png")
    assert "a/b/x2.png" in "\n".join(find_cohort(tmp_path, labels="none", schema="hand_xray").notes)


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(CaseError, match=r"looked for radiographs DCM/<person>/<name>_L.png .* the folder holds train"):
        find(tmp_path)
