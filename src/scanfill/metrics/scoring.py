"""Score a label map against the truth, region by region, on the truth's own grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.metrics import get_mask_edges, get_surface_distance

Regions = Mapping[str, Sequence[int]]
Mask = npt.NDArray[np.bool_]

REGIONS: Regions = {"NC": (1,), "ED": (2,), "CET": (3,), "TC": (1, 3), "WT": (1, 2, 3)}
"""Regions of a brain tumour: necrotic core, edema, contrast-enhancing tumour, tumour core, whole tumour."""

METRICS = ("dice", "precision", "sensitivity", "hd95", "volume_ml", "predicted_ml")
"""What is known of each region; a row has the keys ``<metric>_<region>``."""


def score_case(
    prediction: npt.ArrayLike,
    truth: npt.ArrayLike,
    spacing: Sequence[float],
    regions: Regions = REGIONS,
    *,
    hausdorff: bool = True,
) -> dict[str, float]:
    """Score one predicted label map, region by region, on the grid of the truth.

    See :py:func:`score_region` for the definitions and for the values of empty regions.

    Args:
        prediction: Label map ``(X, Y, Z)`` or ``(1, X, Y, Z)``, array or tensor, already on the grid of the truth.
            A slice is a volume of depth 1.
        truth: Label map of the same shape, in the same label convention.
        spacing: Voxel size along X, Y and Z in mm.
        regions: Name of each region and the labels that form it. Together they name every label but 0.
        hausdorff: Whether to compute the distance, which takes most of the time.

    Returns:
        Keys ``<metric>_<region>``: Dice, precision and sensitivity in [0, 1], ``hd95`` in mm, ``volume_ml`` of the
        truth and ``predicted_ml`` of the prediction in ml.

    Raises:
        ValueError: Shapes differ, a label is fractional or in no region, or the spacing is not three positive numbers.
    """
    predicted_map, true_map = as_volume(prediction, "prediction"), as_volume(truth, "truth")
    if predicted_map.shape != true_map.shape:
        msg = (
            f"Prediction {predicted_map.shape} and truth {true_map.shape} must be on the same grid. "
            "Bring the prediction back to the grid of the label file (Invertd); never resample the label."
        )
        raise ValueError(msg)
    diagonal = _diagonal(true_map.shape, _checked_spacing(spacing))
    box = bounding_box((predicted_map != 0) | (true_map != 0))
    predicted_map = _whole_labels(predicted_map[box], regions, "prediction")
    true_map = _whole_labels(true_map[box], regions, "truth")
    row = {}
    for region, labels in regions.items():
        masks = np.isin(predicted_map, labels), np.isin(true_map, labels)
        scores = score_region(*masks, spacing, diagonal, hausdorff=hausdorff)
        row.update({f"{metric}_{region}": value for metric, value in scores.items()})
    return row


def score_region(
    prediction: Mask,
    truth: Mask,
    spacing: Sequence[float],
    diagonal: float | None = None,
    *,
    hausdorff: bool = True,
) -> dict[str, float]:
    """Score one region given as two masks; for labels that overlap, call this once a label.

    With TP, FP, FN the voxels found, invented and missed:

    ==================  ====================================  ==========  ===========  ===========
    key                 value                                 both empty  truth empty  none found
    ==================  ====================================  ==========  ===========  ===========
    ``dice``            2 TP / (2 TP + FP + FN)               1           0            0
    ``precision``       TP / (TP + FP)                        1           0            0 (for 0/0)
    ``sensitivity``     TP / (TP + FN)                        1           0 (for 0/0)  0
    ``hd95``            95 % Hausdorff distance in mm         0           diagonal     diagonal
    ==================  ====================================  ==========  ===========  ===========

    The distance is MONAI's: the larger of the two directed 95th percentiles of the distances between the surface
    voxels (those with a neighbour across a face outside the region). An axis of length 1 counts for nothing there: the
    surface of a slice is its outline.

    Args:
        prediction: Mask ``(X, Y, Z)``.
        truth: Mask of the same shape.
        spacing: Voxel size along X, Y and Z in mm.
        diagonal: Distance in mm when one of the two is empty; by default the diagonal of the masks' own grid. State
            it where the masks are cropped.
        hausdorff: Whether to compute the distance.

    Returns:
        The keys of the table, ``volume_ml`` (truth) and ``predicted_ml``.
    """
    found = np.count_nonzero(prediction & truth)
    predicted, true = np.count_nonzero(prediction), np.count_nonzero(truth)
    empty = 0.0 if predicted or true else 1.0
    scores = {
        "dice": 2 * found / (predicted + true) if predicted + true else empty,
        "precision": found / predicted if predicted else empty,
        "sensitivity": found / true if true else empty,
    }
    if hausdorff:
        if diagonal is None:
            diagonal = _diagonal(truth.shape, spacing)
        if predicted and true:
            scores["hd95"] = _hausdorff_95(prediction, truth, spacing)
        else:
            scores["hd95"] = diagonal if predicted or true else 0.0
    voxel_ml = math.prod(spacing) / 1000
    return scores | {"volume_ml": true * voxel_ml, "predicted_ml": predicted * voxel_ml}


def region_volumes(label: npt.ArrayLike, spacing: Sequence[float], regions: Regions = REGIONS) -> dict[str, float]:
    """Measure each region of a label map ``(X, Y, Z)`` or ``(1, X, Y, Z)`` in ml, given the voxel size in mm."""
    label_map = _whole_labels(as_volume(label, "label"), regions, "label")
    voxel_ml = math.prod(_checked_spacing(spacing)) / 1000
    return {region: np.count_nonzero(np.isin(label_map, labels)) * voxel_ml for region, labels in regions.items()}


def as_volume(values: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """Take a volume ``(X, Y, Z)`` or ``(1, X, Y, Z)``, array or tensor, as an array ``(X, Y, Z)``.

    Raises:
        ValueError: It has another shape; ``what`` begins the message.
    """
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        msg = (
            f"The {what} must be one volume (X, Y, Z) or (1, X, Y, Z), found shape {array.shape}. "
            "Choose one channel, or turn channels into one label map (AsDiscrete argmax); pass a slice as (X, Y, 1)."
        )
        raise ValueError(msg)
    return array


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


def _checked_spacing(spacing: Sequence[float]) -> list[float]:
    """Return the voxel size as three positive numbers in mm."""
    sizes = [float(size) for size in spacing]
    if len(sizes) != 3 or not all(size > 0 and math.isfinite(size) for size in sizes):
        msg = f"spacing (={sizes}) must be three positive numbers in mm. Take them from the label file's affine."
        raise ValueError(msg)
    return sizes


def _diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Measure from corner to opposite corner of a volume in mm."""
    return math.hypot(*(length * size for length, size in zip(shape, spacing, strict=True)))


def bounding_box(mask: Mask, margin: int = 1) -> tuple[slice, ...]:
    """Find the box around a mask, wider by ``margin`` voxels where the volume goes on; empty where the mask is empty.

    Thanks to the margin an axis of the box has length 1 only where that of the volume has.
    """
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(max(inside[0] - margin, 0), inside[-1] + 1 + margin) if inside.size else slice(0, 0))
    return tuple(box)


def _hausdorff_95(prediction: Mask, truth: Mask, spacing: Sequence[float]) -> float:
    """Compute MONAI's 95 % Hausdorff distance in mm of two masks that are not empty.

    It is put together from MONAI's parts: its ``compute_hausdorff_distance`` gives the same number, but warns at each
    call of an argument that it passes to itself (MONAI 1.6.1).
    """
    used = [axis for axis, length in enumerate(truth.shape) if length > 1]
    if len(used) < 2:  # a mere line of voxels: all are surface
        used = list(range(truth.ndim))
    shape, sizes = [truth.shape[axis] for axis in used], [spacing[axis] for axis in used]
    # MONAI pads by one voxel, so that a region that touches the volume's end has a surface there.
    surfaces = get_mask_edges(prediction.reshape(shape), truth.reshape(shape))
    there, back = surfaces, surfaces[::-1]
    return max(float(np.percentile(get_surface_distance(*pair, spacing=sizes), 95)) for pair in (there, back))
