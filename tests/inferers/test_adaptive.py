"""AdaptiveFlipInferer: all passes where the first one is in doubt, and what that leaves unchanged."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from monai.data import MetaTensor
from monai.inferers import SimpleInferer, SlidingWindowInferer

from networks import Strided, convolution
from scanfill.errors import UsageError
from scanfill.inferers import AdaptiveFlipInferer, DenseInferer, FlipInferer
from scanfill.inferers.boxes import cover
from scanfill.inferers.regions import Crops, Tiles, steps
from test_dense import tiny


def blob(size: tuple[int, ...] = (64, 56, 48), seed: int = 0) -> torch.Tensor:
    """Weak noise with one strong spot: only there a network is not like everywhere else."""
    torch.manual_seed(seed)
    image = 0.01 * torch.randn(1, 2, *size)
    image[..., 18:24, 12:18, 20:26] += 3 * torch.randn(1, 2, 6, 6, 6)
    return image


def threshold_of(share: float, image: torch.Tensor, network: torch.nn.Module, inferer: Any) -> float:
    """Threshold above which this share of the voxels is in doubt."""
    with torch.no_grad():
        doubt = 1 - inferer(image, network).softmax(1).amax(1)
    return float(np.quantile(doubt.numpy(), 1 - share))


def averaged_part(inferer: AdaptiveFlipInferer, image: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
    """Where all passes were made: the SD is 0 elsewhere."""
    inferer.uncertainty = "sd"
    return inferer(image, network).uncertainty.amax(1, keepdim=True) > 0


def test_in_its_boxes_it_gives_what_all_passes_of_the_whole_image_give() -> None:
    """Fully convolutional, no normalisation, boxes on the strides, margin of the receptive field: nothing is lost."""
    network, image = Strided(), blob()
    threshold = threshold_of(0.001, image, network, SimpleInferer())
    adaptive = AdaptiveFlipInferer(SimpleInferer(), threshold=threshold, margin=12, multiple=4)
    result, everywhere = adaptive(image, network), FlipInferer(SimpleInferer())(image, network)
    with torch.no_grad():
        first = network(image).log_softmax(1)
    there = averaged_part(adaptive, image, network)
    assert 0.001 < there.float().mean() < 0.3
    assert (everywhere - first).abs().amax() > 0.01
    torch.testing.assert_close(torch.where(there, result, 0), torch.where(there, everywhere, 0), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.where(there, 0, result), torch.where(there, 0, first), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("margin", "multiple"), [(12, 3), (0, 4)], ids=["off the strides", "no margin"])
def test_boxes_off_the_strides_or_without_context_would_be_seen(margin: int, multiple: int) -> None:
    network, image = Strided(), blob()
    threshold = threshold_of(0.001, image, network, SimpleInferer())
    adaptive = AdaptiveFlipInferer(SimpleInferer(), threshold=threshold, margin=margin, multiple=multiple)
    everywhere = FlipInferer(SimpleInferer())(image, network)
    if multiple == 3:  # sizes that the network cannot halve twice come back too large
        with pytest.raises(Exception, match="size|shape"):
            assert adaptive(image, network).shape == (0,), "size"
        return
    there = averaged_part(adaptive, image, network)
    adaptive.uncertainty = None
    assert (torch.where(there, adaptive(image, network) - everywhere, 0)).abs().amax() > 1e-3


def test_deepmedic_loses_nothing_on_any_size() -> None:
    network = tiny()
    torch.manual_seed(1)
    image = torch.randn(1, 2, 17, 22, 31)
    threshold = threshold_of(0.0003, image, network, DenseInferer())
    adaptive = AdaptiveFlipInferer(DenseInferer(), threshold=threshold)
    result, everywhere = adaptive(image, network), FlipInferer(DenseInferer())(image, network)
    there = averaged_part(adaptive, image, network)
    assert 0.01 < there.float().mean() < 0.9
    torch.testing.assert_close(torch.where(there, result, 0), torch.where(there, everywhere, 0), atol=1e-4, rtol=0)
