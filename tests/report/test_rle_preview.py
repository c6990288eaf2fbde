"""Masks of a table are drawn on their images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from drawn_rle import CLASSES, discs, rows_of, write_discs
from scanfill.data.rle import NamedPictures, RleRow, write_rle_table
from scanfill.errors import CaseError, UsageError
from scanfill.report import rle_preview
from scanfill.report.rle_preview import preview_rle_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pictures(tmp_path: Path) -> NamedPictures:
    for number in range(3):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (60, 40), np.uint8)).save(
            tmp_path / f"{number}.png"
        )
    return NamedPictures(tmp_path)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Masks that are drawn; a red square in place of the picture."""
    calls: list[Any] = []

    def draw(_: Any, masks: Any, path: Path, **options: Any) -> Path:
        calls.append((options["title"], masks.numpy(), options["legend"]))
        Image.fromarray(np.full((2, 2, 3), (255, 0, 0), np.uint8)).save(path)
        return path

    monkeypatch.setattr(rle_preview, "draw_preview", draw)
    return calls


def test_a_picture_shows_the_first_image(tmp_path: Path, pictures: NamedPictures) -> None:
    path = preview_rle_table(write_discs(tmp_path / "rle.csv"), pictures, tmp_path / "out.png")
    with Image.open(path) as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize("order", ["row", "column"])
def test_masks_are_drawn_where_they_are(tmp_path: Path, pictures: NamedPictures, drawn: list[Any], order: Any) -> None:
    preview_rle_table(write_discs(tmp_path / "rle.csv", order=order), pictures, tmp_path / "p.html", order=order)
    assert [name for name, _, _ in drawn] == ["0.png", "1.png"]
    for _, masks, legend in drawn:
        np.testing.assert_array_equal(masks, [mask.T for mask in discs().values()])
        assert list(legend.values()) == list(CLASSES)


def test_a_page_names_its_images(tmp_path: Path, pictures: NamedPictures, drawn: list[Any]) -> None:
    table = write_discs(tmp_path / "rle.csv", images=3)
    page = preview_rle_table(table, pictures, tmp_path / "p.html", number=2).read_text()
    assert page.count("data:image/png") == len(drawn) == 2
    assert "0.png: 2 of 3 classes are present" in page
    assert "row by row" in page
    preview_rle_table(table, pictures, tmp_path / "q.html", names=["2.png"], classes=[*CLASSES, "Pisiform"])
    assert [name for name, _, _ in drawn[2:]] == ["2.png"]
    assert not drawn[2][1][3].any()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (rows_of("0.png", discs()), {"names": ["9.png"]}, "has no row for 9.png"),
        (rows_of("9.png", discs()), {}, "There is no image '9.png' in .*, but line 2 of the table"),
        ([], {}, "has no rows"),
        (rows_of("0.png", discs(120, 80)), {}, r"Line 2 of the table \(0.png, Radius\): .* beyond the last pixel"),
        ([RleRow("0.png", "ulna", "1 2")], {"classes": CLASSES}, "'ulna' is not one of Radius, Ulna, Hamate"),
    ],
)
def test_what_cannot_be_drawn_is_told(
    tmp_path: Path, pictures: NamedPictures, rows: list[RleRow], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CaseError, match=message):
        preview_rle_table(write_rle_table(rows, tmp_path / "rle.csv"), pictures, tmp_path / "out.png", **options)
    assert not (tmp_path / "out.png").exists()


def test_a_preview_is_a_picture_or_a_page(tmp_path: Path, pictures: NamedPictures) -> None:
    with pytest.raises(UsageError, match=r"out.jpg must end with .png or .html"):
        preview_rle_table(write_discs(tmp_path / "rle.csv"), pictures, tmp_path / "out.jpg")
