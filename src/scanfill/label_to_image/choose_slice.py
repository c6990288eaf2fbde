"""Choose one slice of a volume: the one with most of a structure, or any that has it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, SpatialCrop
from monai.utils import convert_to_numpy
from numpy.typing import NDArray

from scanfill.errors import CaseError, UsageError
from scanfill.label_to_image.templates import MASK_SEED

WHICH = ("fullest", "random")
"""The slice with most of what is wanted, or one of those that have it, by the seed of the case."""


class ChooseSliced(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Cut one slice out of volumes, ``(1, X, Y, 1)`` on its place in them; pictures and 2-D images stay whole.

    What was done to the volumes before is forgotten, so that an inversion ends at the grid of the slice.

    Args:
        keys: Volumes on one grid, ``(1, X, Y, Z)``, or images of two dimensions.
        label_key: Key of the label map.
        wanted: Labels of which the slice should have most; where there are none, those of any label count.
        which: One of :py:data:`WHICH`.
        seed_key: Key of the seed of a random choice.
        allow_missing_keys: Skip missing keys.

    Raises:
        UsageError: ``which`` is neither.
        CaseError: The label map is empty.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        wanted: Sequence[int] = (),
        *,
        which: str = "fullest",
        seed_key: str = MASK_SEED,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if which not in WHICH:
            msg = f"which (={which!r}) must be one of {', '.join(WHICH)}."
            raise UsageError(msg)
        self.label_key, self.wanted, self.which, self.seed_key = label_key, tuple(wanted), which, seed_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut one case."""
        case = dict(data)
        label = convert_to_numpy(case[self.label_key])[0]
        if not label.any():
            msg = f"Case {case.get('case_id', '?')!r}: the label map is empty, so there is no slice to draw."
            raise CaseError(msg)
        if label.ndim == 3:
            rng = np.random.default_rng(int(case.get(self.seed_key, 0)))
            cut = SpatialCrop(roi_slices=[slice(None), slice(None), _slice(self._index(label, rng))])
        for key in self.key_iterator(case):
            image = cut(case[key]) if label.ndim == 3 else case[key]
            case[key] = _without_history(image)
        return case

    def _index(self, label: NDArray[Any], rng: np.random.Generator) -> int:
        """Return the number of the slice."""
        amount = np.isin(label, self.wanted).sum(axis=(0, 1)) if self.wanted else np.zeros(label.shape[-1])
        if not amount.any():
            amount = (label != 0).sum(axis=(0, 1))
        return int(amount.argmax() if self.which == "fullest" else rng.choice(np.flatnonzero(amount)))


def _slice(index: int) -> slice:
    return slice(index, index + 1)


def _without_history(image: Any) -> Any:
    if not isinstance(image, MetaTensor):
        return image
    return MetaTensor(
        image.as_tensor().clone(), affine=image.affine, meta={k: v for k, v in image.meta.items() if k != "affine"}
    )
