"""Finders for the usual layouts: a folder a case, files by pattern, rows of a table, a subfolder a class."""

from __future__ import annotations

import csv
import unicodedata
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill.data import find_cases, load_cases, read_list, write_case_list
from scanfill.data.cases import find_cohort
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

IMAGES: list[dict[str, Any]] = [{"key": "image"}]


def schema(finder: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "pictures", "spatial_dims": 2, "images": IMAGES, "finder": finder, **more}


FOLDERS = schema(
    {"by": "folder", "files": {"image": "image.png", "label": "mask_{name}.png"}},
    label={"kind": "channels", "names": {"1": "disc", "2": "bar"}},
)
PATTERN = r"(?P<patient>p\d+)/(?P<case>p\d+_\w+?)_(?P<key>image|label)\.png"
FILES = schema({"by": "file", "pattern": PATTERN}, label={"names": {"1": "x"}})
TABLE = schema({"by": "table", "table": "conditions.csv"}, conditions=[{"key": "age", "range": [0, 120]}])
CLASSES = schema({"by": "class", "condition": "kind"}, conditions=[{"key": "kind", "values": ["hand", "chest"]}])


def draw(path: Path, value: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 6), value, np.uint8)).save(path)
    return path


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def test_a_folder_a_case_with_a_mask_a_structure(tmp_path: Path) -> None:
    for case in ("a", "b"):
        for name in ("image", "mask_disc", "mask_bar"):
            draw(tmp_path / case / f"{name}.png")
    found = find_cases(tmp_path, schema=FOLDERS)
    assert [case["case_id"] for case in found] == ["a", "b"]
    assert found[0]["label"] == [str(tmp_path / "a" / f"mask_{name}.png") for name in ("disc", "bar")]
    (alone,) = find_cases(tmp_path / "b", ["image"], labels="none", schema=FOLDERS)
    assert set(alone) == {"case_id", "patient", "synthetic", "image"}


def test_a_list_keeps_a_mask_a_structure_and_finds_it_again(tmp_path: Path) -> None:
    for number, (case, name) in enumerate(product("abc", ("image", "mask_disc", "mask_bar"))):
        draw(tmp_path / "data" / case / f"{name}.png", number + 1)
    path = write_case_list(tmp_path / "data", tmp_path / "cases.json", schema=FOLDERS)
    assert "../" not in path.read_text()
    again = read_list(path, schema=FOLDERS)["training"]
    assert again == find_cases(tmp_path / "data", schema=FOLDERS)
    split = load_cases(tmp_path, path, schema=FOLDERS, validation=0.3)
    assert [len(split[part]) for part in ("training", "validation", "test")] == [2, 1, 0]


def test_files_by_pattern_say_whose_they_are(tmp_path: Path) -> None:
    for name in ("p1/p1_left", "p1/p1_right", "p2/p2_left"):
        draw(tmp_path / f"{name}_image.png")
        draw(tmp_path / f"{name}_label.png", 1)
    draw(tmp_path / "p1" / "._p1_left_image.png")
    found = find_cases(tmp_path, schema=FILES)
    assert [(case["case_id"], case["patient"]) for case in found] == [
        ("p1_left", "p1"),
        ("p1_right", "p1"),
        ("p2_left", "p2"),
    ]
    assert all(case["label"].endswith("_label.png") for case in found)


def test_files_by_pattern_may_have_a_table_beside(tmp_path: Path) -> None:
    age: dict[str, Any] = {"key": "age", "range": [0, 120]}
    finder = {
        "by": "file",
        "pattern": r"(?P<case>.+)_(?P<kind>ct|mr)\.png",
        "table": "ages.csv",
        "columns": {"age": "Age"},
    }
    kind = schema(finder, conditions=[age, {"key": "kind", "values": ["ct", "mr"]}])
    for name in ("a_ct", "b_mr"):
        draw(tmp_path / f"{name}.png")
    write_table(tmp_path / "ages.csv", [{"case_id": "a", "Age": "61"}])
    with pytest.raises(CaseError, match="Case 'b' has no age: add it to the table"):
        find_cases(tmp_path, schema=kind)
    write_table(tmp_path / "ages.csv", [{"case_id": "a", "Age": "61"}, {"case_id": "b", "Age": "7"}])
    assert [(case["age"], case["kind"]) for case in find_cases(tmp_path, schema=kind)] == [(61, "ct"), (7, "mr")]
    optional = schema(finder, conditions=[age | {"required": False}])
    (tmp_path / "ages.csv").unlink()
    assert not any("age" in case for case in find_cases(tmp_path, schema=optional))


def test_an_empty_cell_is_no_value_of_an_optional_condition(tmp_path: Path) -> None:
    draw(tmp_path / "one.png")
    write_table(tmp_path / "conditions.csv", [{"image": "one.png", "age": ""}])
    with pytest.raises(CaseError, match=r"conditions.csv, line 2: age='' is not a number"):
        find_cases(tmp_path, schema=TABLE)
    (case,) = find_cases(tmp_path, schema=TABLE | {"conditions": [{"key": "age", "required": False}]})
    assert "age" not in case


def test_an_expression_goes_before_what_file_names_say(tmp_path: Path) -> None:
    draw(tmp_path / "p1" / "p1_left_image.png")
    (case,) = find_cases(tmp_path, patient_regex="left", schema=FILES)
    assert case["patient"] == "left"


def test_rows_of_a_table_bring_conditions(tmp_path: Path) -> None:
    draw(tmp_path / "one.png")
    write_table(tmp_path / "conditions.csv", [{"image": "one.png", "age": "61", "patient": "anna"}])
    (case,) = find_cases(tmp_path, ["image"], schema=TABLE)
    assert case == {
        "case_id": "one",
        "patient": "anna",
        "image": str(tmp_path / "one.png"),
        "age": 61.0,
        "synthetic": [],
    }


def test_conditions_alone_are_cases_where_no_image_is_asked_for(tmp_path: Path) -> None:
    write_table(tmp_path / "conditions.csv", [{"case_id": "wish", "age": "30"}])
    (case,) = find_cases(tmp_path, "none", schema=TABLE)
    assert (case["case_id"], case["age"]) == ("wish", 30.0)
    with pytest.raises(CaseError, match="Case 'wish' has no image"):
        find_cases(tmp_path, ["image"], schema=TABLE)


def test_a_schema_says_which_part_of_a_name_is_the_patient(tmp_path: Path) -> None:
    for name in ("anna_1", "anna_2", "ben_1"):
        draw(tmp_path / name / "image.png")
    kind = schema({"by": "folder", "files": {"image": "image.png"}}, patient_regex="^[^_]+")
    assert [case["patient"] for case in find_cases(tmp_path, schema=kind)] == ["anna", "anna", "ben"]
    assert [case["patient"] for case in find_cases(tmp_path, patient_regex=".+", schema=kind)] == [
        "anna_1",
        "anna_2",
        "ben_1",
    ]


def test_one_subfolder_a_class(tmp_path: Path) -> None:
    for name in ("hand/1.png", "hand/2.jpg", "chest/1.png"):
        draw(tmp_path / name)
    found = find_cases(tmp_path, schema=CLASSES)
    assert [(case["case_id"], case["kind"]) for case in found] == [
        ("chest_1", "chest"),
        ("hand_1", "hand"),
        ("hand_2", "hand"),
    ]
    draw(tmp_path / "foot" / "1.png")
    with pytest.raises(CaseError, match=r"foot.*kind='foot' is not one of hand, chest"):
        find_cases(tmp_path, schema=CLASSES)


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    for kind, message in (
        (FOLDERS, "one folder per case, with image"),
        (FILES, "files matching"),
        (TABLE, "a table cond"),
    ):
        with pytest.raises(CaseError, match=f"No cases found in .*: looked for {message}"):
            find_cases(tmp_path, schema=kind)


def test_a_file_too_many_is_told(tmp_path: Path) -> None:
    kind = schema({"by": "folder", "files": {"image": "*.png"}})
    draw(tmp_path / "a" / "1.png")
    draw(tmp_path / "a" / "2.png")
    with pytest.raises(CaseError, match=r"2 files matching '\*.png': 1.png, 2.png"):
        find_cases(tmp_path, schema=kind)


def test_a_synthetic_file_is_not_taken_for_an_ordinary_one(tmp_path: Path) -> None:
    kind = schema({"by": "folder", "files": {"image": "*.png"}})
    draw(tmp_path / "a" / "a_synthetic_image.png")
    with pytest.raises(CaseError, match=r"image \(.*\) is synthetic \(marked in its name\)"):
        find_cases(tmp_path, schema=kind)
    (case,) = find_cases(tmp_path, schema=kind, synthetic=True)
    assert case["synthetic"] == ["image"]


def test_a_table_without_a_column_is_told(tmp_path: Path) -> None:
    write_table(tmp_path / "conditions.csv", [{"image": "one.png"}])
    with pytest.raises(CaseError, match=r"has no column age; it has image"):
        find_cases(tmp_path, schema=TABLE)


@pytest.mark.parametrize("names", ["Aa", "aa"])
def test_two_cases_of_one_name_are_told_whatever_their_capitals(tmp_path: Path, names: str) -> None:
    write_table(tmp_path / "conditions.csv", [{"case_id": name, "age": "1"} for name in names])
    with pytest.raises(CaseError, match=f"Two cases have the same name: '{names[0]}' and '{names[1]}'"):
        find_cases(tmp_path, "none", schema=TABLE)


@pytest.mark.parametrize(("pattern", "message"), [("(", "is not a regular expression"), ("x", "has no group")])
def test_a_pattern_that_names_no_case_is_told(tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_cases(tmp_path, schema=schema({"by": "file", "pattern": pattern}))


# --- as people, scanners and spreadsheets leave them ----------------------------------------------------------------


def test_the_case_of_letters_and_the_unicode_form_of_a_file_do_not_matter(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "IMAGE.PNG")
    assert find_cases(tmp_path, schema=schema({"by": "folder", "files": {"image": "image.png"}}))[0]["case_id"] == "a"
    draw(tmp_path / "b" / unicodedata.normalize("NFD", "Größe.png"))
    (case,) = find_cases(tmp_path, schema=schema({"by": "folder", "files": {"image": "größe.png"}}))
    assert case["case_id"] == "b"


def test_a_folder_whose_images_have_other_names_is_noted(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "image.png")
    draw(tmp_path / "b" / "scan.png")
    (tmp_path / "c").mkdir()
    kind = schema({"by": "folder", "files": {"image": "image.png"}})
    assert find_cohort(tmp_path, schema=kind).notes == [
        "Not cases, because no file has one of the names (image.png): b."
    ]


@pytest.mark.parametrize("fault", ["folder", "link", "empty"])
@pytest.mark.parametrize("layout", ["folder", "file", "class", "table"])
def test_what_is_no_picture_is_reported_by_every_layout(tmp_path: Path, fault: str, layout: str) -> None:
    finder = {
        "folder": {"by": "folder", "files": {"image": "image.png"}},
        "file": {"by": "file", "pattern": r"(?P<case>\w+)/image\.png"},
        "class": CLASSES["finder"],
        "table": TABLE["finder"],
    }[layout]
    more = {"class": {"conditions": CLASSES["conditions"]}, "table": {"conditions": TABLE["conditions"]}}.get(
        layout, {}
    )
    places = ("hand", "chest")
    for place in places:
        draw(tmp_path / place / "image.png")
    rows = [{"case_id": place, "image": f"{place}/image.png", "age": "3"} for place in places]
    write_table(tmp_path / "conditions.csv", rows)
    path = tmp_path / "hand" / "image.png"
    path.unlink()
    {"folder": path.mkdir, "link": lambda: path.symlink_to("gone.png"), "empty": path.touch}[fault]()
    with pytest.raises(CaseError, match=r"Case 'hand.*': image \(.*image.png\) is (a folder|a link to gone.png|empty)"):
        find_cases(tmp_path, schema=schema(finder, **more))
    assert len(find_cases(tmp_path, schema=schema(finder, **more), strict=False)) == 2


@pytest.mark.parametrize("layout", ["folder", "file", "class"])
def test_an_unreadable_folder_loses_no_case(tmp_path: Path, layout: str) -> None:
    finder: dict[str, Any] = {
        "folder": {"by": "folder", "files": {"image": "image.png"}},
        "file": {"by": "file", "pattern": r"(?P<case>\w+)/image\.png"},
        "class": CLASSES["finder"],
    }[layout]
    draw(tmp_path / "hand" / "image.png")
    (tmp_path / "chest").symlink_to("/not/mounted/chest")
    more = {"conditions": CLASSES["conditions"]} if layout == "class" else {}
    with pytest.raises(CaseError, match="chest is a link to /not/mounted/chest, which does not exist"):
        find_cases(tmp_path, schema=schema(finder, **more))


def test_linked_folders_are_searched(tmp_path: Path) -> None:
    draw(tmp_path / "store" / "p1_a_image.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "p1").symlink_to(tmp_path / "store")
    assert find_cases(tmp_path / "data", labels="none", schema=FILES)[0]["case_id"] == "p1_a"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_conditions_is_read_as_excel_saves_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    draw(tmp_path / "größe.png")
    text = "\r\n".join(map(delimiter.join, [("case_id", "image", "age"), ("Jörg", "größe.png", '"50"'), ("", "", "")]))
    (tmp_path / "conditions.csv").write_bytes(text.encode(encoding))
    (case,) = find_cases(tmp_path, schema=TABLE)
    assert (case["case_id"], case["age"]) == ("Jörg", 50)


def test_possible_sides_of_one_patient_are_told_unless_the_pattern_states_the_patient(tmp_path: Path) -> None:
    for name in ("h1_L", "h1_R"):
        draw(tmp_path / name / "image.png")
    kind = schema({"by": "folder", "files": {"image": "image.png"}})
    assert "--patient_regex" in find_cohort(tmp_path, schema=kind).describe()
    assert "--patient_regex" not in find_cohort(tmp_path, patient_regex="^[^_]+", schema=kind).describe()
    for name in ("p1_a", "p1_b"):
        draw(tmp_path / "more" / "p1" / f"{name}_image.png")
    assert find_cohort(tmp_path / "more", labels="none", schema=FILES).notes == []
