"""Random changes that gradients pass through, the same for real and generated images."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.engines.differentiable_changes import HOLE, ImageChange, draw_change

NONE = float("nan")


def change(**parts: torch.Tensor) -> ImageChange:
    """A change of one image, by default none."""
    alike = {"brightness": torch.zeros(1, 1, 1, 1), "contrast": torch.ones(1, 1, 1, 1), "shift": torch.zeros(1, 2)}
    return ImageChange(**{**alike, "hole": torch.full((1, 2), NONE), **parts})


def test_nothing_is_changed_with_probability_0() -> None:
    images = torch.randn(5, 1, 8, 8)
    torch.testing.assert_close(draw_change(5, 0.0)(images), images)


def test_every_image_is_changed_with_probability_1() -> None:
    torch.manual_seed(0)
    images = torch.randn(20, 1, 16, 16)
    changed = draw_change(20, 1.0)(images)
    assert all(not torch.allclose(one, other) for one, other in zip(changed, images, strict=True))


def test_brightness_is_added_and_contrast_is_about_the_mean() -> None:
    image = torch.tensor([[[[0.0, 0.4]]]])
    brighter = change(brightness=torch.full((1, 1, 1, 1), 0.25))(image)
    torch.testing.assert_close(brighter, image + 0.25)
    torch.testing.assert_close(change(contrast=torch.full((1, 1, 1, 1), 2.0))(image), torch.tensor([[[[-0.2, 0.6]]]]))


def test_a_shift_moves_whole_pixels_and_repeats_the_rim() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    moved = change(shift=torch.tensor([[0.25, 0.0]]))(image)
    torch.testing.assert_close(moved[0, 0], image[0, 0][[0, 0, 1, 2]])
    other = change(shift=torch.tensor([[0.0, -0.25]]))(image)
    torch.testing.assert_close(other[0, 0], image[0, 0][:, [1, 2, 3, 3]])


def test_a_hole_is_a_square_of_zeros() -> None:
    changed = change(hole=torch.tensor([[0.5, 0.5]]))(torch.ones(1, 2, 16, 16))
    assert (changed == 0).sum().item() == 2 * (16 * HOLE) ** 2
    assert not changed[0, :, 4:12, 4:12].any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), probability=st.floats(0, 1))
def test_the_same_change_does_the_same_to_real_and_generated_images(seed: int, probability: float) -> None:
    torch.manual_seed(seed)
    drawn, real = draw_change(3, probability), torch.randn(3, 1, 8, 8)
    assert torch.equal(drawn(real), drawn(real.clone()))
    assert drawn(real).isfinite().all()


def test_gradients_equal_finite_differences() -> None:
    torch.manual_seed(0)
    drawn = draw_change(2, 1.0)
    doubled = ImageChange(*(part.double() for part in (drawn.brightness, drawn.contrast, drawn.shift, drawn.hole)))
    images = torch.randn(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(doubled, (images,))


@pytest.mark.parametrize("axis", [0, 1])
def test_shifts_go_both_ways_and_not_too_far(axis: int) -> None:
    torch.manual_seed(0)
    shifts = draw_change(200, 1.0).shift[:, axis]
    assert shifts.min() < -0.1
    assert shifts.max() > 0.1
    assert shifts.abs().max() <= 0.125
