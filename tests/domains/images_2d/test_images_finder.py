"""Images with a table of conditions, or in one folder per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path


def draw(path: Path, size: int = 8, bits: int = 8, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 2**bits, (size, size))
    Image.fromarray(values.astype(np.uint8 if bits == 8 else np.uint16)).save(path)
    return path


def with_table(folder: Path, rows: str, names: tuple[str, ...] = ("a", "b")) -> Path:
    for number, name in enumerate(names):
        draw(folder / "images" / f"{name}.png", seed=number)
    (folder / "conditions.csv").write_text(f"case_id,modality,pathology,severity\n{rows}")
    return folder


def test_images_get_the_conditions_of_their_rows(tmp_path: Path) -> None:
    one, other = find_cases(with_table(tmp_path, "a,mri,tumor,0.5\nb.png,,,\n"), schema="images_2d")
    assert (one["modality"], one["pathology"], one["severity"]) == ("mri", "tumor", 0.5)
    assert not {"modality", "pathology", "severity"} & set(other)


def test_images_may_lie_beside_the_table(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    (tmp_path / "conditions.csv").write_text("case_id,age\na,60\n")
    (case,) = find_cases(tmp_path, schema="images_2d")
    assert case["age"] == 60


def test_without_a_table_a_subfolder_is_a_class(tmp_path: Path) -> None:
    for number, kind in enumerate(("Hand", "CXR")):
        draw(tmp_path / kind / "000.png", seed=number)
    cases = find_cases(tmp_path, schema="images_2d")
    assert [(case["case_id"], case["class"]) for case in cases] == [("CXR_000", "CXR"), ("Hand_000", "Hand")]


def test_images_without_a_table_or_classes_have_no_conditions(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    (case,) = find_cases(tmp_path, schema="images_2d")
    assert set(case) == {"case_id", "patient", "image", "synthetic"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,mri,tumor,0.5\nb,,,\nc,,,\n", "rows without an image: c. Add the images, or remove the rows"),
        ("a,mri,tumor,0.5\n", "has no row for the images b: add a row for each"),
        ("a,mri,pneumonia,0.5\nb,,,\n", "Case 'a': mri does not show pneumonia"),
        ("a,mri,tumor,1.5\nb,,,\n", "severity=1.5 is not between 0 and 1"),
        ("a,pet,tumor,0.5\nb,,,\n", "modality='pet' is not one of chest_xray"),
        ("a,mri,normal,0.5\nb,,,\n", "a normal image has no finding"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        find_cases(with_table(tmp_path, rows), schema="images_2d")


@pytest.mark.parametrize("other", [{"size": 16}, {"bits": 16}])
def test_images_of_different_size_or_depth_are_refused(tmp_path: Path, other: dict[str, int]) -> None:
    draw(tmp_path / "x" / "a.png")
    draw(tmp_path / "x" / "b.png", **other)
    with pytest.raises(CaseError, match=r"differ in size or depth.*8 x 8 pixels of 8 bits"):
        find_cases(tmp_path, schema="images_2d")


def test_a_synthetic_image_among_the_real_ones_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "x" / "a.png")
    about = PngInfo()
    about.add_text("Description", "scanfill synthetic image, research use only")
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "x" / "b.png", pnginfo=about)
    with pytest.raises(CaseError, match="is synthetic \\(marked in its description\\)"):
        find_cases(tmp_path, schema="images_2d")


def test_color_is_read_as_luminance_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    (tmp_path / "x").mkdir()
    Image.fromarray(values).save(tmp_path / "x" / "a.png")
    with caplog.at_level("INFO"):
        (case,) = find_cases(tmp_path, schema="images_2d")
    assert "1 images are stored in color and read as gray (luminance)" in caplog.text
    read = ReadCased("image", schema="images_2d")(case)["image"]
    expected = values @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read[0].T, expected, atol=1)


def test_color_is_still_refused_where_the_kind_of_data_is_gray(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(CaseError, match="is in color"):
        ReadCased("xray", schema="hand_xray")({"case_id": "a", "xray": str(tmp_path / "a.png")})
