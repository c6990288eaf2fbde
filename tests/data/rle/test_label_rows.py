"""The labels of a folder become a table that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from hand_drawings import SIZE, draw_bones, write_hands, write_image
from scanfill.data.outline_files import write_outlines
from scanfill.data.rle import class_names, decode, read_rle_table, write_label_table
from scanfill.data.rle.label_rows import label_rows
from scanfill.data.schema import LabelSpec
from scanfill.domains.hand_xray import BONES
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("order", ["row", "column"])
def test_every_image_has_a_row_for_every_class(tmp_path: Path, order: Literal["row", "column"]) -> None:
    write_hands(tmp_path / "hands", people=1)
    rows = list(read_rle_table(write_label_table(tmp_path / "hands", tmp_path / "truth.csv", order=order)))
    images = ["image0000_L.png", "image0001_R.png"]
    assert [(row.image, row.structure) for row in rows] == [(image, bone) for image in images for bone in BONES]
    masks = draw_bones()
    for row in rows:
        expected = masks.get(row.structure, np.zeros(SIZE, bool))
        np.testing.assert_array_equal(decode(row.rle, SIZE[::-1], order).T, expected)


def test_the_labels_of_a_map_are_one_mask_each() -> None:
    values = np.array([[[0, 1], [2, 1]]], np.uint8)  # (1, X, Y)
    rows = list(label_rows("a.png", values, LabelSpec(names={1: "kidney", 2: "tumor"})))
    assert [row[:3] for row in rows] == [("a.png", "kidney", "3 2"), ("a.png", "tumor", "2 1")]


def test_classes_are_those_of_the_kind_of_data() -> None:
    assert class_names("hand_xray") == list(BONES)
    with pytest.raises(UsageError, match="'brain_mri' has no 2-D images"):
        class_names("brain_mri")


def test_images_of_the_same_name_are_refused(tmp_path: Path) -> None:
    for suffix in (".png", ".bmp"):
        write_image(tmp_path / "hands" / f"one{suffix[1:]}" / f"hand{suffix}")
    for folder in ("onepng", "onebmp"):
        write_outlines(tmp_path / "hands" / folder / "hand.json", draw_bones(), SIZE)
    with pytest.raises(CaseError, match="hand"):
        write_label_table(tmp_path / "hands", tmp_path / "truth.csv")
    assert not (tmp_path / "truth.csv").exists()
