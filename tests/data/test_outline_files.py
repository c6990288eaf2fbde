"""Outlines in JSON, as a person or a phantom writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scanfill import replacing
from scanfill.data.outline_files import has_outlines, is_outline_file, read_outlines, write_outlines
from scanfill.data.outlines import fill_outlines
from scanfill.errors import CaseError, UsageError
from scanfill.replacing import is_made

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["Hamate", "Capitate", "Radius"]
SIZE = (8, 6)
RING = [[1, 1], [4, 1], [4, 4], [1, 4]]
SMALL = [[2, 2], [3, 2], [3, 3], [2, 3]]


def write(path: Path, *annotations: Any, **about: Any) -> Path:
    path.write_text(json.dumps({"annotations": annotations, **about}))
    return path


def one(name: str, points: Any) -> dict[str, Any]:
    return {"label": name, "points": points}


def read(path: Path) -> dict[str, Any]:
    return read_outlines(path, NAMES, SIZE, "Case 'c1': label")


def test_masks_and_rings_are_read_back_exactly(tmp_path: Path) -> None:
    hand = np.random.default_rng(0).random(SIZE) < 0.5
    given = {"Hamate": hand, "Capitate": np.zeros(SIZE), "Radius": [RING, SMALL]}
    path = write_outlines(tmp_path / "c1.json", given, SIZE, spacing=0.5)
    found = read(path)
    assert list(found) == ["Hamate", "Radius"]
    np.testing.assert_array_equal(fill_outlines(found["Hamate"], SIZE), hand)
    assert fill_outlines(found["Radius"], SIZE).sum() == 8
    assert json.loads(path.read_text())["metadata"] == {"width": 8, "height": 6, "spacing": 0.5}


def test_a_single_ring_is_written_as_the_field_does(tmp_path: Path) -> None:
    path = write_outlines(tmp_path / "c1.json", {"Radius": RING}, SIZE)
    assert json.loads(path.read_text())["annotations"] == [one("Radius", RING)]


def test_what_is_neither_mask_nor_ring_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'Radius' must be a mask of shape \(8, 6\) or rings"):
        write_outlines(tmp_path / "c1.json", {"Radius": np.ones((6, 8), bool)}, SIZE)
    assert not list(tmp_path.iterdir())


def test_outlines_that_a_person_drew_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "_written", set())
    drawn = write(tmp_path / "drawn.json", one("Radius", RING), metadata={"width": 8, "height": 6})
    assert not is_made(drawn)
    with pytest.raises(UsageError, match="was not written by scanfill"):
        write_outlines(drawn, {"Radius": SMALL}, SIZE)
    ours = write_outlines(tmp_path / "ours.json", {"Radius": RING}, SIZE)
    monkeypatch.setattr(replacing, "_written", set())
    assert is_made(ours)
    write_outlines(ours, {"Radius": SMALL}, SIZE)


def test_a_closing_point_and_points_on_the_edge_are_fine(tmp_path: Path) -> None:
    path = write(tmp_path / "c1.json", one("Radius", [[-0.5, -0.5], [8, 0], [8, 6], [-0.5, -0.5]]))
    assert len(read(path)["Radius"][0]) == 3


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([one("hamate", RING)], r"annotation 1 is an outline of 'hamate'.*nearest is 'Hamate'"),
        ([one("Hamate", RING), one("Hamate", SMALL)], r"annotation 2 is a second outline of 'Hamate'"),
        ([one("Radius", [[0, 0], [1, 0]])], r"outline of 'Radius' has 2 points: at least three \[x, y\] points"),
        ([one("Radius", [RING, []])], r"outline of 'Radius' has 0 points"),
        ([one("Radius", [[0, 0], [2, 2], [4, 4]])], r"encloses no area: its 3 points, the first at \[0, 0\]"),
        ([one("Radius", [*RING, [9, 5]])], r"has point 5 of 5 at \[9, 5\], outside the image of 8 x 6 pixels"),
        ([one("Radius", [*RING, [3, -1]])], r"has point 5 of 5 at \[3, -1\], outside"),
        ([one("Radius", [*RING, [float("nan"), 1]])], r"has point 5 of 5 at \[nan, 1\], outside"),
        ([one("Radius", [[0, 0], [4, 4], [4, 0], [0, 4]])], r"'Radius' crosses itself at \[2, 2\]"),
        ([one("Radius", [RING, [[3, 2], [6, 2], [6, 3], [3, 3]]])], r"'Radius' crosses itself at \[4, [23]\]"),
        ([one("Radius", "none")], r"'Radius' has points that are neither"),
        ([one("Radius", [[1, 2, 3]] * 3)], r"'Radius' has points that are neither"),
        ([{"label": "Radius"}], r"annotation 1 has no label or no points"),
    ],
)
def test_outlines_that_cannot_be_right_are_refused(tmp_path: Path, annotations: Any, message: str) -> None:
    path = write(tmp_path / "wrong.json", *annotations)
    with pytest.raises(CaseError, match=rf"Case 'c1': label \(.*wrong.json\).*{message}"):
        read(path)


@pytest.mark.parametrize(
    "stated", [{"metadata": {"width": 6, "height": 8}}, {"imageWidth": 6, "imageHeight": 8, "metadata": {}}]
)
def test_outlines_of_an_image_of_another_size_are_refused(tmp_path: Path, stated: dict[str, Any]) -> None:
    path = write(tmp_path / "c1.json", one("Radius", RING), **stated)
    with pytest.raises(CaseError, match="states the size 6 x 8, but the image has 8 x 6 pixels"):
        read(path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"annotations": 3}', '{"shapes": []}'])
def test_a_file_without_outlines_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "c1.json").write_text(content)
    with pytest.raises(CaseError, match="contains no outlines"):
        read(tmp_path / "c1.json")


def test_other_json_is_told_from_damaged_outlines(tmp_path: Path) -> None:
    for content, meant, marks in (
        ("{}", False, False),
        ('{"training": []}', False, False),
        ('{"annotations": []}', True, False),
        ('{"annotations": [1]}', True, True),
        ("{", True, False),
    ):
        (tmp_path / "c1.json").write_text(content)
        assert (is_outline_file(tmp_path / "c1.json"), has_outlines(tmp_path / "c1.json")) == (meant, marks)
