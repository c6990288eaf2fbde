"""Inverted radiographs are recognized, and inverted back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from hand_drawings import draw_hand
from scanfill.domains.hand_xray import ToMonochrome2d, central_contrast
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def radiograph(air: int = 20, seed: int = 0, *, labels: bool = False) -> NDArray[np.uint8]:
    """A drawn hand, in front of black or gray air, with black labels and a white border like real ones."""
    image = draw_hand((96, 120), seed, air=air)
    if labels:
        image[:10, 100:] = 0
        image[60:, :3] = 255
    return image


def image_of(values: NDArray[np.uint8]) -> MetaTensor:
    return MetaTensor(torch.from_numpy(values.astype(np.float32))[None])


@pytest.mark.parametrize("air", [0, 20, 90])
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_bright_bones_stay_and_dark_bones_are_inverted(air: int, seed: int, *, labels: bool) -> None:
    image = image_of(radiograph(air, seed, labels=labels))
    right, wrong = (ToMonochrome2d("xray")({"case_id": "c1", "xray": each}) for each in (image, 255 - image))
    assert torch.equal(right["xray"], image)
    assert right["warnings"] == ""
    low, high = image.min(), image.max()
    assert torch.equal(wrong["xray"], image - low + 255 - high)
    assert wrong["warnings"].startswith("xray: The radiograph is stored inverted, with dark bones (MONOCHROME1;")


def test_negating_changes_the_sign_only() -> None:
    image = image_of(radiograph(60))
    assert central_contrast(255 - image) == pytest.approx(-central_contrast(image))
    assert central_contrast(image * 200 + 7) == pytest.approx(central_contrast(image))
    assert central_contrast(image) > 0.2


def test_an_image_without_contrast_is_used_as_it_is_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    noise = MetaTensor(torch.rand((1, 64, 64), generator=torch.Generator().manual_seed(0)))
    with caplog.at_level(logging.WARNING):
        case = ToMonochrome2d("xray")({"case_id": "c1", "xray": noise, "warnings": "another"})
    assert torch.equal(case["xray"], noise)
    assert case["warnings"].splitlines()[0] == "another"
    assert "unclear whether bones are bright" in case["warnings"].splitlines()[1]
    assert "Case 'c1': xray: It is unclear" in caplog.text
    assert central_contrast(torch.ones(1, 8, 8)) == 0


def test_the_meta_data_of_an_inverted_image_stay() -> None:
    image = image_of(radiograph())
    image.meta["filename_or_obj"] = "c1.png"
    case = ToMonochrome2d(["xray", "other"], allow_missing_keys=True)({"xray": 255 - image})
    assert isinstance(case["xray"], MetaTensor)
    assert case["xray"].meta["filename_or_obj"] == "c1.png"


def test_a_volume_is_refused() -> None:
    with pytest.raises(CaseError, match=r"from one image \(1, X, Y\), got shape \(2, 8, 8\)"):
        central_contrast(torch.ones(2, 8, 8))
