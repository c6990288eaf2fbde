"""Means over boxes and shares of brain, against loops and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from scanfill.networks.neighbourhood import Neighbourhood


def make_image(spatial_dims: int = 3, images: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """A random image in a brain that does not fill it, and the brain."""
    draw = torch.Generator().manual_seed(3)
    size = (11, 12, 9)[:spatial_dims]
    inside = torch.zeros(1, 1, *size)
    inside[(..., *(slice(2, -1) for _ in size))] = 1
    return torch.randn(1, images, *size, generator=draw) * inside, inside


def test_without_boxes_the_images_pass_as_they_are() -> None:
    x, inside = make_image()
    around = Neighbourhood(3, 2)
    assert (around.channels, around.owners) == (2, [0, 1])
    assert torch.equal(around(x, inside), x)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_mean_counts_the_brain_in_its_box_and_nothing_else(spatial_dims: int) -> None:
    x, inside = make_image(spatial_dims)
    around = Neighbourhood(spatial_dims, 2, [3, 5])
    found = around(x, inside)
    assert found.shape[1] == around.channels == 2 * 3 + 2
    assert around.owners == [0, 1, 0, 1, 0, 1, -1, -1]
    voxel = (5,) * spatial_dims
    corner = (2,) * spatial_dims
    for place in (voxel, corner):
        for number, width in enumerate((3, 5)):
            box = tuple(slice(max(0, at - width // 2), at + width // 2 + 1) for at in place)
            brain = inside[0, 0][box] > 0
            for image in range(2):
                expected = x[0, image][box][brain].mean()
                torch.testing.assert_close(found[(0, 2 + 2 * number + image, *place)], expected)
            share = inside[0, 0][box].mean()
            torch.testing.assert_close(found[(0, 6 + number, *place)], 4 * share - 3)


def test_deep_inside_it_is_scipys_uniform_filter() -> None:
    x, inside = make_image()
    found = Neighbourhood(3, 2, [3])(x, inside)
    deep = (slice(4, 8), slice(4, 8), slice(4, 6))
    np.testing.assert_allclose(found[0, 2].numpy()[deep], uniform_filter(x[0, 0].numpy(), 3)[deep], atol=1e-6)


def test_outside_the_brain_all_means_are_zero() -> None:
    x, inside = make_image()
    found = Neighbourhood(3, 2, [3, 7])(x, inside)
    assert (found[(inside == 0).expand_as(found)] == 0).all()
    assert found.isfinite().all()


def test_a_box_needs_a_centre() -> None:
    for widths in ([4], [1], [3, 6]):
        with pytest.raises(ValueError, match="odd and at least 3"):
            Neighbourhood(3, 1, widths)
    with pytest.raises(ValueError, match="2 or 3"):
        Neighbourhood(4, 1)
