"""Score structures that may overlap: mean Dice, surfaces, shared pixels, and structures that were exchanged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from monai.metrics import get_mask_edges, get_surface_distance
from scipy.ndimage import distance_transform_edt

from scanfill.metrics.label_arrays import Mask, bounding_box

EPSILON = 1e-4
"""Added to numerator and denominator of the smoothed Dice, as in public competitions on overlapping bones."""

STRUCTURE_METRICS = ("smoothed_dice", "surface_dice")
"""Further metrics of each structure; a row has the keys ``<metric>_<structure>``."""

OVERALL_METRICS = (
    "mean_dice",
    "mean_smoothed_dice",
    "mean_surface_dice",
    "band_dice",
    "overlap_recall",
    "exchanged",
    "absent_pixels",
    "mean_dice_at_half",
)
"""Metrics of a case as a whole; a row has these keys as they are. NaN if a case has nothing to measure."""


@dataclass(frozen=True)
class OverlapScores:
    """Scores of all structures of a case together, and two further ones of each structure.

    ======================  ==========================================================================================
    key                     value
    ======================  ==========================================================================================
    ``smoothed_dice_NAME``  (2 TP + 1e-4) / (2 TP + FP + FN + 1e-4), so 1 if truth and prediction are both empty
    ``surface_dice_NAME``   share of both outlines that is within ``tolerance`` pixels of the other one (Nikolov et
                            al., arXiv 1809.04430, as in MONAI); both empty 1, one empty 0
    ``mean_dice``           mean Dice of the structures that are present in the truth; the headline
    ``mean_smoothed_dice``  mean over all structures, present or not
    ``mean_surface_dice``   mean over the present structures
    ``band_dice``           mean over the present structures of the Dice of the pixels within ``band`` pixels of the
                            true outline
    ``overlap_recall``      of all (pixel, structure) pairs in pixels that belong to two or more structures, the share
                            that is predicted; one label per pixel finds at most half of them
    ``exchanged``           share of the predicted structures whose mask covers more of another structure's truth than
                            of its own; pixels that truly belong to both are not held against it, because a structure
                            within another one, such as the pisiform on the triquetrum, would seem exchanged as soon as
                            a pixel crosses its outline
    ``absent_pixels``       pixels predicted for structures that are absent from the truth, summed over structures
    ======================  ==========================================================================================

    Args:
        tolerance: Tolerance of the surface Dice in pixels; None to omit it, which saves most of the time.
        band: Half-width in pixels of the band around the outline; None to omit it.

    Raises:
        ValueError: A width is negative.
    """

    tolerance: float | None = 2
    band: float | None = 3

    def __post_init__(self) -> None:
        for name, width in (("tolerance", self.tolerance), ("band", self.band)):
            if width is not None and width < 0:
                msg = f"OverlapScores: `{name}` (={width}) is a distance in pixels and must be at least 0, or None."
                raise ValueError(msg)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of a case as a whole that it computes."""
        without = {"mean_surface_dice"} if self.tolerance is None else set()
        without |= {"band_dice"} if self.band is None else set()
        return tuple(metric for metric in OVERALL_METRICS[:-1] if metric not in without)

    def __call__(self, prediction: Mapping[str, Mask], truth: Mapping[str, Mask]) -> dict[str, float]:
        """Score one case.

        Args:
            prediction: Mask ``(X, Y[, Z])`` of each structure.
            truth: The same structures, on the same grid.
        """
        present = [name for name, mask in truth.items() if mask.any()]
        smoothed = {name: dice(prediction[name], truth[name], EPSILON) for name in truth}
        row = {f"smoothed_dice_{name}": value for name, value in smoothed.items()}
        overall = {
            "mean_dice": _mean([dice(prediction[name], truth[name]) for name in present]),
            "mean_smoothed_dice": _mean(list(smoothed.values())),
        }
        if self.tolerance is not None:
            surfaces = {name: surface_dice(prediction[name], truth[name], self.tolerance) for name in truth}
            row |= {f"surface_dice_{name}": value for name, value in surfaces.items()}
            overall["mean_surface_dice"] = _mean([surfaces[name] for name in present])
        if self.band is not None:
            overall["band_dice"] = _mean([band_dice(prediction[name], truth[name], self.band) for name in present])
        absent = [mask for name, mask in prediction.items() if name not in present]
        return (
            row
            | overall
            | {
                "overlap_recall": overlap_recall(prediction, truth),
                "exchanged": exchanged(prediction, truth),
                "absent_pixels": float(sum(np.count_nonzero(mask) for mask in absent)),
            }
        )


def dice(prediction: Mask, truth: Mask, epsilon: float = 0.0) -> float:
    """Return the Dice of two masks of the same shape; ``epsilon`` is added to numerator and denominator."""
    size = np.count_nonzero(prediction) + np.count_nonzero(truth) + epsilon
    return float((2 * np.count_nonzero(prediction & truth) + epsilon) / size) if size else 1.0


def surface_dice(prediction: Mask, truth: Mask, tolerance: float) -> float:
    """Return the share of both outlines that is within ``tolerance`` pixels of the other.

    The same number as MONAI's ``compute_surface_dice``, which warns at each empty mask.
    """
    if not prediction.any() or not truth.any():
        return float(prediction.any() == truth.any())
    box = bounding_box(prediction | truth)
    outlines = get_mask_edges(prediction[box], truth[box])
    distances = [get_surface_distance(*pair) for pair in (outlines, outlines[::-1])]
    near = sum(np.count_nonzero(distance <= tolerance) for distance in distances)
    return float(near / sum(map(len, distances)))


def band_dice(prediction: Mask, truth: Mask, band: float) -> float:
    """Return the Dice of the pixels whose distance to the other side of the true outline is at most ``band`` pixels."""
    box = bounding_box(truth, margin=math.ceil(band) + 1)
    inside = truth[box]
    near = np.where(inside, distance_transform_edt(inside), distance_transform_edt(~inside)) <= band
    return dice(prediction[box] & near, inside & near)


def overlap_recall(prediction: Mapping[str, Mask], truth: Mapping[str, Mask]) -> float:
    """Return the recall of (pixel, structure) pairs in pixels of two or more true structures; NaN without any."""
    owners = np.stack(list(truth.values())).sum(axis=0)
    shared = owners > 1
    if not shared.any():
        return math.nan
    found = sum(np.count_nonzero(prediction[name][shared] & mask[shared]) for name, mask in truth.items())
    return float(found / owners[shared].sum())


def exchanged(prediction: Mapping[str, Mask], truth: Mapping[str, Mask]) -> float:
    """Return the share of predicted structures that cover more of another one's truth than of their own.

    Pixels of the other structure that also belong to the own one do not count. NaN if nothing is predicted.
    """
    wrong = []
    for name, mask in prediction.items():
        if mask.any():
            box = bounding_box(mask, margin=0)
            inside, own = mask[box], truth[name][box]
            most = max(np.count_nonzero(inside & ~own & other[box]) for other in truth.values())
            wrong.append(float(most > np.count_nonzero(inside & own)))
    return _mean(wrong)


def _mean(values: Sequence[float]) -> float:
    """Return the mean, NaN if there is none."""
    return float(np.mean(values)) if len(values) else math.nan
