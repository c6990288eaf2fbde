"""Two segmentations without learning: what they score on phantoms shows how much the phantoms ask for.

An atlas knows only where structures usually are, a voxelwise classifier only how bright they are. Phantoms on which one
of them does well say little about a network.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, uniform_filter
from skimage.filters import threshold_otsu

Image = NDArray[np.floating]
Masks = NDArray[np.bool_]

CANDIDATES = np.linspace(0.05, 0.95, 19)
"""Probabilities tried as threshold of a structure."""


class AtlasBaseline:
    """Predict the mean mask of the training cases, registered by the moments of the image.

    Center, axes and lengths of the foreground (above Otsu's threshold; first and second moments) are matched, and its
    skewness along each axis (third moments) tells the axis's direction, so mirrored images match, too. The threshold of
    each structure is the best one on the training cases.

    Args:
        images: Training images, ``(X, Y[, Z])`` each.
        masks: Their truth, ``(C, X, Y[, Z])`` each.
        side: Voxels per side of the atlas.
    """

    def __init__(self, images: Sequence[Image], masks: Sequence[Masks], side: int = 128) -> None:
        self.side = side
        summed = np.zeros((masks[0].shape[0], *[side] * images[0].ndim))
        for image, truth in zip(images, masks, strict=True):
            matrix, offset = self._to_image(image)
            for number, mask in enumerate(truth):
                summed[number] += affine_transform(mask.astype(np.float32), matrix, offset, summed[0].shape, order=1)
        self.mean = summed / len(images)
        self.thresholds = best_thresholds([self.probabilities(image) for image in images], masks)

    def probabilities(self, image: Image) -> NDArray[np.float32]:
        """Return the atlas on the grid of an image, ``(C, X, Y[, Z])``."""
        matrix, offset = self._to_image(image)
        inverse = np.linalg.inv(matrix)
        moved = [affine_transform(mean, inverse, -inverse @ offset, image.shape, order=1) for mean in self.mean]
        return np.stack(moved).astype(np.float32)

    def predict(self, image: Image) -> Masks:
        """Return the predicted masks ``(C, X, Y[, Z])``."""
        return thresholded(self.probabilities(image), self.thresholds)

    def _to_image(self, image: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the affine transform from atlas indices to image indices."""
        points = np.argwhere(image > threshold_otsu(image)).astype(float)  # type: ignore[no-untyped-call]  # scikit-image is untyped here
        center = points.mean(axis=0)
        lengths, axes = np.linalg.eigh(np.cov((points - center).T))
        along = (points - center) @ axes
        axes = axes * np.where((along**3).mean(axis=0) < 0, -1, 1)
        matrix = axes * np.sqrt(lengths) * 6 / self.side  # the atlas spans three SD to each side
        return matrix, center - matrix @ np.full(image.ndim, (self.side - 1) / 2)


class VoxelwiseBaseline:
    """Predict each voxel from its intensity and the mean around it (a histogram classifier).

    Both values are replaced by their ranks in the image, so that exposure does not matter. The threshold of each
    structure is the best one on the training cases.

    Args:
        images: Training images, ``(X, Y[, Z])`` each.
        masks: Their truth, ``(C, X, Y[, Z])`` each.
        bins: Number of bins of each value.
        neighborhood: Side of the neighborhood, as a share of the image's longest side.
    """

    def __init__(
        self, images: Sequence[Image], masks: Sequence[Masks], bins: int = 32, neighborhood: float = 0.04
    ) -> None:
        self.bins, self.neighborhood = bins, neighborhood
        found = np.zeros((masks[0].shape[0], bins * bins))
        seen = np.zeros(bins * bins)
        for image, truth in zip(images, masks, strict=True):
            cells = self._cells(image)
            seen += np.bincount(cells.ravel(), minlength=bins * bins)
            for number, mask in enumerate(truth):
                found[number] += np.bincount(cells[mask], minlength=bins * bins)
        self.share = (found / np.maximum(seen, 1)).astype(np.float32)
        self.thresholds = best_thresholds([self.probabilities(image) for image in images], masks)

    def probabilities(self, image: Image) -> NDArray[np.float32]:
        """Return the probability of each structure, ``(C, X, Y[, Z])``."""
        return self.share[:, self._cells(image)]

    def predict(self, image: Image) -> Masks:
        """Return the predicted masks ``(C, X, Y[, Z])``."""
        return thresholded(self.probabilities(image), self.thresholds)

    def _cells(self, image: Image) -> NDArray[np.intp]:
        """Return the bin of each voxel."""
        around = uniform_filter(image.astype(np.float32), max(3, round(self.neighborhood * max(image.shape))))
        return self._ranks(image) * self.bins + self._ranks(around)

    def _ranks(self, values: Image) -> NDArray[np.intp]:
        edges = np.quantile(values, np.linspace(0, 1, self.bins + 1)[1:-1])
        return np.searchsorted(edges, values, side="right")


def best_thresholds(probabilities: Sequence[NDArray[np.float32]], masks: Sequence[Masks]) -> NDArray[np.float64]:
    """Return for each structure the threshold of the highest mean Dice among the cases that have it.

    Args:
        probabilities: ``(C, ...)`` per case.
        masks: Truth, ``(C, ...)`` per case.

    Returns:
        ``(C,)``; thresholds are shares of the structure's highest probability.
    """
    highest = np.max([each.reshape(len(each), -1).max(axis=1) for each in probabilities], axis=0)
    chosen = []
    for structure, top in enumerate(highest):
        pairs = [(each[structure], truth[structure]) for each, truth in zip(probabilities, masks, strict=True)]
        present = [(values, truth) for values, truth in pairs if truth.any()]
        scores = [
            float(np.mean([_dice(values >= share * top, truth) for values, truth in present])) if present else 0.0
            for share in CANDIDATES
        ]
        chosen.append(max(top, 1e-6) * CANDIDATES[int(np.argmax(scores))])
    return np.array(chosen)


def thresholded(probabilities: NDArray[np.float32], thresholds: NDArray[np.float64]) -> Masks:
    """Return ``(C, ...)``: probabilities that reach the threshold of their structure."""
    return probabilities >= thresholds.reshape(-1, *[1] * (probabilities.ndim - 1))


def _dice(prediction: Masks, truth: Masks) -> float:
    return float(2 * np.count_nonzero(prediction & truth) / (np.count_nonzero(prediction) + np.count_nonzero(truth)))
