"""Draw images with a trained StyleGAN2: truncated, or on the way from one image to another."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.networks.stylegan2 import SkipGenerator

CENTER = 256
"""Latent vectors whose mean style is the center of truncation."""

NOISE_SEED = 1 << 40
"""Added to a sample's seed for its noise, so that it is another than that of its latent vector."""


class LatentSampler(Inferer):  # type: ignore[misc]
    """Turn latent vectors into images by StyleGAN2, in one pass.

    Styles are moved toward the mean style of *their own* conditions, so that truncation does not weaken what was asked
    for (the paper has one mean for all: Karras et al., CVPR 2019, appendix B).

    Args:
        truncation: Share of the distance from the mean style that is left: 1 for none; smaller ones give more typical
            images with less variety.
        steps: Must be 1, and ``guidance`` too: options of a diffusion model, which StyleGAN2 does not have.
        guidance: See ``steps``.

    Raises:
        UsageError: An option is out of range.
    """

    def __init__(self, truncation: float = 1.0, *, steps: int = 1, guidance: float = 1.0) -> None:
        super().__init__()
        if not 0 <= truncation <= 1:
            msg = f"truncation (={truncation}) must be 0 (the mean of a condition) to 1 (none)."
            raise UsageError(msg)
        if (steps, guidance) != (1, 1):
            msg = (
                f"steps (={steps}) and guidance (={guidance}) are options of a diffusion model: StyleGAN2 draws in one "
                "step, without guidance. Leave them out; --truncation 0.7 gives more typical images."
            )
            raise UsageError(msg)
        self.truncation = truncation

    def __call__(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        condition: Tensor,
        seed: Tensor | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Turn latent vectors ``(B, latent_size)`` into images ``(B, C, X, X)``.

        Args:
            inputs: Latent vectors, standard normal.
            network: A :py:class:`~scanfill.networks.SkipGenerator`.
            args: Ignored, like ``kwargs``.
            condition: Encoded conditions, ``(B, conditions, 2)``.
            seed: Of each sample, for the noise of its layers; by default the noise is the same for all.
            kwargs: Ignored.
        """
        del args, kwargs
        generator = bare(network)
        with torch.autocast(inputs.device.type, enabled=False):
            styles = truncated_styles(generator, inputs, condition, self.truncation)
            noise = None if seed is None else noise_of_seeds(generator, seed, inputs.device)
            return drawn(generator, styles, noise)


def bare(network: nn.Module) -> SkipGenerator:
    """Return the generator.

    Raises:
        UsageError: It is another network.
    """
    if not isinstance(network, SkipGenerator):
        msg = f"LatentSampler draws with a SkipGenerator, got a {type(network).__name__}: pass stylegan2.yaml as well."
        raise UsageError(msg)
    return network


def truncated_styles(generator: SkipGenerator, latents: Tensor, condition: Tensor, truncation: float) -> Tensor:
    """Return styles ``(B, N)`` that are moved toward the mean style of their conditions.

    Args:
        generator: The network.
        latents: ``(B, latent_size)``.
        condition: ``(B, conditions, 2)``.
        truncation: Share of the distance that is left.
    """
    styles: Tensor = generator.mapping(latents, condition)
    if truncation == 1:
        return styles
    known = torch.randn(CENTER, generator.latent_size, generator=torch.Generator().manual_seed(0)).to(latents)
    centers = torch.stack(
        [generator.mapping(known, each.expand(CENTER, *each.shape)).mean(dim=0) for each in condition]
    )
    return torch.lerp(centers, styles, truncation)


def drawn(generator: SkipGenerator, styles: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
    """Draw images ``(B, C, X, X)``, each with one style ``(B, N)`` for all layers."""
    return generator.draw(styles[:, None].expand(-1, generator.num_styles, -1), noise)


def on_the_way(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Mix noise of two samples so that it stays standard normal: all of one at 0, all of the other at 1."""
    return math.cos(share * math.pi / 2) * one + math.sin(share * math.pi / 2) * other


def noise_of_seeds(
    generator: SkipGenerator, seeds: Tensor | Sequence[int], device: torch.device | str = "cpu"
) -> list[Tensor]:
    """Draw the noise of each sample from its own seed, so that it does not depend on the samples beside it.

    Returns:
        For each layer, ``(B, 1, side, side)``.
    """
    numbers = seeds.tolist() if isinstance(seeds, Tensor) else [int(seed) for seed in seeds]
    samples = []
    for number in numbers:
        random = torch.Generator().manual_seed(NOISE_SEED + number)
        samples.append([torch.randn(1, side, side, generator=random) for side in generator.noise_sides])
    return [torch.stack(layer).to(device) for layer in zip(*samples, strict=True)]
