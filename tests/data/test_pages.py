"""Overlapping labels as pages of a TIFF, and what multi-page files must not be taken for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill import replacing
from scanfill.data import ReadCased, SaveLabeld
from scanfill.data.pages import has_mask, read_pages, write_pages
from scanfill.errors import CaseError, UsageError
from scanfill.files import writing
from scanfill.replacing import is_made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = ["disc", "bar", "dot"]
MASKS = np.random.default_rng(0).random((3, 6, 4)) < 0.5
WHERE = "Case 'c1': label"


def schema(kind: str) -> dict[str, Any]:
    label = {"kind": kind, "names": {str(number): name for number, name in enumerate(NAMES, 1)}}
    finder = {"by": "folder", "files": {"image": "image.png", "label": "label.*"}}
    return {"name": "pictures", "spatial_dims": 2, "images": [{"key": "image"}], "label": label, "finder": finder}


def tiff(path: Path, pages: Sequence[Any], dtype: type = np.uint8) -> Path:
    first, *others = (Image.fromarray(np.asarray(page, dtype)) for page in pages)
    first.save(path, save_all=True, append_images=others)
    return path


def test_masks_are_read_back_from_pages(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "c1_seg.tif", MASKS)
    found = read_pages(path, NAMES, WHERE)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, MASKS)
    with Image.open(path) as file:
        assert (file.n_frames, file.size, file.info["compression"]) == (3, (6, 4), "tiff_adobe_deflate")


@pytest.mark.parametrize("value", [1, 255])
def test_pages_hold_any_one_value(tmp_path: Path, value: int) -> None:
    path = tiff(tmp_path / "c1.tif", [mask.T * value for mask in MASKS])
    np.testing.assert_array_equal(read_pages(path, NAMES, WHERE), MASKS)


@pytest.mark.parametrize("kind", ["polygons", "channels"])
def test_pages_are_a_truth_wherever_labels_overlap(tmp_path: Path, kind: str) -> None:
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(tmp_path / "image.png")
    path = write_pages(tmp_path / "label.tif", MASKS)
    case = {"case_id": "c1", "image": str(tmp_path / "image.png"), "label": str(path)}
    read = ReadCased("image", "label", schema=schema(kind))(case)
    np.testing.assert_array_equal(read["label"].numpy(), MASKS)
    case["label"] = str(write_pages(tmp_path / "other.tif", np.ones((3, 5, 4))))
    with pytest.raises(CaseError, match=r"label has shape \(5, 4\), image has \(6, 4\)"):
        ReadCased("image", "label", schema=schema(kind))(case)


def test_predictions_where_the_truth_is_outlines_are_pages_that_are_read_again(tmp_path: Path) -> None:
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(tmp_path / "image.png")
    case: dict[Any, Any] = {"case_id": "c1", "image": str(tmp_path / "image.png")}
    read = ReadCased("image", schema=schema("polygons"))(case)
    prediction = read["image"].new_tensor(MASKS)
    SaveLabeld("pred", tmp_path / "out", schema=schema("polygons"))(read | {"pred": prediction})
    folder = tmp_path / "out" / "c1"
    assert sorted(path.name for path in folder.iterdir()) == ["c1_seg.json", "c1_seg.tif"]
    about = json.loads((folder / "c1_seg.json").read_text())
    assert about["labels"] == {"page 1": "disc", "page 2": "bar", "page 3": "dot"}
    assert about["file"] == "c1_seg.tif"
    again = ReadCased("image", "label", schema=schema("polygons"))(case | {"label": str(folder / "c1_seg.tif")})
    np.testing.assert_array_equal(again["label"].numpy(), MASKS)


def test_only_tiffs_of_scanfill_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = write_pages(tmp_path / "ours.tif", MASKS), tiff(tmp_path / "theirs.TIFF", MASKS)
    monkeypatch.setattr(replacing, "_written", set())
    assert (is_made(ours), is_made(theirs)) == (True, False)
    write_pages(ours, ~MASKS)
    with pytest.raises(UsageError, match="was not written by scanfill"), writing(theirs) as temporary:
        temporary.write_bytes(ours.read_bytes())


def test_pages_that_cannot_be_masks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c1.tif"
    for pages, message in (
        (MASKS[:2], r"has 2 pages, but there are 3 structures: .* disc, bar, dot"),
        (MASKS[:1], r"has 1 page, but there are 3 structures"),
        ([*MASKS[:2], np.ones((5, 5))], r"page 3 \(dot\) has 5 x 5 pixels, but page 1 has 4 x 6"),
        (
            [MASKS[0], np.arange(24).reshape(6, 4) % 5, MASKS[2]],
            r"page 2 \(bar\) holds the values 0, 1, 2, 3, 4: a mask may only hold 0",
        ),
        ([MASKS[0], np.ones((6, 4, 3)), MASKS[2]], r"page 2 \(bar\) is in color \(mode RGB\)"),
    ):
        tiff(path, pages)
        with pytest.raises(CaseError, match=rf"Case 'c1': label \(.*c1.tif\).*{message}"):
            read_pages(path, NAMES, WHERE)


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "c1.tif", MASKS)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CaseError, match=r"Case 'c1': label \(.*c1.tif\) cannot be read"):
        read_pages(path, NAMES, WHERE)
    with pytest.raises(CaseError, match="does not exist"):
        read_pages(tmp_path / "none.tif", NAMES, WHERE)


def test_pages_that_mark_nothing_are_known(tmp_path: Path) -> None:
    empty = write_pages(tmp_path / "empty.tif", np.zeros((3, 6, 4)))
    marked = write_pages(tmp_path / "marked.tif", np.arange(72).reshape(3, 6, 4) == 71)
    (tmp_path / "damaged.tif").write_bytes(b"II*")
    assert [has_mask(path) for path in (empty, marked, tmp_path / "damaged.tif")] == [False, True, False]
