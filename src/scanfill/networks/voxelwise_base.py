"""A voxelwise regression, fitted before training, as a base that a network corrects.

With ten patients, a randomly initialized network performs worse than a polynomial of the voxel's own intensities: it
spends the training on learning that curve. Therefore the curve is fitted in closed form, in a second per case, and the
network learns only the remainder, which depends on the neighborhood.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]

CHUNK = 1 << 16
"""Number of voxels that are expanded into terms at a time: 37 MB for four sources of degree 4."""


def exponents(sources: int, degree: int) -> list[list[int]]:
    """List the terms of a polynomial as powers of the sources: all products up to ``degree``, the constant first.

    Raises:
        ValueError: An argument is below 1.
    """
    if sources < 1 or degree < 1:
        msg = f"`sources` (={sources}) and `degree` (={degree}) must be at least 1."
        raise ValueError(msg)
    factors = (each for power in range(degree + 1) for each in combinations_with_replacement(range(sources), power))
    powers = ([term.count(k) for k in range(sources)] for term in factors)
    return sorted(powers, key=lambda term: (sum(term), term))


def expand(values: Array, terms: Sequence[Sequence[int]]) -> Array:
    """Compute every term of a polynomial at every voxel.

    Args:
        values: ``(K, V)``: sources, voxels.
        terms: Terms from :py:func:`exponents`.

    Returns:
        ``(V, T)``.
    """
    result = np.ones((values.shape[1], len(terms)))
    for t, term in enumerate(terms):
        for k, power in enumerate(term):
            if power:
                result[:, t] *= values[k] ** power
    return result


TOGETHER = 1 << 14
"""Number of voxels whose terms are computed at a time, so that they fit into the processor's cache; 16 times as many on
a GPU, where each step has overhead."""


class PolynomialFit:
    """Least-squares fit of targets by a polynomial of sources, case by case, with equal weight for every case.

    Only a triangular matrix of the size of the polynomial is kept (QR, updated chunk by chunk). This is as accurate as
    solving for all voxels at once; the normal equations would square the condition number of powers up to the fourth.

    Args:
        sources: Number of source modalities, K.
        targets: Number of target modalities, N.
        degree: Highest total power.

    Raises:
        ValueError: An argument is below 1.
    """

    def __init__(self, sources: int, targets: int = 1, degree: int = 4) -> None:
        if targets < 1:
            msg = f"`targets` (={targets}) must be at least 1."
            raise ValueError(msg)
        self.sources, self.targets = sources, targets
        self.terms = exponents(sources, degree)
        self.cases = 0
        self._triangle: Array = np.zeros((0, len(self.terms) + targets))

    def add(self, sources: NDArray[Any], targets: NDArray[Any]) -> None:
        """Add one case.

        Args:
            sources: ``(K, V)``, z-scored, at the V foreground voxels where all images were measured.
            targets: ``(N, V)``, z-scored.

        Raises:
            ValueError: Shapes do not match, there are no voxels, or one is NaN or infinite.
        """
        voxels = sources.shape[-1]
        if sources.shape != (self.sources, voxels) or targets.shape != (self.targets, voxels) or not voxels:
            msg = (
                f"Case {self.cases + 1} of the fit has sources {sources.shape} and targets {targets.shape}: expected "
                f"({self.sources}, V) and ({self.targets}, V) with the same V > 0. Give the voxels inside the mask."
            )
            raise ValueError(msg)
        if not (np.isfinite(sources).all() and np.isfinite(targets).all()):
            msg = f"Case {self.cases + 1} of the fit has voxels that are NaN or infinite. Exclude them from the mask."
            raise ValueError(msg)
        for start in range(0, voxels, CHUNK):
            part = slice(start, start + CHUNK)
            rows = expand(sources[:, part].astype(np.float64), self.terms)
            rows = np.hstack([rows, targets[:, part].T.astype(np.float64)]) / np.sqrt(voxels)
            triangle = np.linalg.qr(np.vstack([self._triangle, rows]), mode="r")
            self._triangle = cast("Array", triangle)  # NumPy's types do not know what mode "r" returns
        self.cases += 1

    def solve(self, given: Sequence[int] | None = None) -> Array:
        """Return the coefficients ``(N, T)``; collinear terms share their weight.

        Args:
            given: Indices of the sources to use; terms with other sources get 0. None for all. All subsets can be
                solved after one pass over the cases.

        Raises:
            ValueError: No case was added.
        """
        if not self.cases:
            msg = "The regression has no cases. Add the training cases before solving."
            raise ValueError(msg)
        allowed = set(range(self.sources) if given is None else given)
        used = [t for t, term in enumerate(self.terms) if all(k in allowed for k, power in enumerate(term) if power)]
        terms = len(self.terms)
        solution = np.linalg.lstsq(self._triangle[:, used], self._triangle[:, terms:], rcond=None)[0]
        coefficients = np.zeros((self.targets, terms))
        coefficients[:, used] = solution.T
        return coefficients


class VoxelwisePolynomial(nn.Module):
    """Predict each voxel of the targets from the same voxel of the sources, with fixed coefficients.

    The coefficients are buffers: saved in checkpoints but never trained. They are 0 until :py:meth:`fit` is called.

    Args:
        in_channels: Number of sources, K.
        out_channels: Number of targets, N.
        degree: Highest total power.
        subsets: Whether to use a separate polynomial for each subset of the sources, selected by availability.
        owners: With ``subsets``: for each channel the index of the image it was computed from, or -1 for a channel that
            is always available. By default each channel is an image.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 1,
        degree: int = 4,
        *,
        subsets: bool = False,
        owners: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.owners = list(range(in_channels) if owners is None else owners)
        if out_channels < 1 or len(self.owners) != in_channels:
            msg = f"`out_channels` (={out_channels}) must be at least 1, and `owners` must have {in_channels} entries."
            raise ValueError(msg)
        self.in_channels, self.out_channels, self.degree, self.subsets = in_channels, out_channels, degree, subsets
        self.terms = exponents(in_channels, degree)
        self.factors = [[k for k, power in enumerate(term) for _ in range(power)] for term in self.terms[1:]]
        self.images = 1 + max(self.owners)
        self.together = TOGETHER  # TorchScript cannot read globals
        rows = 2**self.images if subsets else 1
        self.coefficients: Tensor  # not in the class: TorchScript cannot read it there
        self.register_buffer("coefficients", torch.zeros(rows, out_channels, len(self.terms)))

    def fit(self, fitted: PolynomialFit) -> None:
        """Copy the coefficients of a fit with the same sources, targets and degree.

        Raises:
            ValueError: The fit is for different ones, or has no cases.
        """
        if fitted.terms != self.terms or fitted.targets != self.out_channels:
            msg = (
                f"The fit has {fitted.sources} sources, {fitted.targets} targets and {len(fitted.terms)} terms, this "
                f"polynomial {self.in_channels}, {self.out_channels} and {len(self.terms)}. They must be equal."
            )
            raise ValueError(msg)
        solved = [fitted.solve(self.channels_of(row)) for row in range(self.coefficients.shape[0])]
        self.coefficients.copy_(torch.from_numpy(np.stack(solved)))

    def channels_of(self, row: int) -> list[int]:
        """List the available channels of a subset: bit k of its number is 1 if image k is given."""
        there = range(self.in_channels)
        return [k for k in there if not self.subsets or self.owners[k] < 0 or row >> self.owners[k] & 1]

    def forward(self, x: Tensor, available: Tensor | None = None) -> Tensor:
        """Map ``(B, K, ...)`` to ``(B, N, ...)`` in float32.

        Voxels are processed in chunks, because all terms of four volumes at 1 mm take 5 GB, and in double precision,
        which mixed precision does not change.

        Args:
            x: Z-scored sources, 0 if missing.
            available: ``(B, images)``, 1 or 0, the available images of each case in the batch; needed with ``subsets``.

        Raises:
            ValueError: The number of channels is wrong, or ``available`` is missing.
        """
        if x.shape[1] != self.in_channels or (self.subsets and available is None):
            msg = f"Expected {self.in_channels} channels, and with `subsets` their availability; got {list(x.shape)}."
            raise ValueError(msg)
        rows = torch.zeros(x.shape[0], dtype=torch.long, device=x.device)
        if self.subsets and available is not None:
            for k in range(self.images):
                rows += (available[:, k] > 0.5).long() * (1 << k)
        chosen = self.coefficients[rows].double()
        image = x.flatten(2)
        parts: list[Tensor] = []
        together = self.together * 16 if x.is_cuda else self.together
        for start in range(0, image.shape[2], together):
            part = image[:, :, start : start + together].double()
            powers: list[Tensor] = [torch.ones_like(part[:, 0])]  # the constant
            for factors in self.factors:
                product_of_powers = part[:, factors[0]]
                for k in factors[1:]:
                    product_of_powers = product_of_powers * part[:, k]
                powers.append(product_of_powers)
            parts.append(torch.bmm(chosen, torch.stack(powers, 1)).float())
        result = torch.cat(parts, 2)
        shape = [x.shape[0], self.out_channels] + list(x.shape[2:])  # noqa: RUF005  TorchScript cannot unpack lists
        return result.reshape(shape)
