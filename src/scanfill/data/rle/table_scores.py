"""Score a table of run-length encodings against another, without decoding them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from scanfill.data.rle.algebra import dice_of
from scanfill.data.rle.codec import reordered
from scanfill.data.rle.named_pictures import Shape
from scanfill.data.rle.table_masks import Masks, check_lines, check_rows, read_masks
from scanfill.errors import CaseError
from scanfill.metrics.overlap_scores import EPSILON

LOW = 0.5
"""A mean Dice below this may be due to different orders of pixels."""

TRIED, BETTER = 29, 0.2
"""Number of masks with which the other order is tried; it is the right one if the Dice is better by this much."""


@dataclass(frozen=True)
class TableScores:
    """Dice of a table against another.

    Attributes:
        by_class: Class -> Dice of each image.
        images: Number of images.
        ignored: Number of rows without a truth, which are not scored.
    """

    by_class: Mapping[str, Sequence[float]]
    images: int
    ignored: int

    @property
    def mean(self) -> float:
        """Mean over images and classes."""
        return float(np.mean([score for scores in self.by_class.values() for score in scores]))

    @property
    def rows(self) -> list[dict[str, float | str]]:
        """A row for each class: its name, the number of images, and the mean Dice."""
        return [
            {"class": name, "images": str(len(scores)), "dice": float(np.mean(scores))}
            for name, scores in self.by_class.items()
        ]


def score_rle_table(
    prediction: str | Path, truth: str | Path, *, shape: Shape | None = None, epsilon: float = EPSILON
) -> TableScores:
    """Return the Dice of each image and class that the truth has a row for.

    Args:
        prediction: CSV file.
        truth: CSV file.
        shape: Rows and columns of all images, if known: runs must end inside, and it is checked whether the
            other order fits better.
        epsilon: Added to numerator and denominator, so that a class that is absent from both has 1.

    Raises:
        CaseError: A file is not such a table; a row is missing from the prediction, or there twice; a run-length
            encoding is wrong; masks seem to be of different sizes, or in different orders.
    """
    size = None if shape is None else shape[0] * shape[1]
    true, predicted = read_masks(truth, size), read_masks(prediction, size)
    check_rows(predicted, prediction, true, truth)
    check_lines(predicted, prediction, true, truth)
    by_class: dict[str, list[float]] = {}
    for (image, structure), runs in true.items():
        by_class.setdefault(structure, []).append(dice_of(predicted[image, structure], runs, epsilon))
    images = len({image for image, _ in true})
    scores = TableScores(by_class, images, len(predicted.keys() - true.keys()))
    if shape is not None:
        _check_orders(predicted, true, shape, f"{prediction} and {truth}")
    return scores


def _check_orders(predicted: Masks, true: Masks, shape: Shape, what: str) -> None:
    """Compare masks in one order and in both.

    Raises:
        CaseError: They are much more similar if one file is read column by column.
    """
    tried = list(islice((key for key, runs in true.items() if runs.area), TRIED))
    if not tried:
        return
    as_they_are = float(np.mean([dice_of(predicted[key], true[key]) for key in tried]))
    turned = float(np.mean([dice_of(reordered(predicted[key], shape), true[key]) for key in tried]))
    if turned > as_they_are + BETTER:
        msg = (
            f"{what} seem to use different orders: the mean Dice of the first {len(tried)} masks is {as_they_are:.3f}, "
            f"but {turned:.3f} if the former is read column by column. Encode both row by row."
        )
        raise CaseError(msg)
