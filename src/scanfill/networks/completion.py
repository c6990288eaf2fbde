"""One generator for every subset of the modalities: whatever is there in, all out, and how sure each voxel is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scanfill.networks.pix2pix import UNetGenerator

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_LOG_VARIANCE = 7.0
"""Log-variances stay within plus and minus this: of z-scored images, an SD between 0.03 and 33."""

CERTAIN = -20.0
"""Log-variance of what was given: an SD of 0.00005, finite, so that windows can be averaged."""


class CompletionGenerator(nn.Module):
    """Give all modalities of a case from those that it has, with a log-variance for each voxel.

    The body is the U-Net of Pix2PixNIfTI whose last layers see the input: it combines finely what differs from voxel to
    voxel. It makes every modality at once; those that were given are then put in the place of what it made, bit for bit
    (but windows that are averaged round: write the files that were given, not their copies here).

    The log-variance, rather than an ensemble, because it needs one training and one pass, and because it can be judged
    from one case. It is that of a Laplace distribution, whose most likely centre is what L1 finds; see
    :class:`scanfill.losses.completion.CompletionLoss`. It tells noise and ambiguity, not that a case is unlike those
    of the training.

    Args:
        spatial_dims: 2 or 3.
        modalities: Number of modalities, M.
        filters: Feature maps of the first level.
        depth: Number of downsamplings; each side of an image must be a multiple of ``2**depth``.
        norm: See :class:`~scanfill.networks.pix2pix.UNetGenerator`. Instance norm by default, because training sees
            another subset in every case, and batch statistics would mix them.
        dropout: Rate, in the innermost levels.
        upsampling: ``sum`` or ``transposed``.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        modalities: int = 4,
        *,
        filters: int = 32,
        depth: int = 4,
        norm: str | tuple[str, Mapping[str, object]] = "instance",
        dropout: float = 0.0,
        upsampling: str = "sum",
    ) -> None:
        super().__init__()
        self.modalities = modalities
        self.largest, self.certain = LARGEST_LOG_VARIANCE, CERTAIN  # TorchScript reads no globals
        self.body = UNetGenerator(
            spatial_dims,
            2 * modalities,
            2 * modalities,
            filters=filters,
            depth=depth,
            norm=norm,
            dropout=dropout,
            upsampling=upsampling,
            final="none",
            see_input=True,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Complete a batch.

        Args:
            x: ``(B, 2 M, ...)``: z-scored images, 0 where one is absent, then their availability, constant 1 or 0.

        Returns:
            ``(B, 2 M, ...)``: all images, those given untouched, then their log-variances.

        Raises:
            ValueError: If the channels, the dimensions or the size do not fit.
        """
        made = self.body(x)  # checks the shape
        images, given = x[:, : self.modalities], x[:, self.modalities :] > 0.5
        log_variance = self.largest * torch.tanh(made[:, self.modalities :] / self.largest)
        completed = torch.where(given, images, made[:, : self.modalities].to(images.dtype))
        return torch.cat([completed, log_variance.masked_fill(given, self.certain).to(images.dtype)], 1)
