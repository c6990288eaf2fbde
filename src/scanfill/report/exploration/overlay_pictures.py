"""Pictures of a truth, its prediction and the errors, over the image and cropped to what is marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from monai.data import MetaTensor
from numpy.typing import NDArray

from scanfill.data.schema import CaseSchema
from scanfill.metrics.error_kinds import KINDS, map_errors
from scanfill.metrics.label_arrays import Mask
from scanfill.report.exploration.explored_set import CaseRecord
from scanfill.report.exploration.measure_case import class_masks, read_what_there_is
from scanfill.report.exploration.predictions import read_prediction
from scanfill.report.page import Figure, Row
from scanfill.report.palette import blend, palette
from scanfill.report.thumbnails import SliceView, gray, png_bytes

SIDE = 300
"""Longest side of a picture in pixels."""

MARGIN, LEAST = 0.15, 0.4
"""Margin around what is marked, as a share of its longer side, and the smallest part of the slice that is shown."""

OPACITY = 0.45

ERROR_COLORS = dict(zip(KINDS, ("#56B4E9", "#F0E442", "#D55E00", "#CC79A7"), strict=True))
"""Kind of error -> its color; from Okabe and Ito's palette."""

COLOR_NAMES = dict(zip(KINDS, ("blue", "yellow", "red", "pink"), strict=True))


def draw_overlays(record: CaseRecord, schema: CaseSchema, caption: str) -> Row | None:
    """Read a case again and draw it: image, truth, prediction, errors, as far as there are.

    Args:
        record: A case with a prediction.
        schema: Schema with which it was read.
        caption: What the first picture shows.

    Returns:
        The pictures; None if the files have changed in the meantime and cannot be read.
    """
    read, _ = read_what_there_is(record.case, schema)
    predicted = read_prediction(read, schema)
    images = [read[key] for key in schema.image_keys if isinstance(read.get(key), MetaTensor)]
    if predicted is None:
        return None
    truth = class_masks(read, schema)
    masks = class_masks({"pred": predicted}, schema, "pred")
    errors = map_errors(masks, truth) if truth else np.zeros(predicted.shape[1:], np.uint8)
    window = _Window.around(images[0] if images else predicted[:1], [*masks.values(), *truth.values()], errors)
    picture = window.gray(images[0].numpy()[0]) if images else np.zeros(window.shape, np.uint8)
    shown = {caption: picture}
    if truth:
        shown["truth"] = window.overlay(picture, list(truth.values()))
    shown["prediction"] = window.overlay(picture, list(masks.values()))
    if truth:
        shown["errors"] = window.errors(picture, errors)
    width = round(SIDE * picture.shape[1] / max(picture.shape))
    return Row([Figure(png_bytes(each), name, width) for name, each in shown.items()])


@dataclass(frozen=True)
class _Window:
    """The part of a slice that is shown.

    Attributes:
        view: The slice.
        rows: Its rows.
        columns: Its columns.
    """

    view: SliceView
    rows: slice
    columns: slice

    @classmethod
    def around(cls, image: MetaTensor, masks: Sequence[Mask], errors: NDArray[np.uint8]) -> "_Window":
        """Choose the slice with most errors, or with most that is marked, and a part around what is marked in it."""
        marked = np.any(masks, axis=0)
        view = SliceView.of(image, errors > 0 if errors.any() else marked)
        inside = view.cut(marked)
        if not inside.any():
            inside = np.ones_like(inside)
        places = np.argwhere(inside)
        low, high = places.min(axis=0), places.max(axis=0) + 1
        half = max((0.5 + MARGIN) * max(high - low), LEAST / 2 * max(inside.shape))
        middle = np.clip((low + high) / 2, half, np.maximum(np.subtract(inside.shape, half), half))
        first = np.maximum(np.floor(middle - half), 0).astype(int)
        end = np.minimum(np.ceil(middle + half), inside.shape).astype(int)
        return cls(view, slice(first[0], end[0]), slice(first[1], end[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a picture."""
        rows, columns = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return self.view.fitted(np.zeros((rows, columns), np.uint8), SIDE).shape[:2]

    def gray(self, volume: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return the image in gray."""
        return self.view.fitted(gray(self.view.cut(volume))[self.rows, self.columns], SIDE)

    def covered(self, mask: Mask) -> NDArray[np.float64]:
        """Return how much of each pixel a mask covers."""
        part = self.view.cut(mask)[self.rows, self.columns]
        return self.view.fitted(part.astype(np.uint8) * 255, SIDE) / 255

    def overlay(self, picture: NDArray[np.uint8], masks: Sequence[Mask]) -> NDArray[np.uint8]:
        """Lay masks over the image, in the colors of the palette."""
        layers = blend([self.covered(mask) > 0.5 for mask in masks], palette(len(masks)), OPACITY)
        return _over(picture, layers[..., :3], layers[..., 3])

    def errors(self, picture: NDArray[np.uint8], codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Lay errors over the darkened image; thin ones are drawn as strongly as thick ones, so that they are seen."""
        shown = np.repeat((picture // 2)[..., None], 3, axis=-1)
        for code, color in enumerate(ERROR_COLORS.values(), start=1):
            strength = np.minimum(2 * self.covered(codes == code), 1)
            shown = _over(shown, np.broadcast_to(to_rgb(color), shown.shape), strength)
        return shown


def _over(picture: NDArray[np.uint8], colors: NDArray[np.float64], opacity: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Lay colors in 0 to 1 over a gray or colored picture."""
    below = picture[..., None] if picture.ndim == 2 else picture
    mixed = below * (1 - opacity[..., None]) + 255 * colors * opacity[..., None]
    return np.asarray(np.rint(mixed), np.uint8)
