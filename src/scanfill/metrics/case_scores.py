"""Compare predicted labels with the truth, region by region, on the grid of the truth, in 2-D and 3-D."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from monai.metrics import get_mask_edges, get_surface_distance

from scanfill.metrics.label_arrays import Mask, Regions, as_labels, bounding_box, region_masks
from scanfill.metrics.overlap_scores import OverlapScores

SIZES = {2: ("area_mm2", "predicted_mm2"), 3: ("volume_ml", "predicted_ml")}
"""Spatial dimensions -> column names for the sizes of truth and prediction."""

METRICS = ("dice", "precision", "sensitivity", "hd95", *SIZES[3])
"""Metrics of each region of a volume; a row has the keys ``<metric>_<region>``. In 2-D the sizes are areas."""


def score_case(
    prediction: npt.ArrayLike,
    truth: npt.ArrayLike,
    spacing: Sequence[float],
    regions: Regions,
    *,
    exclusive: bool = True,
    hausdorff: bool = True,
    overlaps: OverlapScores | None = None,
) -> dict[str, float]:
    """Score one prediction, region by region, on the grid of the truth.

    See :py:func:`score_region` for the definitions and the values of empty regions.

    Args:
        prediction: Label map ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``, array or tensor, already on the grid of the truth.
            For overlapping labels, channels ``(C, X, Y[, Z])`` of 0 and 1: label 1 is the first, label 2 the second.
        truth: Truth of the same shape, in the same label convention.
        spacing: Voxel size along X, Y and Z in mm; two numbers for 2-D. Use 1 if the file has no voxel size: distances
            and areas are then in pixels.
        regions: Name of each region and its labels (for channels, their union). For a label map, the regions together
            must include every label except 0.
        exclusive: Whether the inputs are label maps; otherwise channels.
        hausdorff: Whether to compute the distance, which takes most of the time.
        overlaps: Further scores of structures that may overlap, the regions with a single label; None for none.

    Returns:
        Keys ``<metric>_<region>``: Dice, precision and sensitivity in [0, 1], ``hd95`` in mm, ``volume_ml`` of the
        truth and ``predicted_ml`` of the prediction in ml; in 2-D ``area_mm2`` and ``predicted_mm2`` in mm2. With
        ``overlaps`` also its keys, some of which are of the case as a whole.

    Raises:
        ValueError: Shapes differ; a label is fractional or in no region; channels are not 0 and 1; a region has an
            impossible label; or the spacing is not two or three positive numbers.
    """
    sizes = _checked_spacing(spacing)
    predicted, true = (
        as_labels(values, what, len(sizes), exclusive=exclusive)
        for values, what in ((prediction, "prediction"), (truth, "truth"))
    )
    if predicted.shape != true.shape:
        msg = (
            f"Prediction {predicted.shape} and truth {true.shape} must be on the same grid. "
            "Resample the prediction to the grid of the label file (Invertd); never resample the label."
        )
        raise ValueError(msg)
    grid = true.shape[-len(sizes) :]
    diagonal = _diagonal(grid, sizes)
    shown = (predicted != 0) | (true != 0)
    box = bounding_box(shown) if exclusive else (slice(None), *bounding_box(shown.any(axis=0)))
    found = region_masks(predicted[box], regions, "prediction", exclusive=exclusive)
    wanted = region_masks(true[box], regions, "truth", exclusive=exclusive)
    row = {}
    for region in regions:
        scores = score_region(found[region], wanted[region], sizes, diagonal, hausdorff=hausdorff)
        row.update({f"{metric}_{region}": value for metric, value in scores.items()})
    if overlaps is not None:
        single = [region for region, labels in regions.items() if len(labels) == 1]
        row |= overlaps(*({region: masks[region] for region in single} for masks in (found, wanted)))
    return row


def score_region(
    prediction: Mask,
    truth: Mask,
    spacing: Sequence[float],
    diagonal: float | None = None,
    *,
    hausdorff: bool = True,
) -> dict[str, float]:
    """Score one region given as two masks.

    TP, FP and FN are the numbers of true positive, false positive and false negative voxels:

    ==================  ====================================  ==========  ===========  ===========
    key                 value                                 both empty  truth empty  none found
    ==================  ====================================  ==========  ===========  ===========
    ``dice``            2 TP / (2 TP + FP + FN)               1           0            0
    ``precision``       TP / (TP + FP)                        1           0            0 (for 0/0)
    ``sensitivity``     TP / (TP + FN)                        1           0 (for 0/0)  0
    ``hd95``            95 % Hausdorff distance in mm         0           diagonal     diagonal
    ==================  ====================================  ==========  ===========  ===========

    The distance is MONAI's: the larger of the two directed 95th percentiles of the distances between the surface
    voxels (those with a face neighbor outside the region). An axis of length 1 is ignored, so the surface of a slice is
    its outline.

    Args:
        prediction: Mask ``(X, Y[, Z])``.
        truth: Mask of the same shape.
        spacing: Voxel size along its axes in mm.
        diagonal: Distance in mm if one of the masks is empty; by default the diagonal of the masks' grid. Pass it if
            the masks are cropped.
        hausdorff: Whether to compute the distance.

    Returns:
        The keys of the table, ``volume_ml`` (truth) and ``predicted_ml``; in 2-D ``area_mm2`` and ``predicted_mm2``.
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
    voxel = _voxel_size(spacing)
    return scores | dict(zip(SIZES[len(spacing)], (true * voxel, predicted * voxel), strict=True))


def region_sizes(
    label: npt.ArrayLike, spacing: Sequence[float], regions: Regions, *, exclusive: bool = True
) -> dict[str, float]:
    """Measure the size of each region, in ml, or in mm2 for 2-D.

    Args:
        label: Label map or channels, see ``prediction`` of :py:func:`score_case`.
        spacing: See :py:func:`score_case`.
        regions: See :py:func:`score_case`.
        exclusive: See :py:func:`score_case`.
    """
    sizes = _checked_spacing(spacing)
    labels = as_labels(label, "label", len(sizes), exclusive=exclusive)
    masks = region_masks(labels, regions, "label", exclusive=exclusive)
    voxel = _voxel_size(sizes)
    return {region: np.count_nonzero(mask) * voxel for region, mask in masks.items()}


def _voxel_size(spacing: Sequence[float]) -> float:
    """Return the size of a voxel in ml, or of a pixel in mm2."""
    return math.prod(spacing) / (1000 if len(spacing) == 3 else 1)


def _checked_spacing(spacing: Sequence[float]) -> list[float]:
    """Return the voxel size as two or three positive numbers in mm."""
    sizes = [float(size) for size in spacing]
    if len(sizes) not in SIZES or not all(size > 0 and math.isfinite(size) for size in sizes):
        msg = (
            f"spacing (={sizes}) must be three positive numbers in mm, or two for 2-D. Read them from the label file's "
            "affine."
        )
        raise ValueError(msg)
    return sizes


def _diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Return the diagonal of a grid in mm."""
    return math.hypot(*(length * size for length, size in zip(shape, spacing, strict=True)))


def _hausdorff_95(prediction: Mask, truth: Mask, spacing: Sequence[float]) -> float:
    """Compute MONAI's 95 % Hausdorff distance of two nonempty masks, in mm.

    This uses MONAI's building blocks: ``compute_hausdorff_distance`` gives the same number, but at each call it warns
    about an argument that it passes itself (MONAI 1.6.1).
    """
    used = [axis for axis, length in enumerate(truth.shape) if length > 1]
    if len(used) < 2:  # a line of voxels: all are surface
        used = list(range(truth.ndim))
    shape, sizes = [truth.shape[axis] for axis in used], [spacing[axis] for axis in used]
    # MONAI pads by one voxel, so that a region at the border of the volume has a surface there.
    surfaces = get_mask_edges(prediction.reshape(shape), truth.reshape(shape))
    there, back = surfaces, surfaces[::-1]
    return max(float(np.percentile(get_surface_distance(*pair, spacing=sizes), 95)) for pair in (there, back))
