"""Find the same image in two cases although its values or its size were changed: by a very small copy of it."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d, adaptive_avg_pool3d

Signature = NDArray[np.float32]

BLOCK = 512
"""Number of signatures compared at a time, so that thousands do not fill the memory."""


def small_copy(values: NDArray[np.floating], side: int) -> Signature:
    """Return an image as the means of its cells, with norm 1, so that two of them multiply to their correlation.

    Args:
        values: ``(X, Y)`` or ``(X, Y, Z)``, with zero mean where it matters.
        side: Number of cells along each axis.

    Returns:
        ``(side ** dimensions,)``; zeros for an image without contrast.
    """
    pool = adaptive_avg_pool2d if values.ndim == 2 else adaptive_avg_pool3d
    cells = pool(torch.from_numpy(np.ascontiguousarray(values, np.float32))[None], side).numpy().ravel()
    length = float(np.linalg.norm(cells))
    return np.asarray(cells / length if length > 0 else cells, np.float32)


def alike_pairs(
    signatures: Sequence[Signature], owners: Sequence[Hashable], least: float
) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of images of different owners that are nearly the same.

    Args:
        signatures: Of all images, equally long.
        owners: Whose each image is, such as the number of its case.
        least: Smallest correlation.

    Yields:
        Index, index and correlation, the first index smaller.
    """
    if not signatures:
        return
    table = np.stack(signatures)
    for start in range(0, len(table), BLOCK):
        alike = table[start : start + BLOCK] @ table.T
        for row, column in np.argwhere(alike > least):
            if start + row < column and owners[start + row] != owners[column]:
                yield int(start + row), int(column), float(alike[row, column])
