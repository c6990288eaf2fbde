"""A histogram of intensities that can be added to others with different bins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 256


@dataclass(frozen=True)
class IntensityHistogram:
    """Number of voxels of each intensity.

    Voxels that are exactly 0 are counted apart, because in many images they are the outside of the body.

    Attributes:
        counts: Voxels in each bin, ``(bins,)``, without those that are 0.
        edges: Limits of the bins, ascending, ``(bins + 1,)``.
        zeros: Voxels that are exactly 0.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    zeros: int

    @classmethod
    def of(cls, values: NDArray[np.floating], bins: int = BINS) -> "IntensityHistogram":
        """Count the voxels of an image.

        If all values are whole numbers, as in CT and pictures, each bin holds equally many of them; otherwise a comb of
        full and empty bins would appear.

        Args:
            values: Finite intensities, any shape.
            bins: Largest number of bins.
        """
        zeros = int(np.count_nonzero(values == 0))
        low, high = float(values.min()), float(values.max())
        if np.array_equal(values, np.rint(values)):
            width = max(1, int(np.ceil((high - low + 1) / bins)))
            number = max(1, int(np.ceil((high - low + 1) / width)))
            edges = low - 0.5 + width * np.arange(number + 1)
        else:
            edges = np.linspace(low, high if high > low else low + 1, bins + 1)
        counts, _ = np.histogram(values, edges)
        if zeros:
            counts[np.clip(np.searchsorted(edges, 0.0, side="right") - 1, 0, len(counts) - 1)] -= zeros
        return cls(counts.astype(np.int64), np.asarray(edges, np.float64), zeros)

    @property
    def number(self) -> int:
        """Number of voxels, with those that are 0."""
        return int(self.counts.sum()) + self.zeros

    def rebin(self, edges: NDArray[np.float64], *, zeros: bool = True) -> NDArray[np.float64]:
        """Return the voxels in other bins, as if those of each bin were evenly spread.

        Args:
            edges: Limits of the other bins; voxels beyond them count in the outermost bins.
            zeros: Whether voxels that are 0 count.

        Returns:
            ``(len(edges) - 1,)``, with the same sum.
        """
        below = np.interp(edges, self.edges, np.concatenate([[0], np.cumsum(self.counts)]))
        below[0], below[-1] = 0, self.counts.sum()
        counts: NDArray[np.float64] = np.diff(below)
        if zeros and self.zeros:
            counts[np.clip(np.searchsorted(edges, 0.0, side="right") - 1, 0, len(counts) - 1)] += self.zeros
        return counts

    def quantile(self, share: float, *, zeros: bool = True) -> float:
        """Return the intensity below which a share of the voxels lies: the middle of its bin.

        Args:
            share: From 0 to 1.
            zeros: Whether voxels that are 0 count.
        """
        below = np.cumsum(self.rebin(self.edges, zeros=zeros))
        if not below[-1]:
            return math.nan
        index = int(np.searchsorted(below, share * below[-1]))
        return float(self.edges[index : index + 2].mean())


def pooled(histograms: Sequence[IntensityHistogram], edges: NDArray[np.float64], *, zeros: bool) -> NDArray[np.float64]:
    """Return the mean share of the voxels in each bin; each image counts equally, whatever its size.

    Args:
        histograms: Of the images.
        edges: Limits of the bins.
        zeros: Whether voxels that are 0 count.
    """
    shares = [histogram.rebin(edges, zeros=zeros) for histogram in histograms]
    return np.asarray(np.mean([share / max(share.sum(), 1) for share in shares], axis=0))
