"""One random scale for all axes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from scanfill.transforms import RandOneScaled

SHAPES = [(16, 14), (12, 12, 10)]


@pytest.mark.parametrize("shape", SHAPES)
def test_all_axes_are_scaled_alike_within_the_range(shape: tuple[int, ...]) -> None:
    scale = RandOneScaled("a", (-0.3, 0.4), "bilinear", prob=1, spatial_dims=len(shape)).set_random_state(0)
    image = MetaTensor(torch.rand(1, *shape), affine=torch.eye(4))
    found = []
    for _ in range(60):
        sizes = scale({"a": image})["a"].pixdim[: len(shape)].numpy()
        assert np.ptp(sizes) < 1e-6
        found.append(sizes[0])
    assert 0.7 <= min(found) < 0.8
    assert 1.3 < max(found) <= 1.4


@pytest.mark.parametrize("shape", SHAPES)
def test_labels_keep_their_values_and_a_seed_fixes_the_draw(shape: tuple[int, ...]) -> None:
    label = (torch.rand(1, *shape) > 0.5) * 3.0
    scale = RandOneScaled(["a", "b"], (-0.3, 0.4), ["nearest", "nearest"], prob=1, spatial_dims=len(shape))
    first, second = (scale.set_random_state(1)({"a": label, "b": label}) for _ in range(2))
    assert set(first["a"].unique().tolist()) == {0.0, 3.0}
    assert torch.equal(first["a"], first["b"])
    assert torch.equal(first["a"], second["a"])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_square_is_seen_smaller_by_the_same_factor_along_all_axes(shape: tuple[int, ...]) -> None:
    """Field of view 1.5 times as wide: 8 voxels become 5.33, so 5 or 6."""
    square = torch.zeros(1, *[24] * len(shape))
    square[(0, *[slice(8, 16)] * len(shape))] = 1
    scale = RandOneScaled("a", (0.5, 0.5), "nearest", prob=1, spatial_dims=len(shape)).set_random_state(0)
    scaled = scale({"a": square})["a"][0].numpy()
    lengths = [int(scaled.any(axis=tuple(np.delete(range(len(shape)), axis))).sum()) for axis in range(len(shape))]
    assert lengths[0] in (5, 6)
    assert set(lengths) == {lengths[0]}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_inverse_restores_the_grid(shape: tuple[int, ...]) -> None:
    image = MetaTensor(torch.rand(1, *shape), affine=torch.eye(4))
    chain = Compose([RandOneScaled("a", (0.2, 0.2), "bilinear", prob=1, spatial_dims=len(shape))])
    back = chain.inverse(chain({"a": image}))["a"]
    torch.testing.assert_close(back.affine, image.affine, atol=1e-5, rtol=0)  # computed in 32 bits
    assert back.shape == image.shape
