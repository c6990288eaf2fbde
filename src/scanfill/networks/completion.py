"""One generator for every subset of the modalities: whatever is there in, all out, and how sure each voxel is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.utils import convert_to_numpy
from torch import Tensor, nn
from tqdm import tqdm

from scanfill.errors import UsageError
from scanfill.networks.generator_on_base import start_at_zero
from scanfill.networks.pix2pix import UNetGenerator
from scanfill.networks.pix2pix.arguments import check_input
from scanfill.networks.voxelwise_base import PolynomialFit, VoxelwisePolynomial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LARGEST_LOG_VARIANCE = 7.0
"""Log-variances stay within plus and minus this: of z-scored images, an SD between 0.03 and 33."""

CERTAIN = -20.0
"""Log-variance of what was given: an SD of 0.00005, finite, so that windows can be averaged."""


BASE_LIMITS = (-6.0, 12.0)
"""Where the base is cut off, in SD: a polynomial runs away where no training case had such intensities."""

BASE_VOXELS = 25_000
"""Voxels of each case that the base is fitted to at most, evenly taken."""

DOUBT_DEGREE, DOUBT_LIMITS = 2, (-4.0, 3.0)
"""Degree of the base's log-variances, and where they are cut off."""

SMALLEST_ERROR = 0.002
"""In SD; smaller errors count as this, because the logarithm of 0 would outweigh all others."""


class CompletionGenerator(nn.Module):
    """Give all modalities of a case from those that it has, with a log-variance for each voxel.

    The body is the U-Net of Pix2PixNIfTI whose last layers see the input: it combines finely what differs from voxel to
    voxel. It makes every modality at once; those that were given are then put in the place of what it made, bit for bit
    (but windows that are averaged round: write the files that were given, not their copies here).

    The log-variance, rather than an ensemble, because it needs one training and one pass, and because it can be judged
    from one case. It is that of a Laplace distribution, whose most likely centre is what L1 finds; see
    :class:`scanfill.losses.completion.CompletionLoss`. It tells noise and ambiguity, not that a case is unlike those
    of the training.

    With a base it begins with a regression voxel by voxel, one for each subset, and with another one of the logarithm
    of what the first leaves, and adds what it learns: with few cases a network that begins at random loses to them. The
    body then sees the regression's images in the place of what is missing, so that every subset looks much alike to it.
    Call :meth:`fit_base` once before the training; the coefficients then are part of every checkpoint.

    Args:
        spatial_dims: 2 or 3.
        modalities: Number of modalities, M.
        filters: Feature maps of the first level.
        depth: Number of downsamplings; each side of an image must be a multiple of ``2**depth``.
        norm: See :class:`~scanfill.networks.pix2pix.UNetGenerator`. Instance norm by default, because training sees
            another subset in every case, and batch statistics would mix them.
        dropout: Rate, in the innermost levels.
        upsampling: ``sum`` or ``transposed``.
        base_degree: Of the base's polynomials of the images; 0 for no base.

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
        base_degree: int = 0,
    ) -> None:
        super().__init__()
        self.spatial_dims, self.modalities = spatial_dims, modalities
        self.limits, self.doubt_limits = BASE_LIMITS, DOUBT_LIMITS
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
        self.base = self.base_doubt = None
        if base_degree:
            self.base = VoxelwisePolynomial(modalities, modalities, base_degree, subsets=True)
            self.base_doubt = VoxelwisePolynomial(modalities, modalities, DOUBT_DEGREE, subsets=True)
            start_at_zero(self.body)

    def forward(self, x: Tensor) -> Tensor:
        """Complete a batch.

        Args:
            x: ``(B, 2 M, ...)``: z-scored images, 0 where one is absent, then their availability, constant 1 or 0.

        Returns:
            ``(B, 2 M, ...)``: all images, those given untouched, then their log-variances.

        Raises:
            ValueError: If the channels, the dimensions or the size do not fit.
        """
        check_input(x, 2 * self.modalities, self.spatial_dims, self.body.depth)
        images, given = x[:, : self.modalities], x[:, self.modalities :] > 0.5
        if self.base is not None and self.base_doubt is not None:
            available = given.flatten(2).any(2).to(images.dtype)  # constant in each case
            regression = self.base(images, available).clamp(self.limits[0], self.limits[1])
            doubt = self.base_doubt(images, available).clamp(self.doubt_limits[0], self.doubt_limits[1])
            inside = (images != 0).any(1, keepdim=True)
            seen = torch.where(given, images, regression.to(images.dtype) * inside)
            made = self.body(torch.cat([seen, x[:, self.modalities :]], 1))
            made = made + torch.cat([regression, doubt], 1)
        else:
            made = self.body(x)
        painted, log_variance = made[:, : self.modalities], made[:, self.modalities :]
        log_variance = self.largest * torch.tanh(log_variance / self.largest)
        completed = torch.where(given, images, painted.to(images.dtype))
        return torch.cat([completed, log_variance.masked_fill(given, self.certain).to(images.dtype)], 1)

    def fit_base(
        self, cases: Iterable[Mapping[str, Any]], image_key: str = "image", availability_key: str = "availability"
    ) -> int:
        """Fit the base to training cases that have all modalities, neither cropped nor augmented.

        Args:
            cases: Each has its z-scored images ``(M, ...)``; voxels count where none of them is 0.
            image_key: Key of the images.
            availability_key: Key of the numbers that say which are there, ``(M,)``.

        Returns:
            How many cases were used; 0 where there is no base.

        Raises:
            UsageError: No case has all modalities.
        """
        if self.base is None or self.base_doubt is None:
            return 0
        fit, samples = PolynomialFit(self.modalities, self.modalities, self.base.degree), []
        for case in tqdm(cases, desc="Regression voxel by voxel", unit="case", leave=False):
            if bool((convert_to_numpy(case[availability_key]) > 0).all()):
                images = convert_to_numpy(case[image_key])[: self.modalities]
                inside = images[:, (images != 0).all(0)]
                samples.append(inside[:, :: max(1, int(np.ceil(inside.shape[1] / BASE_VOXELS)))])
                fit.add(samples[-1], samples[-1])
        if not fit.cases:
            msg = (
                f"No training case has all {self.modalities} modalities, so the base cannot be fitted. Add one, or "
                f"pass --network_def#base_degree 0."
            )
            raise UsageError(msg)
        self.base.fit(fit)
        for row in range(1, 2**self.modalities - 1):
            fit_doubt(self.base, self.base_doubt, row, samples)
        return fit.cases


def fit_doubt(base: VoxelwisePolynomial, doubt: VoxelwisePolynomial, row: int, samples: Sequence[NDArray[Any]]) -> None:
    """Regress the log-variance of what a fitted base leaves, for one subset.

    Of a Laplace distribution of scale b the logarithm of an absolute error is log(b) minus Euler's constant on average,
    and the variance is 2 b^2.

    Args:
        base: Of the images.
        doubt: Of the log-variances; its coefficients for this subset are set.
        row: The subset: bit k is 1 where modality k is given.
        samples: Of each case, z-scored images ``(M, V)`` at some voxels.
    """
    given = [k for k in range(base.in_channels) if row >> k & 1]
    device = base.coefficients.device
    available = torch.tensor([[float(k in given) for k in range(base.in_channels)]], device=device)
    fit = PolynomialFit(doubt.in_channels, doubt.out_channels, doubt.degree)
    for sample in samples:
        with torch.no_grad():
            painted = base(torch.from_numpy(sample)[None].to(device), available)[0].clamp(*BASE_LIMITS)
        error = np.maximum(np.abs(painted.cpu().numpy() - sample), SMALLEST_ERROR)
        fit.add(sample, 2 * (np.log(error) + np.euler_gamma) + np.log(2))
    doubt.coefficients[row].copy_(torch.from_numpy(fit.solve(given)))
