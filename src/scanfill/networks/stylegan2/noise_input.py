"""Noise that is added to feature maps, so that a style need not encode random detail."""

import torch
from torch import Tensor, nn


class NoiseInput(nn.Module):
    """Add one channel of noise, times a learned strength that starts at 0.

    In training, noise is drawn for each call; otherwise it is always the same, unless the caller passes it. Source:
    Karras et al., CVPR 2019, section 2; one strength for all channels as in CVPR 2020, figure 2.

    Args:
        side: Pixels per side.
    """

    constant: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.register_buffer("constant", torch.randn(1, 1, side, side))
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Add noise.

        Args:
            x: Feature maps ``(B, C, side, side)``.
            noise: Standard normal, ``(B, 1, side, side)``; by default as described above.
        """
        if noise is None:
            noise = torch.randn_like(x[:, :1]) if self.training else self.constant
        return x + self.strength * noise
