"""FeatureEncoder."""

from __future__ import annotations

import pytest
import torch

from scanfill.networks import FeatureEncoder


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_each_resolution_has_half_the_sides_of_the_one_before(spatial_dims: int) -> None:
    network = FeatureEncoder(spatial_dims, in_channels=2, channels=(3, 4, 5))
    found = network(torch.rand(2, 2, *[9] * spatial_dims))
    assert [tuple(each.shape) for each in found] == [
        (2, width, *[side] * spatial_dims) for width, side in ((3, 9), (4, 5), (5, 3))
    ]


def test_after_standardizing_every_feature_has_mean_0_and_sd_1_and_the_file_keeps_that() -> None:
    torch.manual_seed(0)
    network, images = FeatureEncoder(channels=(4, 6)), torch.randn(5, 1, 8, 8)
    network.standardize(images)
    for features in network(images):
        values = features.transpose(0, 1).flatten(1)
        torch.testing.assert_close(values.mean(1), torch.zeros(len(values)), atol=1e-4, rtol=0)
        torch.testing.assert_close(values.std(1), torch.ones(len(values)), atol=1e-3, rtol=0)
    copy = FeatureEncoder(channels=(4, 6))
    copy.load_state_dict(network.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(network(images), copy(images), strict=True))


def test_a_feature_that_is_constant_stays_finite() -> None:
    network = FeatureEncoder(channels=(2,))
    network.standardize(torch.zeros(2, 1, 4, 4))
    assert network(torch.zeros(2, 1, 4, 4))[0].isfinite().all()
