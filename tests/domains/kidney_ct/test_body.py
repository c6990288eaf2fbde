"""The outline of the body in a slice of CT."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.domains.kidney_ct import BodyOutlined
from scanfill.domains.kidney_ct.body import BodyOutline, body_of


def slice_with_table(side: int = 128) -> np.ndarray:
    """HU of fat with a cavity of air in it, and a thin table far below."""
    across, down = np.indices((side, side)) / side
    image = np.full((side, side), -1000.0)
    image[np.hypot((across - 0.5) / 0.4, (down - 0.45) / 0.25) < 1] = -80
    image[np.hypot(across - 0.5, down - 0.45) < 0.05] = -950
    image[int(0.1 * side) : int(0.9 * side), int(0.9 * side) : int(0.9 * side) + 2] = 200
    return image


@pytest.mark.parametrize("side", [64, 128, 200, 256])
def test_air_in_the_body_belongs_to_it_and_the_table_does_not(side: int) -> None:
    image = slice_with_table(side)
    body = body_of(image > -180)
    assert body.shape == (side, side)
    assert body[side // 2, int(0.45 * side)], "a cavity"
    assert not body[side // 2, int(0.9 * side)], "the table"
    fat = image == -80
    assert (body & fat).sum() > 0.97 * fat.sum()
    assert body.mean() == pytest.approx(np.pi * 0.4 * 0.25, abs=0.04)


def test_without_a_body_there_is_no_outline() -> None:
    assert not body_of(np.zeros((64, 64), bool)).any()


def test_where_fat_is_black_the_outline_bridges_what_is_seen() -> None:
    side = 128
    across, down = np.indices((side, side)) / side
    far = np.hypot((across - 0.5) / 0.4, (down - 0.5) / 0.3)
    wall = (far < 1) & (far > 0.85) & (abs(across - 0.5) > 0.03)  # muscle with a gap in front and behind
    assert body_of(wall)[side // 2, side // 2]
    assert body_of(wall).sum() > 0.85 * (far < 1).sum()


def test_a_volume_is_outlined_slice_by_slice_and_keeps_its_place() -> None:
    volume = np.stack([slice_with_table(64), np.full((64, 64), -1000.0)], axis=-1)[None]
    image = MetaTensor(torch.tensor(volume, dtype=torch.float32), affine=torch.diag(torch.tensor([2.0, 2, 5, 1])))
    (body,) = (BodyOutlined("ct", -180)({"ct": image})["ct"],)
    assert body.shape == (1, 64, 64, 2)
    assert torch.equal(body.affine, image.affine)
    assert body[..., 0].any()
    assert not body[..., 1].any()
    assert torch.equal(torch.Tensor(body[..., 0]), torch.Tensor(BodyOutline(-180)(image[..., 0])))
