"""Intensity normalization for MRI: z-score inside the mask, exactly 0 outside."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from scanfill.transforms.foreground import find_mask, mean_and_sd, measured, measured_values


def normalize_in_mask(image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str = "The image") -> NdarrayOrTensor:
    """Z-score an image over its own measured voxels inside the mask; all other voxels become exactly 0.

    Measured voxels are finite and not 0: a scan that covers half of the brain is z-scored over that half. The result
    does not change when the intensities are multiplied by a positive number.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Nonzero in the foreground, such as the brain; same shape.
        where: Start of the error message, with case and modality.

    Returns:
        The same shape and kind (array, tensor, MetaTensor), float32, mean 0 and SD 1 over the measured voxels.

    Raises:
        CaseError: No voxel inside the mask is measured, or all have the same value.
    """
    inside = measured_values(image, mask, where)
    mean, deviation = mean_and_sd(inside, where)
    result = np.zeros(tuple(image.shape), np.float32)
    result[measured(image, mask)] = (inside - mean) / deviation
    return convert_to_dst_type(result, image, dtype=np.float32)[0]


class NormalizeInMaskd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Dictionary version of :py:func:`normalize_in_mask` for all modalities of a case.

    The mask is the case's own if it has one, else the union of the nonzero voxels of its given modalities; modalities
    listed in the case's ``synthetic`` are ignored. The mask is written to the case, ``(1, X, Y, Z)``
    uint8, because sampling uses it. Use before any crop or intensity augmentation.

    Args:
        keys: Modalities.
        mask_key: Key of the mask, which is written if it is missing.
        allow_missing_keys: Skip missing keys.

    Raises:
        CaseError: A modality is constant or not measured inside the mask; all modalities are synthetic and there is no
            mask.
    """

    def __init__(self, keys: KeysCollection, mask_key: str = "mask", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalize every modality of one case and add the mask."""
        case = dict(data)
        keys = list(self.key_iterator(case))
        mask = case[self.mask_key] = find_mask(case, keys, self.mask_key)
        for key in keys:
            case[key] = normalize_in_mask(case[key], mask, f"Case {case.get('case_id', '?')!r}: {key}")
        return case
