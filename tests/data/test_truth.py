"""The truth of a case: a label map, a mask a structure, or outlines; and 2-D images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from scanfill.data import ReadCased, SaveLabeld
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"1": "disc", "2": "bar"}


def schema(kind: str) -> dict[str, Any]:
    return {
        "name": "pictures",
        "spatial_dims": 2,
        "images": [{"key": "image"}],
        "label": {"kind": kind, "names": NAMES},
        "finder": {"by": "folder", "files": {"image": "image.png", "label": "label.*"}},
    }


def save(path: Path, values: Any, dtype: type = np.uint8) -> str:
    Image.fromarray(np.asarray(values, dtype)).save(path)
    return str(path)


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    rows = np.arange(24).reshape(4, 6)  # four rows from top to bottom, six columns
    disc, bar = rows % 6 < 3, rows < 12
    label = np.where(disc, 1, np.where(bar, 2, 0))
    masks = [save(tmp_path / f"{name}.png", mask * 255) for name, mask in (("disc", disc), ("bar", bar))]
    outline = {"annotations": [{"label": "disc", "points": [[-0.5, -0.5], [2.5, -0.5], [2.5, 3.5], [-0.5, 3.5]]}]}
    (tmp_path / "label.json").write_text(json.dumps(outline))
    return {
        "case_id": "c1",
        "image": save(tmp_path / "image.png", rows),
        "map": save(tmp_path / "label.png", label),
        "channels": masks,
        "polygons": str(tmp_path / "label.json"),
        "disc": disc,
        "bar": bar,
    }


def read(case: dict[str, Any], kind: str, files: Any = None) -> dict[Any, Any]:
    return ReadCased("image", "label", schema=schema(kind))(case | {"label": case[kind] if files is None else files})


def test_a_picture_has_x_to_the_right_and_y_down(case: dict[str, Any]) -> None:
    image = read(case, "map")["image"]
    assert image.shape == (1, 6, 4)
    assert image[0, 5, 0] == 5
    assert image[0, 0, 3] == 18
    assert torch.equal(image.affine, torch.eye(4, dtype=image.affine.dtype))


def test_a_sixteen_bit_picture_keeps_its_values(case: dict[str, Any], tmp_path: Path) -> None:
    case["image"] = save(tmp_path / "deep.png", np.arange(24).reshape(4, 6) * 2500, np.uint16)
    assert read(case, "map")["image"].max() == 57500


def test_each_kind_of_truth_gives_the_same_structures(case: dict[str, Any]) -> None:
    channels = read(case, "channels")["label"]
    assert channels.shape == (2, 6, 4)
    np.testing.assert_array_equal(channels.numpy(), np.stack([case["disc"].T, case["bar"].T]))
    np.testing.assert_array_equal(read(case, "polygons")["label"].numpy()[0], case["disc"].T)
    label = read(case, "map")["label"]
    np.testing.assert_array_equal(label.numpy()[0] == 1, case["disc"].T)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("map", "channels", r"is one mask per structure, but the schema 'pictures' expects one label map"),
        ("channels", "map", r"is one label map, but the schema 'pictures' expects one mask per structure"),
        ("polygons", "map", r"is one label map, but the schema 'pictures' expects outlines in a JSON file"),
        ("map", "polygons", r"is outlines in a JSON file, but the schema 'pictures' expects one label map"),
    ],
)
def test_a_truth_of_another_kind_than_the_schema_says_is_refused(
    case: dict[str, Any], kind: str, given: str, message: str
) -> None:
    with pytest.raises(CaseError, match=message):
        read(case, kind, case[given])


def test_a_structure_without_a_mask_is_told(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"has 1 masks, but the schema 'pictures' has 2 structures: bar"):
        read(case, "channels", [case["channels"][0], ""])


def test_masks_of_another_size_than_each_other_are_told(case: dict[str, Any], tmp_path: Path) -> None:
    larger = save(tmp_path / "larger.png", np.zeros((5, 6)))
    with pytest.raises(CaseError, match=r"bar .* on a different grid than .*disc.png: shapes \(6, 5\) and \(6, 4\)"):
        read(case, "channels", [case["channels"][0], larger])


def test_outlines_without_an_image_are_told(case: dict[str, Any]) -> None:
    reader = ReadCased([], "label", schema=schema("polygons"))
    with pytest.raises(CaseError, match="outlines are filled on the grid of an image, but no image was read"):
        reader({"case_id": "c1", "label": case["polygons"]})


def test_a_value_that_the_truth_does_not_have_is_told(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"the value 9, which convention 'file' does not have \(it has 0, 1, 2\)"):
        read(case, "map", save(tmp_path / "odd.png", np.full((4, 6), 9)))
    with pytest.raises(CaseError, match=r"disc .* a mask may only hold 0 and one other value"):
        read(case, "channels", [case["map"], case["map"]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "contains no outlines"),
        ('{"annotations": [{"label": "toe", "points": [[0, 0], [1, 0], [1, 1]]}]}', "outline of 'toe', which is not"),
        ('{"annotations": [{"label": "bar", "points": [[0, 0], [1, 0]]}]}', r"at least three \[x, y\] points"),
    ],
)
def test_outlines_that_cannot_be_right_are_told(
    case: dict[str, Any], tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "wrong.json").write_text(content)
    with pytest.raises(CaseError, match=message):
        read(case, "polygons", str(tmp_path / "wrong.json"))


def test_a_picture_in_colour_or_without_content_is_told(case: dict[str, Any], tmp_path: Path) -> None:
    case["image"] = save(tmp_path / "colour.png", np.arange(72).reshape(4, 6, 3))
    with pytest.raises(CaseError, match=r"is in color \(mode RGB;"):
        read(case, "map")
    case["image"] = save(tmp_path / "blank.png", np.full((4, 6), 3))
    with pytest.raises(CaseError, match="holds the value 3 everywhere"):
        read(case, "map")


@pytest.mark.parametrize("kind", ["map", "channels"])
def test_saved_labels_are_read_back_as_they_were(case: dict[str, Any], tmp_path: Path, kind: str) -> None:
    label = read(case, kind)["label"]
    SaveLabeld("pred", tmp_path / "out", schema=schema(kind))({"case_id": "c1", "pred": label})
    written = sorted((tmp_path / "out" / "c1").glob("*.png"))
    assert [path.name for path in written] == (
        ["c1_seg.png"] if kind == "map" else ["c1_seg_bar.png", "c1_seg_disc.png"]
    )
    files: Any = str(written[0]) if kind == "map" else [str(path) for path in reversed(written)]
    np.testing.assert_array_equal(read(case, kind, files)["label"].numpy(), label.numpy())
    about = json.loads((tmp_path / "out" / "c1" / "c1_seg.json").read_text())
    expected = (
        {"0": "background", "1": "disc", "2": "bar"} if kind == "map" else {"c1_seg_disc": "disc", "c1_seg_bar": "bar"}
    )
    assert about["labels"] == expected
    assert about["use"] == "Research use only. Not for diagnosis or treatment."
