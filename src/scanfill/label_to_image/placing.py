"""Give a slice the label map that is to be drawn: that of its patient, as it is."""

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import Transform


class PlaceMaskd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add ``drawn`` to a case: the label map that a new slice is drawn from, on the grid of its slice."""

    def __init__(self, label_key: str, masks: str = "own") -> None:
        self.label_key, self.masks = label_key, masks

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Place the mask of one case."""
        return {**data, "drawn": data[self.label_key].clone()}
