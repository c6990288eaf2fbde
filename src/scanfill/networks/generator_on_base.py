"""A generator that learns a correction to a regression on each voxel and its neighborhood."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from monai.utils import convert_to_numpy
from torch import Tensor, nn
from tqdm import tqdm

from .neighbourhood import Neighbourhood
from .output_bias import last_convolution
from .voxelwise_base import PolynomialFit, VoxelwisePolynomial

# Equal to those in scanfill.transforms.signed_range (checked by a test): networks do not import transforms.
SIGNED_BACKGROUND, SIGNED_CENTRE, SIGNED_SPREAD = -1.0, -0.3, 1.95 / 18
"""For images scaled to [-1, 1]: the background value, the value of a volume's mean, and the length of one SD."""


MOST_VOXELS = 200_000
"""Largest number of voxels per case for fitting the base, evenly spaced."""


class GeneratorOnBase(nn.Module):
    """Return the regression's image plus a generator's correction, which is 0 before training.

    The generator works in units of SD: it sees z-scored sources, 0 outside the foreground, and its correction is in SD
    of the target. (In [-1, 1] one SD is 0.11, and the background is 6.5 SD below the mean of the foreground.)

    MSE on unseen cases in three folds for regression on the voxel, regression with its neighborhood, and a generator on
    top after 600 steps: 0.70, 0.50 and 0.44 for one pair of MRI sequences (14 cases), 0.397, 0.392 and 0.401 for
    another (15 cases). See docs/results/modality_synthesis.md for the details.

    Note: if the regression already explains most of what the sources can predict, as for the second pair, a correction
    trained on ten patients may be worse than none. Evaluate it on unseen cases.

    Call :py:func:`fit_base` once before training; the coefficients are then part of every checkpoint. Until then the
    base is 0.

    Args:
        network: Maps ``(B, in_channels, ...)`` to ``(B, out_channels, ...)``, any range (``final="none"``). Its last
            convolution is set to 0.
        in_channels: Number of source modalities.
        out_channels: Number of target modalities.
        degree: Degree of the polynomial; see :class:`~scanfill.networks.voxelwise_base.VoxelwisePolynomial`.
        widths: Widths in voxels of the boxes around each voxel whose means are additional inputs of the polynomial; see
            :class:`~scanfill.networks.neighbourhood.Neighbourhood`. None for only the voxel itself.
        spatial_dims: 2 or 3.
        background: Exact value outside the foreground: -1 for images scaled to [-1, 1], 0 for z-scored ones.
        centre: Value of a volume's mean: -0.3 or 0, respectively.
        spread: Length of one SD: 0.108 or 1, respectively.

    Raises:
        ValueError: An argument is out of range, or ``network`` has no convolution.
    """

    def __init__(
        self,
        network: nn.Module,
        in_channels: int,
        out_channels: int = 1,
        *,
        degree: int = 4,
        widths: Sequence[int] = (),
        spatial_dims: int = 3,
        background: float = SIGNED_BACKGROUND,
        centre: float = SIGNED_CENTRE,
        spread: float = SIGNED_SPREAD,
    ) -> None:
        super().__init__()
        if spread <= 0:
            msg = f"`spread` (={spread}) is the length of one SD and must be above 0."
            raise ValueError(msg)
        self.background, self.centre, self.spread = background, centre, spread
        self.spatial_dims = spatial_dims
        self.around = Neighbourhood(spatial_dims, in_channels, widths)
        self.base = VoxelwisePolynomial(self.around.channels, out_channels, degree)
        self.network = network
        self.depth = getattr(network, "depth", 0)  # image sides must be multiples of 2**depth; read by whole.yaml
        start_at_zero(network)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, ...)`` to ``(B, out_channels, ...)``; not clipped to [-1, 1].

        Raises:
            ValueError: If the shape does not match the network or the base.
        """
        z = self._in_deviations(x)
        return self.centre + self.spread * (self.base(self._surroundings(z)) + self.network(z))

    def fit_base(
        self, cases: Iterable[Mapping[str, Any]], source_key: str = "image", target_key: str = "target"
    ) -> VoxelwisePolynomial:
        """Fit the regression to whole training cases, preprocessed but neither cropped nor augmented.

        Args:
            cases: Cases with sources ``(in_channels, ...)`` and target ``(out_channels, ...)``; only voxels where none
                of them is background are used.
            source_key: Key of the sources.
            target_key: Key of the target.

        Returns:
            The fitted base.

        Raises:
            ValueError: There are no cases, or a case has no foreground voxel.
        """
        fit = PolynomialFit(self.base.in_channels, self.base.out_channels, self.base.degree)
        for case in cases:
            sources, target = (convert_to_numpy(case[key]) for key in (source_key, target_key))
            inside = (sources != self.background).all(0) & (target != self.background).all(0)
            device = self.base.coefficients.device
            with torch.no_grad():
                image = torch.as_tensor(sources, dtype=torch.float32, device=device)
                flat = image.dim() - 1 > self.spatial_dims  # slice by slice, along the last axis
                z = self._in_deviations(image.movedim(-1, 0) if flat else image[None])
                channels = self._surroundings(z)
                features = (channels.movedim(0, -1) if flat else channels[0]).cpu().numpy()
            some = slice(None, None, max(1, math.ceil(inside.sum() / MOST_VOXELS)))
            fit.add(features[:, inside][:, some], (target[:, inside][:, some] - self.centre) / self.spread)
        self.base.fit(fit)
        return self.base

    def _surroundings(self, z: Tensor) -> Tensor:
        return self.around(z, (z != 0).any(1, keepdim=True).to(z.dtype))

    def _in_deviations(self, x: Tensor) -> Tensor:
        return torch.where(x == self.background, 0.0, (x - self.centre) / self.spread)


def fit_base(
    network: nn.Module, cases: Iterable[Mapping[str, Any]], source_key: str = "image", target_key: str = "target"
) -> None:
    """Fit the base of a network if it has one; do nothing for other networks, so that a config can always call this.

    Args:
        network: Any network, such as a :class:`GeneratorOnBase`; not wrapped for multi-GPU training.
        cases: See :py:meth:`GeneratorOnBase.fit_base`.
        source_key: Key of the sources.
        target_key: Key of the target.
    """
    if isinstance(network, GeneratorOnBase):
        network.fit_base(tqdm(cases, desc="Regression", unit="case", leave=False), source_key, target_key)


def start_at_zero(network: nn.Module) -> None:
    """Set the last convolution of a network to 0, so that its initial output is 0.

    The network still learns: the gradient reaches this layer first, and the others once it is not 0.

    Raises:
        ValueError: The network has no convolution.
    """
    for parameter in last_convolution(network).parameters():
        nn.init.zeros_(parameter)
