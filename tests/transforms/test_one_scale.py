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
    scale = RandOneScaled("a", (-0.3, 0.4), "bilinear", prob=1).set_random_state(0)
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
    scale = RandOneScaled(["a", "b"], (-0.3, 0.4), ["nearest", "nearest"], prob=1)
    first, second = (scale.set_random_state(1)({"a": label, "b": label}) for _ in range(2))
    assert set(first["a"].unique().tolist()) == {0.0, 3.0}
    assert torch.equal(first["a"], first["b"])
    assert torch.equal(first["a"], second["a"])


def test_the_inverse_restores_the_grid() -> None:
    image = MetaTensor(torch.rand(1, 12, 12, 12), affine=torch.eye(4))
    chain = Compose([RandOneScaled("a", (0.2, 0.2), "bilinear", prob=1)])
    back = chain.inverse(chain({"a": image}))["a"]
    torch.testing.assert_close(back.affine, image.affine)
    assert back.shape == image.shape
