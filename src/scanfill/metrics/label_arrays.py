"""Check label maps, channels and images as arrays, and build regions from labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Regions = Mapping[str, Sequence[int]]
Mask = npt.NDArray[np.bool_]


def check_regions(regions: Regions, channels: int | None = None) -> dict[str, tuple[int, ...]]:
    """Check that every region consists of possible labels.

    Args:
        regions: Name of each region and its labels.
        channels: Number of channels of overlapping labels; None for a label map, or if it is not known yet.

    Returns:
        The regions, with labels as tuples.

    Raises:
        ValueError: There are no regions, or a region has no label or an impossible one.
    """
    if not regions:
        msg = "There are no regions to score. Give the labels of each region by name, such as {'kidney': [1, 2]}."
        raise ValueError(msg)
    for region, labels in regions.items():
        strangers = [
            label for label in labels if label != int(label) or label < 1 or (channels is not None and label > channels)
        ]
        if strangers or not labels:
            there = "1, 2, ... (0 is the background)" if channels is None else f"1 to {channels}, one per channel"
            msg = (
                f"Region {region!r} has labels {list(labels)}, which cannot occur in the truth: labels are "
                f"{there}. Correct the regions."
            )
            raise ValueError(msg)
    return {region: tuple(int(label) for label in labels) for region, labels in regions.items()}


def as_image(values: npt.ArrayLike, what: str, spatial_dims: int = 3) -> npt.NDArray[Any]:
    """Convert a single-channel image, array or tensor, to an array without channel axis.

    Args:
        values: ``(X, Y, Z)`` or ``(1, X, Y, Z)``; in 2-D ``(X, Y)`` or ``(1, X, Y)``.
        what: Name of the image, for the error message.
        spatial_dims: 2 or 3.

    Raises:
        ValueError: The shape is different.
    """
    array = _as_array(values)
    if array.ndim == spatial_dims + 1 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != spatial_dims:
        one, axes = ("one volume", "X, Y, Z") if spatial_dims == 3 else ("one 2-D image", "X, Y")
        msg = (
            f"The {what} must be {one} ({axes}) or (1, {axes}), found shape {array.shape}. "
            "Choose one channel, or turn channels into one label map (AsDiscrete argmax)"
        )
        further = "; pass a slice as (X, Y, 1), or as 2-D with two voxel sizes." if spatial_dims == 3 else "."
        raise ValueError(msg + further)
    return array


def as_channels(values: npt.ArrayLike, what: str, spatial_dims: int = 3) -> npt.NDArray[Any]:
    """Convert channels of overlapping labels ``(C, X, Y[, Z])``, array or tensor, to an array.

    Raises:
        ValueError: The shape is different; the message names ``what``.
    """
    array = _as_array(values)
    if array.ndim != spatial_dims + 1:
        axes = ", ".join("XYZ"[:spatial_dims])
        msg = (
            f"The {what} must be channels (C, {axes}), one per label, found shape {array.shape}. "
            "For a label map use exclusive=True."
        )
        raise ValueError(msg)
    return array


def _as_array(values: npt.ArrayLike) -> npt.NDArray[Any]:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def as_labels(values: npt.ArrayLike, what: str, spatial_dims: int, *, exclusive: bool) -> npt.NDArray[Any]:
    """Convert to a label map without channel axis, or to channels of overlapping labels."""
    return (as_image if exclusive else as_channels)(values, what, spatial_dims)


def region_masks(values: npt.NDArray[Any], regions: Regions, what: str, *, exclusive: bool) -> dict[str, Mask]:
    """Return the mask of each region."""
    if exclusive:
        labels = _whole_labels(values, check_regions(regions), what)
        return {region: np.isin(labels, members) for region, members in regions.items()}
    masks = _binary_channels(values, what)
    checked = check_regions(regions, len(masks))
    return {
        region: np.logical_or.reduce([masks[label - 1] for label in members]) for region, members in checked.items()
    }


def _binary_channels(values: npt.NDArray[Any], what: str) -> Mask:
    """Check that channels contain only 0 and 1."""
    masks: Mask = values == 1
    wrong = values[~masks & (values != 0)]
    if wrong.size:
        msg = (
            f"The {what} must have channels of 0 and 1, found {wrong.flat[0]}. Threshold probabilities (AsDiscrete "
            "threshold=0.5); split a label map into one channel per structure, or use exclusive=True."
        )
        raise ValueError(msg)
    return masks


def _whole_labels(values: npt.NDArray[Any], regions: Regions, what: str) -> npt.NDArray[np.int32]:
    """Check that labels are whole numbers and that each except 0 belongs to a region."""
    with np.errstate(invalid="ignore"):  # NaN has no integer value; reported below
        labels = values.astype(np.int32)
    if not np.array_equal(labels, values):
        fraction = values[labels != values].flat[0]
        msg = (
            f"The {what} must have whole-number labels, found {fraction}. Resample label maps with nearest-neighbor "
            "interpolation."
        )
        raise ValueError(msg)
    unknown = sorted(set(np.unique(labels).tolist()) - {0}.union(*regions.values()))
    if unknown:
        msg = (
            f"The {what} contains labels {unknown}, which are not in any region of {dict(regions)}. "
            "Convert the label convention before scoring, or add these labels to regions."
        )
        raise ValueError(msg)
    return labels


def bounding_box(mask: Mask, margin: int = 1) -> tuple[slice, ...]:
    """Return the bounding box of a mask, padded by ``margin`` voxels within the volume; empty for an empty mask.

    Because of the margin, an axis of the box has length 1 only if that of the volume does.
    """
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(max(inside[0] - margin, 0), inside[-1] + 1 + margin) if inside.size else slice(0, 0))
    return tuple(box)
