"""Start a network at the class frequencies, so that its first steps are not spent on learning them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from monai.networks.layers import Conv
from monai.utils import convert_to_tensor
from torch import nn
from tqdm import tqdm

from scanfill.networks.pixel_unshuffled import PixelUnshuffled

logger = logging.getLogger(__name__)

SMALLEST = 1e-4
"""Smallest share: a rarer class, or one that no case has, starts at this share."""

KINDS = tuple(Conv[kind, dims] for kind in (Conv.CONV, Conv.CONVTRANS) for dims in (1, 2, 3))


def last_convolution(network: nn.Module) -> nn.Module:
    """Return the convolution of a network that was defined last, its output layer.

    Raises:
        ValueError: The network has no convolution.
    """
    convolutions = [module for module in network.modules() if isinstance(module, KINDS)]
    if not convolutions:
        msg = f"`network` (a {type(network).__name__}) has no convolution, so its output layer is unknown."
        raise ValueError(msg)
    return convolutions[-1]


def positive_shares(cases: Iterable[Mapping[str, Any]], label_key: str = "label") -> list[float]:
    """Measure the share of pixels of each overlapping structure.

    Args:
        cases: Prepared training cases, neither cropped nor augmented.
        label_key: Key of the truth ``(C, ...)``, 0 and 1, or the share of each pixel that is inside.

    Returns:
        One share per channel, averaged over the cases.

    Raises:
        ValueError: There are no cases.
    """
    shares = [
        convert_to_tensor(case[label_key]).flatten(1).float().mean(1)
        for case in tqdm(cases, desc="Class frequencies", unit="case", leave=False)
    ]
    if not shares:
        msg = "There are no cases to measure class frequencies on. Give training cases, or the shares as numbers."
        raise ValueError(msg)
    return [float(share) for share in torch.stack(shares).mean(0)]


def set_output_bias(network: nn.Module, shares: float | Sequence[float] | None) -> None:
    """Set the bias of a network's output layer so that its sigmoid starts near the share of positive pixels.

    As for the focal loss (Lin et al., arXiv 1708.02002, section 4.1), but one share per class. Call it before training;
    weights that are loaded later replace the bias.

    Args:
        network: Bare network (not its DistributedDataParallel wrapper) that ends in a convolution with a bias and one
            channel per class, or one per class and pixel of a block in a :py:class:`PixelUnshuffled`.
        shares: Share of positive pixels, one number or one per class; None leaves the bias as it is.

    Raises:
        ValueError: The output layer has no bias or another number of channels, or a share is not between 0 and 1.
    """
    if shares is None:
        return
    layer = last_convolution(network)
    bias = layer.bias
    given = torch.as_tensor(shares, dtype=torch.float32)
    if given.ndim and isinstance(network, PixelUnshuffled):
        given = given.repeat_interleave(network.factor**2)
    if not isinstance(bias, nn.Parameter) or (given.ndim and len(given) != len(bias)):
        found = f"{len(bias)} channels" if isinstance(bias, nn.Parameter) else "no bias"
        msg = (
            f"`shares` has {given.numel()} numbers, but the output layer of {type(network).__name__} has {found}. "
            f"Give one share per class, or one for all."
        )
        raise ValueError(msg)
    if not ((given >= 0) & (given < 1)).all():
        msg = f"`shares` (={given.tolist()}) must be at least 0 and below 1."
        raise ValueError(msg)
    with torch.no_grad():
        bias.copy_(torch.logit(given.clamp(SMALLEST, 1 - SMALLEST)))
    logger.info("Output bias from shares of positive pixels from %.2g to %.2g.", given.min().item(), given.max().item())
