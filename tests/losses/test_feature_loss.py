"""FeatureLoss."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.losses import FeatureLoss


class TwoLayers(nn.Module):
    """Features of two layers, from a random network."""

    def __init__(self, channels: int = 1, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(channels, 4, 3), nn.Conv2d(4, 5, 3, stride=2)
        self.norm, self.scale = nn.BatchNorm2d(4), scale

    def forward(self, images: Tensor) -> list[Tensor]:
        first = torch.tanh(self.norm(self.first(images)))
        return [self.scale * first, torch.tanh(self.second(first))]


def images(seed: int, channels: int = 1) -> tuple[Tensor, Tensor]:
    first, second = torch.rand(2, 2, channels, 9, 9, generator=torch.Generator().manual_seed(seed))
    return first, second


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_its_laws_hold(seed: int, scale: float) -> None:
    first, second = images(seed)
    loss = FeatureLoss(TwoLayers())
    value = loss(first, second)
    assert loss(first, first) == 0
    assert 0 < value <= 4
    torch.testing.assert_close(loss(second, first), value)
    torch.testing.assert_close(FeatureLoss(TwoLayers(scale=scale))(first, second), value, rtol=1e-3, atol=1e-5)
    alone = torch.stack([loss(*(part[index : index + 1] for part in (first, second))) for index in range(2)])
    torch.testing.assert_close(alone.mean(), value)


def test_it_is_the_mean_over_layers_of_the_squared_distance_of_directions() -> None:
    first, second = images(1)
    network = TwoLayers().eval()
    expected = []
    for one, other in zip(network(first), network(second), strict=True):
        cosine = torch.nn.functional.cosine_similarity(one, other, dim=1)
        expected.append((2 - 2 * cosine).mean())
    torch.testing.assert_close(FeatureLoss(network)(first, second), torch.stack(expected).mean())


def test_the_derivative_is_that_of_finite_differences() -> None:
    first, second = (image.double() for image in images(2))
    loss = FeatureLoss(TwoLayers().double())
    assert torch.autograd.gradcheck(lambda image: loss(image, second), first.requires_grad_())


def test_the_network_never_changes_though_the_loss_is_set_to_training() -> None:
    network = TwoLayers()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    loss = FeatureLoss(network).train()
    first, second = images(3)
    loss(first.requires_grad_(), second).backward()
    assert first.grad is not None
    assert first.grad.any()
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_gray_image_is_repeated_for_a_network_of_color_images() -> None:
    first, second = images(4)
    loss = FeatureLoss(TwoLayers(channels=3))
    torch.testing.assert_close(loss(first, second), loss(first.repeat(1, 3, 1, 1), second.repeat(1, 3, 1, 1)))


def test_a_single_feature_map_will_do_and_no_features_at_all_give_a_finite_gradient() -> None:
    first, second = images(5)
    assert FeatureLoss(TwoLayers().first)(first, second) > 0
    dead = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    nn.init.constant_(dead[0].bias, -100)  # type: ignore[arg-type]
    FeatureLoss(dead)(first.requires_grad_(), second).backward()
    assert first.grad is not None
    assert first.grad.isfinite().all()


def test_what_is_missing_or_wrong_is_told() -> None:
    with pytest.raises(UsageError, match="has no feature network"):
        FeatureLoss(None)
    first, second = images(6, channels=2)
    with pytest.raises(ValueError, match=r"takes 3 channels in 2 dimensions; the images have shape \(2, 2, 9, 9\)"):
        FeatureLoss(TwoLayers(channels=3))(first, second)
    with pytest.raises(ValueError, match="takes 1 channels in 2 dimensions"):
        FeatureLoss(TwoLayers())(torch.zeros(1, 1, 9, 9, 9), torch.zeros(1, 1, 9, 9, 9))
    with pytest.raises(ValueError, match="they must be equal"):
        FeatureLoss(TwoLayers())(first, second[..., :4])
