"""The CT window with jittered centre and width."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import ScaleIntensityRange

from scanfill.errors import UsageError
from scanfill.transforms import RandWindow, RandWindowd, rewindow

HU = torch.linspace(-1000, 1000, 64).reshape(1, 8, 8)


def shown(image: torch.Tensor, centre: float, width: float) -> np.ndarray:
    scale = ScaleIntensityRange(centre - width / 2, centre + width / 2, 0, 1, clip=True)
    return np.asarray(scale(image))


@given(st.floats(-100, 100), st.floats(100, 2000))
@settings(deadline=None)
def test_the_nominal_window_then_shows_what_the_other_one_does(centre: float, width: float) -> None:
    moved = rewindow(HU, (centre, width), (50, 500))
    np.testing.assert_allclose(shown(moved, 50, 500), shown(HU, centre, width), atol=1e-4)


@given(st.floats(-100, 100), st.floats(100, 2000))
@settings(deadline=None)
def test_moving_a_window_and_back_gives_the_image_again(centre: float, width: float) -> None:
    there = rewindow(HU, (centre, width), (50, 500))
    torch.testing.assert_close(rewindow(there, (50, 500), (centre, width)), HU, atol=1e-2, rtol=1e-4)


def test_drawn_windows_keep_within_the_jitter_and_fill_it() -> None:
    window = RandWindow(50, 500, centre_jitter=20, width_jitter=0.1, prob=1).set_random_state(0)
    drawn = []
    for _ in range(300):
        window.randomize()
        drawn.append(window.seen)
    centres, widths = np.transpose(drawn)
    assert [round(centres.min(), -1), round(centres.max(), -1)] == [30, 70]
    assert [round(widths.min(), -1), round(widths.max(), -1)] == [450, 550]


def test_without_jitter_or_luck_the_image_is_the_same_bit_for_bit() -> None:
    assert torch.equal(RandWindow(50, 500, 0, 0, prob=1)(HU), HU)
    assert torch.equal(RandWindow(50, 500, prob=0)(HU), HU)


def test_keys_share_a_window_that_a_seed_fixes() -> None:
    image = MetaTensor(HU, affine=torch.eye(4) * 2)
    first, second = (
        RandWindowd(["a", "b"], 50, 500, prob=1).set_random_state(5)({"a": image, "b": image}) for _ in "12"
    )
    assert torch.equal(first["a"], first["b"])
    assert torch.equal(first["a"], second["a"])
    assert not torch.equal(first["a"], image)
    assert torch.equal(first["a"].affine, image.affine)


@pytest.mark.parametrize(
    "arguments", [{"width": 0}, {"width": 400, "width_jitter": 1}, {"width": 400, "centre_jitter": -1}]
)
def test_a_window_that_could_turn_over_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="The window needs a `width`"):
        RandWindow(50, **arguments)
    with pytest.raises(UsageError, match="`seen`"):
        rewindow(HU, (0, 0), (0, 1))
