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
"""The slice with most of what is wanted, or any that has a label, by the seed of the case."""


class ChooseSliced(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Cut one slice out of volumes, ``(1, X, Y, 1)`` on its place in them; pictures and 2-D images stay whole.

    What was done to the volumes before is forgotten, so that an inversion ends at the grid of the slice.

    Args:
        keys: Volumes on one grid, ``(1, X, Y, Z)``, or images of two dimensions.
        label_key: Key of the label map.
        wanted: Labels of which the slice should have most; where there are none, those of any label count.
        which: One of :py:data:`WHICH`; at random, any slice with a label may be chosen.
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
        number = self.number_of(label, int(case.get(self.seed_key, 0)), f"Case {case.get('case_id', '?')!r}")
        cut = SpatialCrop(roi_slices=[slice(None), slice(None), slice(number, number + 1)])
        for key in self.key_iterator(case):
            case[key] = _without_history(cut(case[key]) if label.ndim == 3 else case[key])
        return case

    def number_of(self, label: NDArray[Any], seed: int, where: str) -> int:
        """Return the number of the slice that is chosen.

        Args:
            label: ``(X, Y, Z)``, or ``(X, Y)``, which is slice 0.
            seed: Seed of a random choice.
            where: Start of the error message.

        Raises:
            CaseError: The label map is empty.
        """
        if not label.any():
            msg = f"{where}: the label map is empty, so there is nothing to draw a slice from. Leave the case out."
            raise CaseError(msg)
        if label.ndim == 2:
            return 0
        amount = np.isin(label, self.wanted).sum(axis=(0, 1))
        if not amount.any():
            amount = (label != 0).sum(axis=(0, 1))
        if self.which == "fullest":
            return int(amount.argmax())
        return int(np.random.default_rng(seed).choice(np.flatnonzero((label != 0).any(axis=(0, 1)))))


def _without_history(image: Any) -> Any:
    if not isinstance(image, MetaTensor):
        return image
    return MetaTensor(
        image.as_tensor().clone(), affine=image.affine, meta={k: v for k, v in image.meta.items() if k != "affine"}
    )
