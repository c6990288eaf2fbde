"""Gray pictures in whatever form they are stored; color is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scanfill.data.image import read_image
from scanfill.data.phantoms import phantom_text
from scanfill.data.picture import picture_text
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

GRAY = (np.arange(24).reshape(4, 6) * 10).astype(np.uint8)
RGB = np.stack([GRAY] * 3, axis=-1)


def read(path: Path) -> Any:
    return read_image(path, "Case 'c1': xray", 2).numpy()[0]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_eight_bits_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c1{suffix}"
    Image.fromarray(GRAY).save(path)
    np.testing.assert_allclose(read(path), GRAY.T, atol=8 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c1{suffix}"
    Image.fromarray(GRAY.astype(np.uint16) * 200).save(path)
    np.testing.assert_array_equal(read(path), GRAY.T * 200.0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_gray_stored_in_color_is_gray(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"c1{suffix}"
    Image.fromarray(GRAY).convert(mode).save(path)
    np.testing.assert_array_equal(read(path), GRAY.T)


def test_a_jpeg_in_color_that_is_gray_is_gray(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "c1.jpg")
    np.testing.assert_allclose(read(tmp_path / "c1.jpg"), GRAY.T, atol=8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_color_photograph_is_refused(tmp_path: Path, suffix: str) -> None:
    photograph = RGB.copy()
    photograph[..., 2] //= 2
    Image.fromarray(photograph).save(tmp_path / f"c1{suffix}")
    with pytest.raises(CaseError, match=r"Case 'c1': xray .* is in color \(mode RGB; red, green and blue differ by up"):
        read(tmp_path / f"c1{suffix}")


def test_one_pixel_in_color_is_color(tmp_path: Path) -> None:
    photograph = RGB.copy()
    photograph[1, 2, 0] ^= 1
    Image.fromarray(photograph).save(tmp_path / "c1.png")
    with pytest.raises(CaseError, match="differ by up to 1 of 255"):
        read(tmp_path / "c1.png")


def test_other_color_models_and_transparency_are_refused(tmp_path: Path) -> None:
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "c1.tif")
    with pytest.raises(CaseError, match=r"is in color \(mode CMYK\)"):
        read(tmp_path / "c1.tif")
    Image.fromarray(np.stack([GRAY, GRAY], axis=-1), "LA").save(tmp_path / "c1.png")
    with pytest.raises(CaseError, match=r"is partly transparent \(mode LA\)"):
        read(tmp_path / "c1.png")


def test_several_pages_are_no_picture(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "c1.tif", save_all=True, append_images=[Image.fromarray(GRAY)] * 2)
    with pytest.raises(CaseError, match=r"Case 'c1': xray .* has 3 pages, but one picture is expected"):
        read(tmp_path / "c1.tif")


def test_a_picture_may_say_that_it_is_a_phantom(tmp_path: Path) -> None:
    about = PngInfo()
    about.add_text("Description", "scanfill phantom, not a patient")
    Image.fromarray(GRAY).save(tmp_path / "c1.png", pnginfo=about)
    Image.fromarray(GRAY).save(tmp_path / "c2.tif", description="scanfill phantom, not a patient")
    Image.fromarray(GRAY).save(tmp_path / "c3.jpg")
    (tmp_path / "c4.png").write_bytes(b"damaged")
    texts = [picture_text(path) for path in sorted(tmp_path.iterdir())]
    assert texts == ["scanfill phantom, not a patient"] * 2 + ["", ""]
    assert "phantom" in phantom_text([str(tmp_path / "c3.jpg"), str(tmp_path / "c1.png")])
