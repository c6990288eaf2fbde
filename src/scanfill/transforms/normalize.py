"""The one rule of intensities for MRI (decision 13): z-score inside the brain, exactly 0 outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection
    from monai.config.type_definitions import NdarrayOrTensor
    from numpy.typing import NDArray

# An image that varies by less than this share of its mean is a constant plus rounding.
SMALLEST_VARIATION = 1e-6


def union_of_nonzero(images: Sequence[NdarrayOrTensor]) -> NDArray[np.bool_]:
    """Brain mask of skull-stripped images: where any of them is not 0.

    Args:
        images: Of one shape, ``(1, X, Y, Z)``.

    Returns:
        Boolean array of that shape.
    """
    mask: NDArray[np.bool_] = np.logical_or.reduce([convert_to_numpy(image) != 0 for image in images])
    return mask


def normalize_in_brain(image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str = "The image") -> NdarrayOrTensor:
    """Z-score an image over its own measured voxels inside the brain; all other voxels become exactly 0.

    Measured is what is finite and not 0: a scan that covers half of the brain is z-scored over that half. The result
    does not change when the intensities are multiplied by a positive number.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Non-zero in the brain, same shape.
        where: Begins the error message, naming case and modality.

    Returns:
        The same shape and kind (array, tensor, MetaTensor), float32, mean 0 and SD 1 over the measured voxels.

    Raises:
        CaseError: No voxel inside the mask is measured, or all have one value.
    """
    # NumPy, because these are many small steps in one process of several: PyTorch's threads would wait for each other.
    values = convert_to_numpy(image)
    measured = (convert_to_numpy(mask) != 0) & np.isfinite(values) & (values != 0)
    inside = values[measured].astype(np.float64)
    if not inside.size:
        msg = f"{where} has no measured voxel inside the brain mask: mask and image do not belong together; check both."
        raise CaseError(msg)
    mean, deviation = inside.mean(), inside.std()
    if deviation <= SMALLEST_VARIATION * abs(mean):
        msg = (
            f"{where} is constant inside the brain: all {inside.size} measured voxels are {mean:g}. It holds no image; "
            f"export it again, or leave this modality out."
        )
        raise CaseError(msg)
    result = np.zeros(values.shape, np.float32)
    result[measured] = (inside - mean) / deviation
    normalized: NdarrayOrTensor = convert_to_dst_type(result, image, dtype=np.float32)[0]
    return normalized


class NormalizeInBraind(MapTransform):  # type: ignore[misc]
    """Dictionary version of :py:func:`normalize_in_brain` for all modalities of a case.

    The brain is the case's mask if it has one, else the union of the non-zero voxels of its given modalities; a
    modality named in the case's ``synthetic`` never adds to it. The mask is written to the case, ``(1, X, Y, Z)``
    uint8, because sampling uses it. Use before any crop or intensity augmentation.

    Args:
        keys: Modalities.
        mask_key: Where the brain mask is found, and written if it is not there.
        allow_missing_keys: Whether a case may lack some of ``keys``.

    Raises:
        CaseError: A modality is constant or absent inside the brain; every modality is synthetic and there is no mask.
    """

    def __init__(self, keys: KeysCollection, mask_key: str = "mask", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise every modality of one case and add the brain mask."""
        case = dict(data)
        keys = list(self.key_iterator(case))
        name = f"Case {case.get('case_id', '?')!r}"
        if case.get(self.mask_key) is None:
            given = [key for key in keys if key not in case.get("synthetic", ())]
            if not given:
                msg = f"{name}: {', '.join(keys)} are all synthetic, so the brain is not known: add a brain mask."
                raise CaseError(msg)
            mask = union_of_nonzero([case[key] for key in given])
            case[self.mask_key] = convert_to_dst_type(mask, case[given[0]], dtype=np.uint8)[0]
        for key in keys:
            case[key] = normalize_in_brain(case[key], case[self.mask_key], f"{name}: {key}")
        return case
