"""Select the input voxels of each DeepMedic pathway and position its coarse features.

A pathway of factor ``f`` and ``reach`` valid 3x3x3 layers sees every ``f``-th voxel, without smoothing, and returns one
feature vector per block of ``f`` voxels along each axis. The vector belongs to the block's *first* voxel: it is
computed from the voxels ``f * (block - reach)`` to ``f * (block + reach)``, and then repeated over the block. Blocks
start at multiples of ``f`` from an origin: the first predicted voxel of a training segment or the first voxel of a
whole volume.

The original does the same inside the volume (``getImagePartFromSubsampledImageForTraining``, v0.8.4). If its subsampled
segment starts before the volume, however, it rounds the overhang down to whole blocks and starts reading at voxel 0,
so that the coarse features are shifted by up to ``f - 1`` voxels. That offset is not reproduced.
"""

import torch
from torch import Tensor


def segment_size(predicted: int, factor: int, reach: int) -> int:
    """Return the number of (strided) voxels along one axis that a pathway needs to predict ``predicted`` voxels."""
    return (predicted + factor - 1) // factor + 2 * reach


def context_needed(factor: int, reach: int, halo: int) -> int:
    """Return the number of voxels that a pathway reads beyond one side of the predicted region.

    Args:
        factor: Subsampling factor of the pathway.
        reach: Number of 3x3x3 layers of the pathway.
        halo: Number of additional feature voxels that the classifier needs on that side.
    """
    return factor * (reach + (halo + factor - 1) // factor)


def cut_segment(
    image: Tensor, origin: int, predicted: list[int], low: list[int], high: list[int], *, factor: int, reach: int
) -> Tensor:
    """Extract the voxels that one pathway reads for a region of ``image``.

    Args:
        image: ``(..., D, H, W)`` with enough context around the region.
        origin: Index, along each axis, of the first predicted voxel; blocks start there.
        predicted: Number of predicted voxels along each axis.
        low: Number of feature voxels needed before the region, along each axis.
        high: Number of feature voxels needed after the region, along each axis.
        factor: Subsampling factor of the pathway.
        reach: Number of 3x3x3 layers of the pathway.

    Returns:
        A view ``(..., d, h, w)`` of ``image``.
    """
    begin = [origin - factor * (reach + (low[axis] + factor - 1) // factor) for axis in range(3)]
    end = [origin + factor * (reach + (predicted[axis] + high[axis] - 1) // factor) + 1 for axis in range(3)]
    return image[..., begin[0] : end[0] : factor, begin[1] : end[1] : factor, begin[2] : end[2] : factor]


def spread(features: Tensor, factor: int, wanted: list[int], low: list[int]) -> Tensor:
    """Repeat coarse features over their blocks and crop to the requested voxels.

    Args:
        features: ``(B, C, d, h, w)``, one vector per block, of a segment cut by :func:`cut_segment`.
        factor: Subsampling factor of the pathway.
        wanted: Number of voxels along each axis, including those before and after the predicted region.
        low: Number of these voxels before the region, along each axis.

    Returns:
        ``(B, C, *wanted)``.
    """
    if factor == 1:
        return features
    batch, channels, depth, height, width = features.shape
    blocks = features[:, :, :, None, :, None, :, None].expand(-1, -1, -1, factor, -1, factor, -1, factor)
    dense = blocks.reshape(batch, channels, factor * depth, factor * height, factor * width)
    for axis in range(3):
        dense = dense.narrow(2 + axis, (-low[axis]) % factor, wanted[axis])
    return dense


def pad_with_corners(image: Tensor, margin: int) -> Tensor:
    """Pad each channel of ``(B, C, D, H, W)`` by ``margin`` voxels with the mean of its eight corner voxels."""
    fill = corner_mean(image)
    batch, channels, depth, height, width = image.shape
    padded = fill.expand(batch, channels, depth + 2 * margin, height + 2 * margin, width + 2 * margin).clone()
    padded[:, :, margin : margin + depth, margin : margin + height, margin : margin + width] = image
    return padded


def corner_mean(image: Tensor) -> Tensor:
    """Average the corner voxels (eight in 3-D), the original's padding value: ``(B, C, ...)`` to ``(B, C, 1, ...)``."""
    corners = image
    axes = [axis for axis in range(2, image.dim())]  # noqa: C416  TorchScript has no list of a range
    for axis in axes:
        corners = torch.cat([corners.narrow(axis, 0, 1), corners.narrow(axis, corners.shape[axis] - 1, 1)], axis)
    return corners.mean(dim=axes, keepdim=True)
