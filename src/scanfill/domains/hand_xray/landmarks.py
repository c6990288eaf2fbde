"""Distances from landmarks to the predicted bones they belong to, for radiographs without outlines.

The landmarks are the 37 of the Digital Hand Atlas in the repository SpatialConfiguration-Net. Their meaning is not
stated there; it was worked out from pictures of 20 hands.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from scanfill.data.text import read_table
from scanfill.errors import UsageError

LANDMARKS = (
    ("Ulna", "corner of the metaphysis, on the side of the little finger"),
    ("Ulna", "styloid process"),
    ("Ulna", "corner of the metaphysis, on the side of the radius"),
    ("Radius", "corner of the metaphysis, on the side of the ulna"),
    ("Radius", "corner of the metaphysis, on the side of the thumb"),
    ("Radius", "styloid process"),
    ("Triquetrum", "proximal end"),
    ("Lunate", "proximal end"),
    ("Scaphoid", "proximal end"),
    ("Hamate", "proximal end"),
    ("Capitate", "proximal end"),
    ("Trapezoid", "proximal end"),
    ("Trapezium", "proximal end"),
    ("finger-19", "base"),
    ("finger-15", "base"),
    ("finger-11", "base"),
    ("finger-7", "base"),
    ("finger-3", "base"),
    ("finger-2", "base"),
    ("finger-1", "base"),
    ("finger-1", "tip"),
    *((f"finger-{number}", "base") for number in (6, 5, 4)),
    ("finger-4", "tip"),
    *((f"finger-{number}", "base") for number in (10, 9, 8)),
    ("finger-8", "tip"),
    *((f"finger-{number}", "base") for number in (14, 13, 12)),
    ("finger-12", "tip"),
    *((f"finger-{number}", "base") for number in (18, 17, 16)),
    ("finger-16", "tip"),
)
"""Bone of each landmark, and the place on it."""

HAND = (10, 28)
"""Indices of the landmarks at the ends of the hand length: base of the capitate, tip of the middle finger."""


def read_landmarks(path: str | Path) -> dict[str, NDArray[np.float64]]:
    """Read a table with the columns ``image``, ``x1``, ``y1``, ..., ``x37``, ``y37``, in pixels from the upper left.

    Returns:
        Name of the image -> ``(37, 2)``.

    Raises:
        UsageError: A column is missing, or a value is not a number.
    """
    columns = [f"{axis}{number}" for number in range(1, len(LANDMARKS) + 1) for axis in "xy"]
    points = {}
    for row in read_table(Path(path)):
        try:
            points[row["image"]] = np.array([float(row[column]) for column in columns]).reshape(-1, 2)
        except (KeyError, ValueError) as error:
            msg = f"{path} is not a table of landmarks ({error}): it needs image, x1, y1, ... x37, y37, all numbers."
            raise UsageError(msg) from error
    return points


def landmark_distances(masks: Mapping[str, NDArray[np.bool_]], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure how far each landmark is from the predicted bone that it belongs to.

    Args:
        masks: Bone -> its predicted mask ``(X, Y)``.
        points: ``(37, 2)`` in pixels of the masks.

    Returns:
        ``(37,)``, in percent of the hand length; 0 inside the mask, infinite where the bone was not found.
    """
    length = float(np.linalg.norm(points[HAND[1]] - points[HAND[0]]))
    distances = []
    for (bone, _), point in zip(LANDMARKS, points, strict=True):
        mask = masks[bone]
        if not mask.any():
            distances.append(np.inf)
            continue
        pixel = tuple(np.clip(np.round(point).astype(int), 0, np.array(mask.shape) - 1))
        distances.append(100 * float(distance_transform_edt(~mask)[pixel]) / length)
    return np.array(distances)
