"""The window of a CT, and CT whose values are not what they are said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.data import MetaTensor
from monai.transforms import Compose

from one_slice_files import save_dicom, save_picture
from scanfill.data import ReadCased
from scanfill.domains.kidney_ct import CheckCTd, WindowCTd
from scanfill.errors import CaseError, UsageError
from tiny_cases import save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TISSUE = np.array([-1000, -950, -100, -90, 0, 30, 60, 200, 1200], np.float32)
"""Air, fat, water, soft tissue, enhanced kidney, bone, in HU."""

body = arrays(np.int16, (1, 6, 5, 1), elements=st.integers(-1024, 600))


def window(image: Any, *options: Any, **more: Any) -> Any:
    return WindowCTd("ct", *options, **more)({"case_id": "c1", "ct": image})["ct"]


def in_a_body(hu: NDArray[Any]) -> torch.Tensor:
    """Values in the middle of air, so that the whole is a slice of a body."""
    padded = np.full((1, 20, 20, 1), -1000.0, np.float32)
    padded[:, 2 : 2 + hu.shape[1], 2 : 2 + hu.shape[2]] = hu
    return torch.from_numpy(padded)


@given(hu=body, width=st.floats(1, 2000), level=st.floats(-500, 500))
@settings(max_examples=50, deadline=None)
def test_hu_become_shares_of_the_window(hu: NDArray[Any], width: float, level: float) -> None:
    image = in_a_body(hu)
    scaled = window(image, width=width, level=level)
    expected = np.clip((image.numpy() - (level - width / 2)) / width, 0, 1)
    np.testing.assert_allclose(scaled, expected, atol=1e-4)
    assert scaled.dtype == torch.float32


@given(hu=body)
@settings(max_examples=50, deadline=None)
def test_an_exported_slice_becomes_what_its_hu_become(hu: NDArray[Any]) -> None:
    image = in_a_body(hu)
    image[0, 10, 10:13, 0] = torch.tensor([0.0, 100.0, 300.0])
    exported = torch.round((torch.clip(image, -200, 200) + 200) / 400 * 255)
    assert (window(exported, "windowed") - window(image, "hu")).abs().max() <= 0.5 / 255 + 1e-6


@given(hu=body, offset=st.sampled_from([1000, 1024]))
@settings(max_examples=50, deadline=None)
def test_hu_with_an_offset_are_refused_whatever_they_show(hu: NDArray[Any], offset: int) -> None:
    image = torch.clip(in_a_body(hu), min=-offset) + offset
    image[0, 10, 10, 0] = 2000
    for intensities in ("hu", "windowed"):
        with pytest.raises(CaseError):
            window(image, intensities)


def test_a_crop_of_a_checked_image_may_hold_one_tissue() -> None:
    crop = torch.full((1, 4, 4), 40.0)
    with pytest.raises(CaseError, match="but HU are expected"):
        window(crop)
    assert torch.all(window(crop, checked=True) == 0.6)


def test_checking_alone_changes_nothing() -> None:
    case = {"case_id": "c1", "ct": torch.from_numpy(TISSUE)[None]}
    assert torch.equal(CheckCTd("ct")(case)["ct"], case["ct"])
    with pytest.raises(CaseError, match="they are HU"):
        CheckCTd("ct", "windowed")(case)


def test_place_and_file_of_an_image_are_kept() -> None:
    image = MetaTensor(TISSUE.reshape(1, 3, 3, 1), affine=torch.diag(torch.tensor([2.0, 3, 4, 1])))
    assert torch.equal(window(image).affine, image.affine)


@pytest.mark.parametrize(
    ("values", "intensities", "message"),
    [
        (
            np.arange(256),
            "hu",
            r"from 0 to 255, but HU are expected .* Give the CT, or pass --intensities windowed",
        ),
        (TISSUE + 1024, "hu", r"from 24 to 2224, .* nothing is below 0.*rescaling of DICOM .*often -1024.* left out"),
        ([-2000, *[1024 + hu for hu in (-1000, 0, 30, 60, 40, 50)]], "hu", r".*71% of the voxels are above 700"),
        (np.linspace(-1, 1, 99), "hu", r"from -1 to 1, .* it was scaled, or is no CT"),
        (np.linspace(0, 1, 99), "hu", r"from 0 to 1, .* it was scaled, or is no CT"),
        (TISSUE, "windowed", r"from -1000 to 1200, but a slice windowed .* they are HU. Pass --intensities hu"),
        (TISSUE + 1024, "windowed", r"from 24 to 2224, .* more than 8 bits. Give HU"),
        (np.linspace(0, 1, 99), "windowed", r"from 0 to 1, .* it was scaled, or is a label map"),
        (np.linspace(0, 200, 99), "windowed", r"from 0 to 200, .* it was scaled"),
    ],
)
def test_values_of_another_kind_are_refused_with_what_to_do(values: Any, intensities: str, message: str) -> None:
    image = torch.from_numpy(np.asarray(values, np.float32)[None, :, None])
    with pytest.raises(CaseError, match=f"^Case 'c1': ct holds values {message}"):
        window(image, intensities)


def test_files_of_the_wrong_kind_are_told_by_name(tmp_path: Path) -> None:
    picture = save_picture(tmp_path / "slice.jpg", np.random.default_rng(0).integers(0, 256, (16, 16)))
    volume = save(tmp_path / "ct.nii.gz", np.resize(TISSUE, (6, 6, 6)).astype(np.int16))
    for file, intensities in ((picture, "hu"), (volume, "windowed")):
        prepare = Compose([ReadCased("ct", schema="kidney_ct"), WindowCTd("ct", intensities)])
        with pytest.raises((CaseError, RuntimeError)) as caught:
            prepare({"case_id": "c1", "ct": str(file)})
        assert str(file) in str(caught.value) + str(caught.value.__cause__)
    right = Compose([ReadCased("ct", schema="kidney_ct"), WindowCTd("ct", "windowed")])
    assert right({"case_id": "c1", "ct": str(picture)})["ct"].max() <= 1


def test_a_slice_of_dicom_without_its_rescaling_is_refused(tmp_path: Path) -> None:
    hu = np.resize(TISSUE, (9, 8))
    for rescaled in (True, False):
        path = save_dicom(tmp_path / f"{rescaled}.dcm", hu, rescaled=rescaled)
        case = ReadCased("ct", schema="kidney_ct")({"case_id": "c1", "ct": str(path)})
        if rescaled:
            assert CheckCTd("ct")(case)["ct"].min() == -1000
        else:
            with pytest.raises(CaseError, match=r"False.dcm\) holds values from 24 to 2224.* rescaling of DICOM"):
                CheckCTd("ct")(case)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intensities": "HU"}, "intensities \\(='HU'\\) must be one of hu, windowed"),
        ({"width": 0}, "The width of the window \\(=0 HU\\) must be positive"),
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WindowCTd("ct", **options)


def test_a_generated_image_may_hold_anything() -> None:
    case = {"case_id": "c1", "ct": torch.full((1, 4, 4, 1), 30.0)}
    with pytest.raises(CaseError, match="HU are expected"):
        CheckCTd("ct")(case)
    assert torch.equal(CheckCTd("ct")(case | {"synthetic": ["ct", "label"]})["ct"], case["ct"])
