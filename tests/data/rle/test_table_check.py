"""Everything that is wrong with a table is told, with line, image and class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from drawn_rle import CLASSES, discs, rows_of, write_discs
from scanfill.data.rle import NamedPictures, RleRow, check_rle_table, write_rle_table

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (60, 40)


def faults(path: Path, rows: list[RleRow]) -> list[str]:
    return list(check_rle_table(write_rle_table(rows, path / "rle.csv"), shape=SHAPE, classes=CLASSES).faults)


def test_a_sound_table_has_no_faults_and_is_described(tmp_path: Path) -> None:
    found = check_rle_table(write_discs(tmp_path / "rle.csv"), shape=SHAPE)
    assert (found.rows, found.images, list(found.classes), list(found.faults)) == (6, 2, list(CLASSES), [])
    assert found.order == ("row", "2 of 2 images: runs lie one line of pixels apart")


def test_all_faults_of_rows_are_told_with_row_and_value(tmp_path: Path) -> None:
    rows = [
        RleRow("0.png", "Radius", "5 2 1"),
        RleRow("0.png", "Ulna", "9 2 4 2 5 1"),
        RleRow("0.png", "Hamate", "2401 3"),
        RleRow("0.png", "Ulna", ""),
        RleRow("0.png", "ulna", "nan"),
    ]
    assert faults(tmp_path, rows) == [
        "line 2 (0.png, Radius): entry 3 (1) is a start without a length: there are 3 entries, an odd number",
        "line 3 (0.png, Ulna): entry 3 (4) is a start before that of the run before it, 9: runs are unsorted",
        "line 3 (0.png, Ulna): entry 5 (5) is a start within an earlier run, which reaches to pixel 5: runs overlap",
        "line 4 (0.png, Hamate): entry 1 (2401) is a start beyond the last pixel of the image, 2400",
        "line 5 (0.png, Ulna): this image and class have another row, line 3",
        "line 6 (0.png, ulna): 'ulna' is not one of the 3 classes; the nearest is 'Ulna'",
        "line 6 (0.png, ulna): entry 1 (nan) is not a whole number",
        "line 6 (0.png, ulna): entry 1 (nan) is a start without a length: there are 1 entries, an odd number",
    ]


def test_missing_rows_are_told_one_by_one_and_missing_images_once(tmp_path: Path) -> None:
    rows = [row for row in rows_of("0.png", discs()) if row.structure != "Ulna"]
    assert faults(tmp_path, rows) == ["there is no row for image 0.png and class Ulna"]
    for name in ("0.png", "1.png"):
        Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / name)
    found = check_rle_table(tmp_path / "rle.csv", pictures=NamedPictures(tmp_path))
    assert list(found.faults) == ["there is no row for image 1.png"], "without a schema, Ulna is not known"


def test_without_a_schema_each_image_needs_the_classes_of_the_others(tmp_path: Path) -> None:
    rows = [*rows_of("0.png", discs()), *rows_of("1.png", {"Radius": discs()["Radius"]})]
    found = check_rle_table(write_rle_table(rows, tmp_path / "rle.csv"))
    assert list(found.faults) == [f"there is no row for image 1.png and class {name}" for name in CLASSES[1:]]


def test_masks_of_another_size_are_told(tmp_path: Path) -> None:
    path = write_discs(tmp_path / "rle.csv", rows=30, columns=20)
    found = check_rle_table(path, shape=SHAPE)
    assert len(found.faults) == 2
    assert "image 0.png: runs are usually 20 pixels apart, but the image has 40 x 60 pixels" in found.faults[0]
    assert found.order.order is None


def test_an_image_that_is_not_there_is_told(tmp_path: Path) -> None:
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "0.png")
    found = check_rle_table(write_discs(tmp_path / "rle.csv"), pictures=NamedPictures(tmp_path))
    assert list(found.faults) == [f"line 5 (1.png, Radius): there is no image '1.png' in {tmp_path}"]


def test_lines_that_are_no_rows_are_told_with_the_others(tmp_path: Path) -> None:
    path = write_discs(tmp_path / "rle.csv", images=1)
    path.write_text(path.read_text() + "1.png,Ulna\n2.png\n")
    assert list(check_rle_table(path).faults) == [
        "line 5 has 2 cells, but the header has 3",
        "line 6 has 1 cells, but the header has 3",
    ]


def test_a_text_that_a_spreadsheet_cut_is_told(tmp_path: Path) -> None:
    text = (" ".join(f"{number} 1" for number in range(1, 20_000, 2)))[:32767]
    found = check_rle_table(write_rle_table([RleRow("0.png", "Ulna", text)], tmp_path / "rle.csv"))
    assert "32767 characters, after which spreadsheets cut a cell" in found.faults[0]


@pytest.mark.parametrize("order", ["row", "column"])
def test_the_order_of_square_images_is_told_by_the_pictures(tmp_path: Path, order: str) -> None:
    path = write_discs(tmp_path / "rle.csv", order=order, rows=50, columns=50)  # type: ignore[arg-type]
    bright = sum(mask.astype(float) for mask in discs(50, 50).values()) * 100 + 50
    for number in range(2):
        noise = np.random.default_rng(number).normal(0, 10, bright.shape)
        Image.fromarray((bright + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
    told = check_rle_table(path, shape=(50, 50)).order
    assert (told.order, told.reason[-38:]) == (None, "only the pictures can tell: pass --images"[-38:])
    told = check_rle_table(path, pictures=NamedPictures(tmp_path)).order
    assert told == (order, "2 of 2 pictures: runs end on their edges")
