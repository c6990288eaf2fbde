"""Scores of the slices of a volume, one by one, as studies of 2-D networks report them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.metrics.case_metric import CaseMetric, is_first_rank
from scanfill.metrics.cohort import write_table
from scanfill.metrics.label_arrays import Mask, Regions, as_image, check_regions, region_masks

UNDEFINED = 100.0
"""What an undefined IoU counts as in :py:func:`two_class_iou`."""

Row = dict[str, Any]


def score_mask(prediction: Mask, truth: Mask) -> dict[str, float]:
    """Score one region of one slice.

    Args:
        prediction: ``(X, Y)``.
        truth: ``(X, Y)``.

    Returns:
        ``dice`` and ``iou`` of the foreground in [0, 1], NaN if both masks are empty; ``two_class_iou``, see there;
        ``pixels`` of the truth, and ``predicted`` ones.
    """
    both, either = np.count_nonzero(prediction & truth), np.count_nonzero(prediction | truth)
    found, wanted = np.count_nonzero(prediction), np.count_nonzero(truth)
    return {
        "dice": 2 * both / (found + wanted) if either else math.nan,
        "iou": both / either if either else math.nan,
        "two_class_iou": two_class_iou(prediction, truth),
        "pixels": float(wanted),
        "predicted": float(found),
    }


def two_class_iou(prediction: Mask, truth: Mask) -> float:
    """Return the mean of background and foreground IoU in percent; an undefined IoU counts as 100.

    Some studies report it as the IoU. **An empty prediction gets about 50 where there is something to find, and 100
    where there is not**, so it says little without the empty prediction beside it.

    Args:
        prediction: Mask of any shape.
        truth: Mask of the same shape.
    """
    shares = []
    for found, wanted in ((prediction, truth), (~prediction, ~truth)):
        either = np.count_nonzero(found | wanted)
        shares.append(100 * np.count_nonzero(found & wanted) / either if either else UNDEFINED)
    return sum(shares) / 2


def score_slices(prediction: npt.ArrayLike, truth: npt.ArrayLike, regions: Regions, axis: int = 2) -> list[Row]:
    """Score each slice of a volume.

    Args:
        prediction: Label map ``(X, Y, Z)`` or ``(1, X, Y, Z)``, array or tensor, on the grid of the truth.
        truth: Of the same shape.
        regions: Name of each region and its labels.
        axis: Which axis the slices are counted along.

    Returns:
        One row per slice: ``slice``, its number from 0, and ``<score>_<region>`` for each score of
        :py:func:`score_mask`.

    Raises:
        ValueError: The shapes differ, or a label is in no region.
    """
    predicted, true = (as_image(values, what) for values, what in ((prediction, "prediction"), (truth, "truth")))
    if predicted.shape != true.shape:
        msg = (
            f"Prediction {predicted.shape} and truth {true.shape} must be on the same grid. Resample the prediction to "
            f"the grid of the label file (Invertd); never resample the label."
        )
        raise ValueError(msg)
    predicted, true = (np.moveaxis(labels, axis, 0) for labels in (predicted, true))
    found = region_masks(predicted, regions, "prediction", exclusive=True)
    wanted = region_masks(true, regions, "truth", exclusive=True)
    rows = []
    for number in range(len(true)):
        row: Row = {"slice": number}
        for region in regions:
            scores = score_mask(found[region][number], wanted[region][number])
            row |= {f"{score}_{region}": value for score, value in scores.items()}
        rows.append(row)
    return rows


def mean_over_patients(rows: Sequence[Mapping[str, Any]], score: str) -> tuple[float, int, int]:
    """Average a score within each patient, and then over patients; NaN does not count.

    Args:
        rows: With ``patient`` and the score.
        score: Key of the score.

    Returns:
        The mean, NaN if there is nothing to average; the number of patients, and that of slices, that have the score.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        if not math.isnan(float(row[score])):
            values.setdefault(str(row["patient"]), []).append(float(row[score]))
    means = [sum(own) / len(own) for own in values.values()]
    return (sum(means) / len(means) if means else math.nan), len(means), sum(map(len, values.values()))


class SliceScores(CaseMetric):
    """Score every slice of every case in a MONAI evaluator, and write ``slices.csv``.

    The inputs are the decollated ``pred`` and ``label`` after postprocessing, label maps ``(1, X, Y, Z)`` on one grid,
    and ``case_id`` and ``patient`` from the batch. The metric's value is the mean Dice of the regions: of each over the
    slices of a patient that have the region, then over patients. The ranks of a distributed run are gathered.

    Args:
        regions: Name of each region and its labels.
        axis: Axis of the label's array along which the slices are counted; by default the one that leads from feet to
            head, so that slices are axial.
        save_dir: Folder where rank 0 writes ``slices.csv``; None to write nothing.
        note: A caveat for the file.
        pred_key: Key of the predicted label map.
        label_key: Key of the true label map.

    Raises:
        ValueError: A region has an impossible label; at run time, see :py:func:`score_slices`.
    """

    def __init__(
        self,
        regions: Regions,
        *,
        axis: int | None = None,
        save_dir: str | Path | None = None,
        note: str = "",
        pred_key: str = "pred",
        label_key: str = "label",
    ) -> None:
        self.regions = check_regions(regions)
        self.axis, self.save_dir, self.note = axis, save_dir, note
        self.pred_key, self.label_key = pred_key, label_key
        super().__init__()

    @property
    def rows(self) -> list[Row]:
        """Return the scores of each slice, with ``case_id``, ``patient`` and ``slice``."""
        return [
            {"case_id": case["case_id"], "patient": case["patient"], **row}
            for case in self.cases
            for row in case["slices"]
        ]

    def update(self, output: Mapping[str, Any]) -> None:
        """Score the slices of one case."""
        case_id, label = str(output["case_id"]), output[self.label_key]
        axis = axial_axis(label.affine) if self.axis is None else self.axis
        try:
            slices = score_slices(output[self.pred_key], label, self.regions, axis)
        except ValueError as error:
            msg = f"Case {case_id!r}: {error}"
            raise ValueError(msg) from error
        self.cases.append({"case_id": case_id, "patient": str(output.get("patient", case_id)), "slices": slices})

    def compute(self) -> float:
        """Gather all ranks, write the file, and return the mean Dice of the slices with the region."""
        self.gather()
        rows = self.rows
        if self.save_dir is not None and is_first_rank():
            write_table(rows, Path(self.save_dir) / "slices.csv", self.note)
        means = [
            mean_over_patients([row for row in rows if row[f"pixels_{region}"]], f"dice_{region}")[0]
            for region in self.regions
        ]
        known = [value for value in means if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan


def axial_axis(affine: npt.ArrayLike) -> int:
    """Return the array axis that an affine ``(4, 4)`` maps to the direction from feet to head, as far as any does."""
    matrix = np.abs(np.asarray(affine, float)[:3, :3])
    return int(np.argmax(matrix[2] / np.linalg.norm(matrix, axis=0)))
