"""Predicting volumes slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer, SlidingWindowInferer

from scanfill.errors import UsageError
from scanfill.inferers import DenseInferer, FlipInferer, PredictSlices
from scanfill.networks import UnpaddedUNet
from small_networks import convolution, flip_by_flip

if TYPE_CHECKING:
    from monai.inferers import Inferer

INFERERS = {
    "simple": SimpleInferer(),
    "sliding window": SlidingWindowInferer(roi_size=(8, 8), overlap=0.25),
}


@pytest.mark.parametrize("spatial_dim", [0, 1, 2])
@pytest.mark.parametrize("inferer", INFERERS.values(), ids=INFERERS)
@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_each_slice_is_predicted_as_if_alone(spatial_dim: int, inferer: Inferer, at_once: int) -> None:
    network, volume = convolution(2), torch.randn(2, 2, 9, 10, 11)
    with torch.no_grad():
        predicted = PredictSlices(inferer, spatial_dim, at_once=at_once)(volume, network)
        slices = [inferer(each, network) for each in volume.unbind(2 + spatial_dim)]
    torch.testing.assert_close(predicted, torch.stack(slices, 2 + spatial_dim))


def test_a_volume_goes_through_an_unpadded_network_slice_by_slice() -> None:
    torch.manual_seed(0)
    network, volume = UnpaddedUNet(2, 1, 2, (2, 3, 4)).eval(), torch.rand(1, 1, 20, 13, 5)
    dense = DenseInferer(16, padding="reflect", at_once=2)
    with torch.no_grad():
        predicted = PredictSlices(dense, at_once=2)(volume, network)
        alone = dense(volume[..., 3], network)
    assert predicted.shape == (1, 2, 20, 13, 5)
    torch.testing.assert_close(predicted[..., 3], alone, rtol=0, atol=1e-4)


def test_an_image_of_two_dimensions_is_one_slice() -> None:
    network, image = convolution(2), torch.randn(3, 2, 9, 10)
    with torch.no_grad():
        assert torch.equal(PredictSlices(SimpleInferer())(image, network), network(image))


def test_no_more_slices_than_stated_go_in_at_once() -> None:
    network, seen = convolution(2), []
    network.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    PredictSlices(SimpleInferer(), at_once=4)(torch.zeros(2, 2, 5, 5, 5), network)
    assert seen == [4, 4, 2]


@pytest.mark.parametrize("shape", [(1, 2, 6, 6), (1, 2, 6, 6, 4)], ids=str)
def test_metadata_of_the_image_are_kept(shape: tuple[int, ...]) -> None:
    image = MetaTensor(torch.randn(shape), affine=torch.diag(torch.tensor([0.7, 0.7, 3.0, 1.0])))
    with torch.no_grad():
        predicted = PredictSlices(SimpleInferer())(image, convolution(2))
    assert isinstance(predicted, MetaTensor)
    assert torch.equal(predicted.affine, image.affine)


def test_it_can_be_averaged_over_flips() -> None:
    network, volume = convolution(2), torch.randn(1, 2, 6, 7, 3)
    slices = PredictSlices(SimpleInferer())
    averaged = FlipInferer(slices, axes=(0, 1), merge="logits")(volume, network)
    each = flip_by_flip(volume, lambda flipped: slices(flipped, network), (0, 1))
    torch.testing.assert_close(averaged, each.mean(0))


@pytest.mark.parametrize("arguments", [{"spatial_dim": 3}, {"spatial_dim": -1}, {"at_once": 0}], ids=str)
def test_impossible_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"`{next(iter(arguments))}`"):
        PredictSlices(SimpleInferer(), **arguments)


def test_other_images_and_further_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match=r"got shape \[1, 2, 5\]"):
        PredictSlices(SimpleInferer())(torch.zeros(1, 2, 5), convolution(2))
    with pytest.raises(TypeError, match=r"0 extra arguments and \['condition'\]"):
        PredictSlices(SimpleInferer())(torch.zeros(1, 2, 5, 5), convolution(2), condition=1)
