"""Around a network that completes cases: take modalities away beforehand, and give its images a scale afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError
from scanfill.missing.availability import AVAILABILITY
from scanfill.transforms.foreground import SMALLEST_SHARE, measured
from scanfill.transforms.signed_range import SignedScale, reference_line

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection
    from monai.config.type_definitions import NdarrayOrTensor
    from numpy.typing import NDArray

HIDDEN = "hidden"
"""Where a case names the modalities that the network must not see, separated by commas."""

MADE, DOUBT = "synthetic_", "uncertainty_"
"""A completed case holds each image that was made, and its SD, under these and the modality."""


class HideModalitiesd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Take away the modalities that a case names as hidden, as if they had never been acquired.

    Use it right after reading, before the brain is found and anything is normalised, so that nothing of them leaks in;
    copies under other keys stay, to compare with.

    Args:
        keys: Modalities.
        hidden_key: Where the case names them; a case without it keeps all.

    Raises:
        CaseError: Nothing would be left.
    """

    def __init__(self, keys: KeysCollection, hidden_key: str = HIDDEN) -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.hidden_key = hidden_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Leave them out of one case."""
        hidden = [name for name in str(data.get(self.hidden_key) or "").split(",") if name]
        if not any(key not in hidden for key in self.key_iterator(dict(data))):
            msg = (
                f"Case {data.get('case_id', '?')!r}: with {' and '.join(hidden) or 'nothing'} left out, none of "
                f"{', '.join(map(str, self.keys))} is there to make anything from. Leave out fewer, or add a file."
            )
            raise CaseError(msg)
        return {key: value for key, value in data.items() if key not in hidden or key not in self.keys}


def lacking(case: Mapping[Any, Any], modalities: Sequence[str]) -> list[str]:
    """List the modalities that a completed case did not have, by its availability."""
    return [name for name, there in zip(modalities, case[AVAILABILITY].tolist(), strict=True) if not there]


class UnscaleCompletedd(Transform):  # type: ignore[misc]
    """Turn what a completion network gives into one image and one SD for each modality that was missing.

    ``synthetic_<modality>`` and ``uncertainty_<modality>``, each ``(1, X, Y, Z)``, in the intensities of a scan: z
    times the scale's SD, plus its mean. Both are exactly 0 outside the brain. Where the reference has positive
    intensities only, an image is positive in the brain: lower ones are raised to a thousandth of the median, since 0
    reads as background.

    Args:
        modalities: In the order of the network's channels.
        references: Modality -> the checkpoint's reference scale
            (:py:func:`~scanfill.transforms.signed_range.reference_line`). None takes mean and SD of the acquired image
            where there is one, to judge; a modality without it is left out.
        key: What the network gave, ``(2 M, X, Y, Z)``: z-scored images, then log-variances, on the grid of the files.
        mask_key: Brain of the given modalities on that grid.
        prefix: The case holds an acquired image under this and its modality.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        references: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        key: str = "pred",
        mask_key: str = "brain",
        prefix: str = "acquired_",
    ) -> None:
        self.modalities = list(modalities)
        self.references = None if references is None else dict(references)
        self.key, self.mask_key, self.prefix = key, mask_key, prefix

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale one case."""
        case = dict(data)
        brain = convert_to_numpy(case[self.mask_key]) != 0
        channels = convert_to_numpy(case[self.key])
        for name in lacking(case, self.modalities):
            scale, smallest = self._scale(case, name)
            if scale is None:
                continue
            index = self.modalities.index(name)
            image, log_variance = channels[[index]], channels[[len(self.modalities) + index]]
            made = np.maximum(scale.centre + scale.spread * image.astype(np.float64), smallest)
            spread = scale.spread * np.exp(0.5 * log_variance.astype(np.float64))
            case[MADE + name] = _in_brain(made, brain, case[self.key])
            case[DOUBT + name] = _in_brain(spread, brain, case[self.key])
        return case

    def _scale(self, case: Mapping[Hashable, Any], name: str) -> tuple[SignedScale | None, float]:
        """Mean and SD, and the lowest intensity in the brain."""
        if self.references is not None:
            reference = self.references[name]
            line = reference_line(reference["intensities"], reference["deviations"])
            positive = min(reference["intensities"]) > 0
            return line, SMALLEST_SHARE * reference["intensities"][1] if positive else -np.inf
        truth = case.get(self.prefix + name)
        return (None if truth is None else z_scale(truth)), -np.inf


def z_scale(image: NdarrayOrTensor, mask: NdarrayOrTensor | None = None) -> SignedScale:
    """Mean and SD of an image over its measured voxels, by which it is z-scored; see decision 13.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Brain; by default wherever the image is not 0.
    """
    inside = convert_to_numpy(image)[measured(image, image if mask is None else mask)].astype(np.float64)
    return SignedScale(float(inside.mean()), float(inside.std()))


def _in_brain(values: NDArray[Any], brain: NDArray[np.bool_], like: NdarrayOrTensor) -> NdarrayOrTensor:
    kept: NdarrayOrTensor = convert_to_dst_type(np.where(brain, values, 0), like, dtype=np.float32)[0]
    return kept
