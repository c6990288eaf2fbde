"""A regression voxel by voxel, fitted before the training, as the base that a network adds to.

With ten patients a network from a random start loses to a polynomial of the same voxel's intensities: it spends the
training on finding that curve. So the curve is fitted in closed form, in a second a case, and the network learns what
is left: what the neighbourhood tells.
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
"""Voxels that are expanded into terms at a time: 37 MB for four sources of degree 4."""


def exponents(sources: int, degree: int) -> list[list[int]]:
    """List the terms of a polynomial: the power of each source, all products up to ``degree``, the constant first.

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
        terms: Of :py:func:`exponents`.

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
"""Voxels whose terms a polynomial computes at a time, so that they fit into a processor's cache; 16 times as many on a
GPU, where each step has its price."""


class PolynomialFit:
    """Least squares of targets on a polynomial of sources, case by case, every case with the same weight.

    Only a triangular matrix of the size of the polynomial is kept (QR, updated chunk by chunk), which is as exact as
    solving for all voxels at once; the normal equations would square the condition of powers up to the fourth.

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
        """Take in one case.

        Args:
            sources: ``(K, V)``, z-scored, the V voxels of the foreground where everything was measured.
            targets: ``(N, V)``, z-scored.

        Raises:
            ValueError: Shapes do not fit, there is no voxel, or one is NaN or infinite.
        """
        voxels = sources.shape[-1]
        if sources.shape != (self.sources, voxels) or targets.shape != (self.targets, voxels) or not voxels:
            msg = (
                f"Case {self.cases + 1} of the fit has sources {sources.shape} and targets {targets.shape}: expected "
                f"({self.sources}, V) and ({self.targets}, V) with the same V > 0. Give the voxels inside the mask."
            )
            raise ValueError(msg)
        if not (np.isfinite(sources).all() and np.isfinite(targets).all()):
            msg = f"Case {self.cases + 1} of the fit holds voxels that are NaN or infinite. Leave them out of the mask."
            raise ValueError(msg)
        for start in range(0, voxels, CHUNK):
            part = slice(start, start + CHUNK)
            rows = expand(sources[:, part].astype(np.float64), self.terms)
            rows = np.hstack([rows, targets[:, part].T.astype(np.float64)]) / np.sqrt(voxels)
            triangle = np.linalg.qr(np.vstack([self._triangle, rows]), mode="r")
            self._triangle = cast("Array", triangle)  # NumPy's types do not know what mode "r" returns
        self.cases += 1

    def solve(self, given: Sequence[int] | None = None) -> Array:
        """Give the coefficients ``(N, T)``; terms that the fit cannot tell apart share their weight.

        Args:
            given: Indices of the sources that may be used; terms of another one get 0. None for all. The fit of every
                subset comes from the same pass over the cases.

        Raises:
            ValueError: No case was added.
        """
        if not self.cases:
            msg = "The regression has seen no case: add the training cases before solving."
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

    The coefficients are buffers: saved in checkpoints, never trained. Until :py:meth:`fit` they are 0.

    Args:
        in_channels: Number of sources, K.
        out_channels: Number of targets, N.
        degree: Highest total power.
        subsets: Whether there is a polynomial for each subset of the sources, chosen by their availability.
        owners: With ``subsets``: for each channel the image that it was made from, without which it is not there; -1
            for one that always is. By default each channel is an image.

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
            msg = f"`out_channels` (={out_channels}) must be at least 1, and `owners` one for each of {in_channels}."
            raise ValueError(msg)
        self.in_channels, self.out_channels, self.degree, self.subsets = in_channels, out_channels, degree, subsets
        self.terms = exponents(in_channels, degree)
        self.factors = [[k for k, power in enumerate(term) for _ in range(power)] for term in self.terms[1:]]
        self.images = 1 + max(self.owners)
        self.together = TOGETHER  # TorchScript reads no globals
        rows = 2**self.images if subsets else 1
        self.coefficients: Tensor  # not in the class: TorchScript cannot read it there
        self.register_buffer("coefficients", torch.zeros(rows, out_channels, len(self.terms)))

    def fit(self, fitted: PolynomialFit) -> None:
        """Take over the coefficients of a fit of the same sources, targets and degree.

        Raises:
            ValueError: It is of others, or it has seen no case.
        """
        if fitted.terms != self.terms or fitted.targets != self.out_channels:
            msg = (
                f"The fit has {fitted.sources} sources, {fitted.targets} targets and {len(fitted.terms)} terms, this "
                f"polynomial {self.in_channels}, {self.out_channels} and {len(self.terms)}: give both the same."
            )
            raise ValueError(msg)
        solved = [fitted.solve(self.channels_of(row)) for row in range(self.coefficients.shape[0])]
        self.coefficients.copy_(torch.from_numpy(np.stack(solved)))

    def channels_of(self, row: int) -> list[int]:
        """List the channels that are there in a subset: bit k of its number is 1 where image k is given."""
        there = range(self.in_channels)
        return [k for k in there if not self.subsets or self.owners[k] < 0 or row >> self.owners[k] & 1]

    def forward(self, x: Tensor, available: Tensor | None = None) -> Tensor:
        """Map ``(B, K, ...)`` to ``(B, N, ...)`` in float32.

        Some voxels at a time, because all terms of four volumes at 1 mm take 5 GB; and in double precision, which mixed
        precision leaves alone.

        Args:
            x: Z-scored sources, 0 where one is absent.
            available: ``(B, images)``, 1 or 0, which images each case of the batch has; needed with ``subsets``.

        Raises:
            ValueError: The channels do not fit, or ``available`` is wanting.
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
        shape = [x.shape[0], self.out_channels] + list(x.shape[2:])  # noqa: RUF005  TorchScript unpacks no lists
        return result.reshape(shape)
