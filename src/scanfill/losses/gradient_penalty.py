"""Penalties on gradients that keep a GAN stable: of the discriminator at real images, and of a generator's styles."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from scanfill.errors import CheckpointError


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Return R1: the mean squared norm of the discriminator's gradient at real images.

    Source: Mescheder et al., ICML 2018, equation 9; its weight there is gamma / 2.

    Args:
        logits: Of the images, ``(B, 1)``, computed from ``images`` with a graph.
        images: ``(B, C, ...)``, with ``requires_grad``.

    Returns:
        A scalar with a graph.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=tuple(range(1, gradient.dim()))).mean()


class PathLength:
    """Penalty of a generator whose images change by different lengths for equal steps of its styles.

    The length is the norm of the gradient of the image, multiplied by noise, with respect to the styles; it is compared
    with its moving average. Source: Karras et al., CVPR 2020, section 3.2, equation 4.

    Args:
        decay: How fast the moving average follows.
    """

    def __init__(self, decay: float = 0.01) -> None:
        self.decay = decay
        self.mean = 0.0

    def __call__(self, images: Tensor, styles: Tensor) -> Tensor:
        """Return the mean squared difference, a scalar with a graph; the moving average takes a step.

        Args:
            images: ``(B, C, X, Y)``, drawn from ``styles`` with a graph.
            styles: ``(B, layers, N)``.
        """
        noise = torch.randn_like(images) / math.sqrt(images[0, 0].numel())
        lengths = path_lengths(images, styles, noise)
        self.mean += self.decay * (float(lengths.detach().mean()) - self.mean)
        return (lengths - self.mean).square().mean()

    def state_dict(self) -> dict[str, Any]:
        """Return the moving average."""
        return {"mean": self.mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with a moving average.

        Raises:
            CheckpointError: There is none.
        """
        if "mean" not in state:
            msg = f"The checkpoint has no mean path length, but {list(state)}: it is of another kind of training."
            raise CheckpointError(msg)
        self.mean = float(state["mean"])


def path_lengths(images: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """Return the length of each image's step, ``(B,)``: the root of the mean over layers of the squared gradient norm.

    Args:
        images: ``(B, C, X, Y)``, drawn from ``styles`` with a graph.
        styles: ``(B, layers, N)``.
        noise: ``(B, C, X, Y)``, standard normal divided by the root of the number of pixels.
    """
    (gradient,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
