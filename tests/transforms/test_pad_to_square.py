"""PadToSquare: slices of any shape become squares, and come back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from scanfill.transforms import PadToSquare, PadToSquared

SIDES = st.integers(1, 9)


@given(SIDES, SIDES, st.integers(1, 3))
def test_the_longer_side_is_kept_and_what_was_there_lies_in_the_middle(x: int, y: int, z: int) -> None:
    image = torch.rand(1, x, y, z)
    square = PadToSquare()(image)
    side = max(x, y)
    assert square.shape == (1, side, side, z)
    left, top = (side - x) // 2, (side - y) // 2
    assert torch.equal(square[:, left : left + x, top : top + y], image)


@pytest.mark.parametrize("shape", [(1, 4, 9), (1, 9, 4, 2), (2, 5, 5, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_the_inverse_gives_image_and_affine_back(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    image = MetaTensor((200 * torch.rand(shape)).to(dtype), affine=torch.diag(torch.tensor([2.0, 3.0, 5.0, 1.0])))
    chain = Compose([PadToSquared("ct")])
    padded = chain({"ct": image})
    back = Invertd("ct", transform=chain, orig_keys="ct")(padded)["ct"]
    assert torch.equal(back.as_tensor(), image.as_tensor())
    torch.testing.assert_close(back.affine, image.affine)


def test_the_border_is_repeated_because_nothing_is_not_always_zero() -> None:
    assert (PadToSquare()(torch.full((1, 2, 5), -1000.0)) == -1000).all()
