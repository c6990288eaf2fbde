"""Label maps, channels and images as arrays: their shapes, their values, and the regions that labels form."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Regions = Mapping[str, Sequence[int]]
Mask = npt.NDArray[np.bool_]


def check_regions(regions: Regions, channels: int | None = None) -> dict[str, tuple[int, ...]]:
    """Check that every region consists of labels that can occur.

    Args:
        regions: Name of each region and the labels that form it.
        channels: How many channels overlapping labels have; None for a label map, or where that is not known yet.

    Returns:
        The regions, labels as tuples.

    Raises:
        ValueError: There is no region, one has no label, or a label that cannot occur.
    """
    if not regions:
        msg = "There are no regions to score: name each with the labels that form it, such as {'kidney': [1, 2]}."
        raise ValueError(msg)
    for region, labels in regions.items():
        strangers = [
            label for label in labels if label != int(label) or label < 1 or (channels is not None and label > channels)
        ]
        if strangers or not labels:
            there = "1, 2, ... (0 is the background)" if channels is None else f"1 to {channels}, one a channel"
            msg = (
                f"Region {region!r} is formed of labels {list(labels)}, which the truth cannot hold: labels are "
                f"{there}. Correct the regions."
            )
            raise ValueError(msg)
    return {region: tuple(int(label) for label in labels) for region, labels in regions.items()}


def as_image(values: npt.ArrayLike, what: str, spatial_dims: int = 3) -> npt.NDArray[Any]:
    """Take an image of one channel, array or tensor, as an array without channel.

    Args:
        values: ``(X, Y, Z)`` or ``(1, X, Y, Z)``; in 2-D ``(X, Y)`` or ``(1, X, Y)``.
        what: Begins the message.
        spatial_dims: 2 or 3.

    Raises:
        ValueError: It has another shape.
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
    """Take channels of overlapping labels ``(C, X, Y[, Z])``, array or tensor, as an array.

    Raises:
        ValueError: It has another shape; ``what`` begins the message.
    """
    array = _as_array(values)
    if array.ndim != spatial_dims + 1:
        axes = ", ".join("XYZ"[:spatial_dims])
        msg = (
            f"The {what} must be channels (C, {axes}), one a label, found shape {array.shape}. "
            "For a label map leave exclusive=True."
        )
        raise ValueError(msg)
    return array


def _as_array(values: npt.ArrayLike) -> npt.NDArray[Any]:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def as_labels(values: npt.ArrayLike, what: str, spatial_dims: int, *, exclusive: bool) -> npt.NDArray[Any]:
    """Take a label map without channel, or channels of overlapping labels."""
    return (as_image if exclusive else as_channels)(values, what, spatial_dims)


def region_masks(values: npt.NDArray[Any], regions: Regions, what: str, *, exclusive: bool) -> dict[str, Mask]:
    """Find the voxels of each region."""
    if exclusive:
        labels = _whole_labels(values, check_regions(regions), what)
        return {region: np.isin(labels, members) for region, members in regions.items()}
    masks = _binary_channels(values, what)
    checked = check_regions(regions, len(masks))
    return {
        region: np.logical_or.reduce([masks[label - 1] for label in members]) for region, members in checked.items()
    }


def _binary_channels(values: npt.NDArray[Any], what: str) -> Mask:
    """Check that channels hold 0 and 1 only."""
    masks: Mask = values == 1
    wrong = values[~masks & (values != 0)]
    if wrong.size:
        msg = (
            f"The {what} must hold channels of 0 and 1, found {wrong.flat[0]}. Threshold probabilities (AsDiscrete "
            "threshold=0.5); give each structure of a label map a channel of its own, or leave exclusive=True."
        )
        raise ValueError(msg)
    return masks


def _whole_labels(values: npt.NDArray[Any], regions: Regions, what: str) -> npt.NDArray[np.int32]:
    """Check that labels are whole and that each but 0 belongs to a region."""
    with np.errstate(invalid="ignore"):  # NaN differs from whatever it is cast to
        labels = values.astype(np.int32)
    if not np.array_equal(labels, values):
        fraction = values[labels != values].flat[0]
        msg = f"The {what} must hold whole labels, found {fraction}. Resample label maps with nearest neighbour only."
        raise ValueError(msg)
    unknown = sorted(set(np.unique(labels).tolist()) - {0}.union(*regions.values()))
    if unknown:
        msg = (
            f"The {what} holds labels {unknown} that belong to no region of {dict(regions)}. "
            "Convert the label convention before scoring, or name these labels in regions."
        )
        raise ValueError(msg)
    return labels


def bounding_box(mask: Mask, margin: int = 1) -> tuple[slice, ...]:
    """Find the box around a mask, wider by ``margin`` voxels where the volume goes on; empty where the mask is empty.

    Thanks to the margin an axis of the box has length 1 only where that of the volume has.
    """
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(max(inside[0] - margin, 0), inside[-1] + 1 + margin) if inside.size else slice(0, 0))
    return tuple(box)
