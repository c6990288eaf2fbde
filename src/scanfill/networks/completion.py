"""A generator that completes any subset of the modalities and predicts the uncertainty of each voxel."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from scanfill.errors import UsageError
from scanfill.networks.generator_on_base import start_at_zero
from scanfill.networks.neighbourhood import Neighbourhood
from scanfill.networks.pix2pix import UNetGenerator
from scanfill.networks.pix2pix.arguments import check_input
from scanfill.networks.voxelwise_base import PolynomialFit, VoxelwisePolynomial, expand

LARGEST_LOG_VARIANCE = 7.0
"""Bound on the absolute log-variance: for z-scored images, an SD between 0.03 and 33."""

CERTAIN = -20.0
"""Log-variance of given images: an SD of 0.00005, finite so that windows can be averaged."""


BASE_LIMITS = (-6.0, 12.0)
"""Clipping limit of the base, in SD: polynomials diverge outside the intensity range of the training cases."""

BASE_VOXELS = 10_000
"""Largest number of voxels per case for fitting the base, evenly spaced."""

UNCERTAINTY_LIMITS = (-4.0, 3.0)
"""Clipping limits of the base's log-variances."""

SMALLEST_ERROR = 0.002
"""Smallest error, in SD; smaller ones are raised to it, because the logarithm of 0 would dominate the fit."""


class CompletionGenerator(nn.Module):
    """Synthesize the missing modalities of a case from the given ones, with a log-variance for each voxel.

    The body is the U-Net of Pix2PixNIfTI with last layers that see the input, so that it can use details of single
    voxels. It synthesizes every modality at once; given modalities are then copied to the output, bit for bit (but
    averaging windows rounds them: save the given files, not their copies from here).

    Uncertainty is a log-variance, not an ensemble, because it needs one training and one pass, and because it can be
    evaluated on one case. It is that of a Laplace distribution, whose maximum-likelihood center is the L1 optimum; see
    :class:`scanfill.losses.completion_loss.CompletionLoss`. It measures noise and ambiguity, not whether a case differs
    from the training cases.

    With a base, the output is the sum of a regression for each subset (one for the images and one for the log of their
    residuals) and the body's correction: with few cases, a network without this initialization performs worse than the
    regression. The body then sees the regression's images in place of the missing ones, so that all subsets look
    similar to it. Call :meth:`fit_base` once before training; the coefficients are then part of every checkpoint.

    Args:
        spatial_dims: 2 or 3.
        modalities: Number of modalities, M.
        filters: Number of feature maps of the first level.
        depth: Number of downsamplings; each side of an image must be a multiple of ``2**depth``.
        norm: See :class:`~scanfill.networks.pix2pix.UNetGenerator`. Instance norm by default, because each
            training case has a different subset, and batch statistics would mix them.
        dropout: Dropout rate of the innermost levels.
        upsampling: ``sum`` or ``transposed``.
        base_degree: Degree of the base's polynomials; 0 for no base.
        base_widths: Widths in voxels of the boxes around each voxel whose means are additional inputs of the base; see
            :class:`~scanfill.networks.neighbourhood.Neighbourhood`.

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
        base_widths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.spatial_dims, self.modalities = spatial_dims, modalities
        self.limits, self.uncertainty_limits = BASE_LIMITS, UNCERTAINTY_LIMITS
        self.largest, self.certain = LARGEST_LOG_VARIANCE, CERTAIN  # TorchScript cannot read globals
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
        self.base = None
        self.around = Neighbourhood(spatial_dims, modalities, base_widths)
        if base_degree:
            around = self.around
            self.base = VoxelwisePolynomial(
                around.channels, 2 * modalities, base_degree, subsets=True, owners=around.owners
            )
            start_at_zero(self.body)

    def forward(self, x: Tensor) -> Tensor:
        """Complete a batch.

        Args:
            x: ``(B, 2 M, ...)``: z-scored images, 0 if missing, then their availability, constant 1 or 0.

        Returns:
            ``(B, 2 M, ...)``: all images, the given ones unchanged, then their log-variances.

        Raises:
            ValueError: If the number of channels, the dimensions or the size is invalid.
        """
        check_input(x, 2 * self.modalities, self.spatial_dims, self.body.depth)
        images, given = x[:, : self.modalities], x[:, self.modalities :] > 0.5
        if self.base is not None:
            available = given.flatten(2).any(2).to(images.dtype)  # constant within a case
            inside = (images != 0).any(1, keepdim=True).to(images.dtype)
            fitted = self.base(self.around(images, inside), available)
            regression = fitted[:, : self.modalities].clamp(self.limits[0], self.limits[1])
            uncertainty = fitted[:, self.modalities :].clamp(self.uncertainty_limits[0], self.uncertainty_limits[1])
            seen = torch.where(given, images, regression.to(images.dtype) * inside)
            made = self.body(torch.cat([seen, x[:, self.modalities :]], 1))
            made = made + torch.cat([regression, uncertainty], 1)
        else:
            made = self.body(x)
        painted, log_variance = made[:, : self.modalities], made[:, self.modalities :]
        log_variance = self.largest * torch.tanh(log_variance / self.largest)
        completed = torch.where(given, images, painted.to(images.dtype))
        return torch.cat([completed, log_variance.masked_fill(given, self.certain).to(images.dtype)], 1)

    def fit_base(
        self, cases: Iterable[Mapping[str, Any]], image_key: str = "image", availability_key: str = "availability"
    ) -> int:
        """Fit the base to training cases with all modalities, neither cropped nor augmented.

        Args:
            cases: Cases with z-scored images ``(M, ...)``; only voxels where none of them is 0 are used.
            image_key: Key of the images.
            availability_key: Key of the availability of the images, ``(M,)``.

        Returns:
            Number of cases used; 0 if there is no base.

        Raises:
            UsageError: No case has all modalities.
        """
        if self.base is None:
            return 0
        samples = []
        for case in tqdm(cases, desc="Regression", unit="case", leave=False):
            if bool((convert_to_numpy(case[availability_key]) > 0).all()):
                images = torch.from_numpy(convert_to_numpy(case[image_key])[: self.modalities].astype(np.float32))
                samples.append(self._draw_samples(images))
        if not samples:
            msg = (
                f"No training case has all {self.modalities} modalities, so the base cannot be fitted. Add one, or "
                f"pass --network_def#base_degree 0."
            )
            raise UsageError(msg)
        fit_with_uncertainty(self.base, samples, self.modalities)
        return len(samples)

    def _draw_samples(self, images: Tensor) -> NDArray[np.float32]:
        """Sample voxels of one case ``(M, ...)`` where no image is 0, with their neighborhood: ``(channels, V)``."""
        inside = (images != 0).any(0, keepdim=True).float()
        channels = self.around(images[None], inside[None])[0]
        everywhere = channels[:, (images != 0).all(0)]
        return everywhere[:, :: max(1, math.ceil(everywhere.shape[1] / BASE_VOXELS))].numpy()


def fit_with_uncertainty(base: VoxelwisePolynomial, samples: Sequence[NDArray[Any]], modalities: int) -> None:
    """Fit the images of every subset, then the log-variance of each fit's residuals.

    For a Laplace distribution of scale b, the mean logarithm of the absolute error is log(b) minus Euler's constant,
    and the variance is 2 b^2.

    Args:
        base: Polynomial to fit; its first outputs are the images, the others their log-variances.
        samples: For each case, the base's channels at sampled voxels, z-scored images first.
        modalities: Number of modalities, M.
    """
    subsets = range(1, base.coefficients.shape[0])
    images = PolynomialFit(base.in_channels, modalities, base.degree)
    for sample in samples:
        images.add(sample, sample[:modalities])
    fitted = np.stack([images.solve(base.channels_of(row)) for row in subsets])
    uncertainty = PolynomialFit(base.in_channels, len(subsets) * modalities, base.degree)
    for sample in samples:
        painted = np.clip(fitted @ expand(sample.astype(np.float64), base.terms).T, *BASE_LIMITS)
        error = np.maximum(np.abs(painted - sample[:modalities]), SMALLEST_ERROR)
        uncertainty.add(sample, (2 * (np.log(error) + np.euler_gamma) + np.log(2)).reshape(uncertainty.targets, -1))
    for number, row in enumerate(subsets):
        own = slice(number * modalities, (number + 1) * modalities)
        both = np.concatenate([fitted[number], uncertainty.solve(base.channels_of(row))[own]])
        base.coefficients[row].copy_(torch.from_numpy(both))
