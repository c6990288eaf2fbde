"""How like the real content of a hole is what it was filled with: error, structure, contrast and texture."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor

from scanfill.inpainting.collect import Hole

RIM = 3
"""Voxels around a part that its contrast refers to."""

WINDOW = 7
"""Side of the window of SSIM, in voxels."""


def errors_in_hole(hole: Hole, filled: Tensor) -> dict[str, float]:
    """Return MSE, PSNR and SSIM in the hole, averaged over the channels; intensities from 0 to 1.

    As in the BraTS inpainting challenge (Kofler et al., arXiv 2305.08992) all are computed in the hole alone. There,
    intensities are divided by a percentile of the image; here -4 to 4 SD of the brain are 0 to 1.

    Args:
        hole: With the real image.
        filled: ``(C, ...)``.
    """
    inside = hole.inside[0].numpy()
    truth, made = ((image.numpy().astype(np.float64) + 1) / 2 for image in (hole.image, filled))
    squares = [float(((a - b)[inside] ** 2).mean()) for a, b in zip(truth, made, strict=True)]
    similar = [_structure(a, b, inside) for a, b in zip(truth, made, strict=True)]
    return {
        "mse": float(np.mean(squares)),
        "psnr": float(np.mean([-10 * np.log10(max(value, 1e-12)) for value in squares])),
        "ssim": float(np.mean(similar)),
    }


def _structure(truth: NDArray[np.float64], made: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    side = min(WINDOW, *(length - (length + 1) % 2 for length in truth.shape))
    options = {"data_range": 1.0, "win_size": side, "full": True}
    _, values = structural_similarity(truth, made, **options)  # type: ignore[no-untyped-call]
    return float(values[inside].mean())


def looks_of(
    image: Tensor, label: Tensor, parts: Mapping[int, str], channels: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """Measure the contrast and texture of each part in each channel, in SD of the brain.

    Args:
        image: ``(C, ...)``, -1 to 1 for 4 SD.
        label: ``(1, ...)``.
        parts: Label -> name.
        channels: Names of the channels.

    Returns:
        ``(part, channel)`` -> ``contrast``, the mean of the part minus that of the voxels around it that are not
        lesion; ``sd`` in the part; ``grain``, the mean absolute difference to the mean of the 6 (in 2-D 4) neighbors.
    """
    voxels, values = label[0].numpy(), image.numpy().astype(np.float64) * 4
    outside = ndimage.binary_dilation(voxels != 0, iterations=RIM) & (voxels == 0)
    cross = ndimage.generate_binary_structure(voxels.ndim, 1).astype(float)
    cross[(1,) * voxels.ndim] = 0
    found = {}
    for part, name in parts.items():
        inside = voxels == part
        if not inside.any() or not outside.any():
            continue
        for channel, plane in zip(channels, values, strict=True):
            smooth = ndimage.convolve(plane, cross / cross.sum(), mode="nearest")
            found[(name, channel)] = {
                "contrast": float(plane[inside].mean() - plane[outside].mean()),
                "sd": float(plane[inside].std()),
                "grain": float(np.abs(plane - smooth)[inside].mean()),
            }
    return found


def dice(first: Tensor, second: Tensor) -> float:
    """Return the Dice of two masks; 1 if both are empty."""
    total = int(first.sum() + second.sum())
    return 1.0 if total == 0 else float(2 * torch.logical_and(first, second).sum() / total)
