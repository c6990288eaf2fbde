"""Histogram standardization of MRI (Nyul): map each scan's landmarks to those of the training patients."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import ArrayLike, NDArray

from scanfill.errors import CaseError, UsageError

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""Landmarks: the ends and the deciles. Nyul, Udupa and Zhang 2000, 10.1109/42.836373; ends as Shah 2011."""

SCALE = (0.0, 100.0)
"""Values to which the first and last landmark of every training scan are mapped before averaging."""


def landmarks_of(img: NdarrayOrTensor, where: str = "The image") -> NDArray[np.float64]:
    """Compute the percentiles of a scan over its measured voxels, those that are finite and not 0.

    Raises:
        CaseError: No voxel is measured, or two landmarks coincide.
    """
    values = convert_to_numpy(img)
    inside = values[np.isfinite(values) & (values != 0)]
    if not inside.size:
        msg = f"{where} has no measured voxel: it is zero everywhere. Leave it out."
        raise CaseError(msg)
    found: NDArray[np.float64] = np.percentile(inside.astype(np.float64), PERCENTILES)
    if np.any(np.diff(found) < 0) or found[-1] <= found[0]:
        msg = f"{where} has too few distinct intensities: its percentiles lie between {found[0]:g} and {found[-1]:g}."
        raise CaseError(msg)
    return found


def fit_landmarks(
    cases: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    read: Callable[[Any, str], NdarrayOrTensor],
    most: int = 50,
) -> dict[str, list[float]]:
    """Fit the standard histogram of each modality to training patients.

    Args:
        cases: The training list only; files by modality.
        keys: Modalities. Cases without a modality are skipped for it.
        read: Reads one file of a case, such as :py:func:`scanfill.data.image.read_image`; its second argument is the
            start of an error message.
        most: Largest number of scans to read per modality, spread evenly over the list.

    Returns:
        Modality -> mean landmarks on the scale 0 to 100, one for each of :py:data:`PERCENTILES`.

    Raises:
        CaseError: A modality is missing from all cases, or a scan cannot be used.
    """
    fitted = {}
    for key in keys:
        having = [case for case in cases if case.get(key)]
        if not having:
            msg = f"None of {len(cases)} training cases has {key}, so its histogram cannot be standardized."
            raise CaseError(msg)
        chosen = [having[index] for index in np.unique(np.linspace(0, len(having) - 1, most).astype(int))]
        found = []
        for case in chosen:
            where = f"Case {case.get('case_id', '?')!r}: {key}"
            marks = landmarks_of(read(case[key], where), where)
            found.append(np.interp(marks, marks[[0, -1]], SCALE))
        fitted[key] = [float(value) for value in np.mean(found, axis=0)]
    return fitted


def standardize_histogram(img: NdarrayOrTensor, landmarks: ArrayLike, where: str = "The image") -> NdarrayOrTensor:
    """Map a scan's percentiles to given ones, linearly between them and extrapolated beyond the ends.

    Args:
        img: ``(C, ...)``, intensities as in the file; 0 means not measured and stays 0.
        landmarks: One for each of :py:data:`PERCENTILES`, increasing.
        where: Start of an error message.

    Returns:
        The same shape and kind, float32, on the scale of the landmarks; measured voxels never become exactly 0. The
        result does not change when the intensities are multiplied by a positive number.

    Raises:
        CaseError: See :py:func:`landmarks_of`.
        UsageError: The landmarks are not increasing, or their number is wrong.
    """
    target = np.asarray(landmarks, float)
    if target.shape != (len(PERCENTILES),) or np.any(np.diff(target) < 0) or target[-1] <= target[0]:
        msg = f"`landmarks` (={target.tolist()}) must be {len(PERCENTILES)} increasing numbers; see fit_landmarks."
        raise UsageError(msg)
    values = convert_to_numpy(img)
    own, first = np.unique(landmarks_of(img, where), return_index=True)
    target = target[first]
    measured = np.isfinite(values) & (values != 0)
    inside = values[measured].astype(np.float64)
    mapped = np.interp(inside, own, target)
    for end, beyond in ((slice(0, 2), inside < own[0]), (slice(-2, None), inside > own[-1])):
        slope = np.diff(target[end])[0] / np.diff(own[end])[0]
        mapped[beyond] = target[end][-1] + slope * (inside[beyond] - own[end][-1])
    result = np.zeros(values.shape, np.float32)
    result[measured] = mapped
    result[measured & (result == 0)] = np.finfo(np.float32).tiny
    return convert_to_dst_type(result, img, dtype=np.float32)[0]


class StandardizeHistogramd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Dictionary version of :py:func:`standardize_histogram`, with separate landmarks for each modality.

    This is preprocessing: use it in training, validation and inference, with the same landmarks.

    Args:
        keys: Modalities.
        landmarks: By modality, as :py:func:`fit_landmarks` returns them.
        allow_missing_keys: Skip missing keys.

    Raises:
        UsageError: A key has no landmarks.
    """

    def __init__(
        self, keys: KeysCollection, landmarks: Mapping[str, Sequence[float]], allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.landmarks = dict(landmarks)
        absent = [key for key in self.keys if key not in self.landmarks]
        if absent:
            msg = f"`landmarks` has {', '.join(self.landmarks)}, but not {', '.join(map(str, absent))}."
            raise UsageError(msg)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Standardize every modality of one case."""
        case = dict(data)
        for key in self.key_iterator(case):
            where = f"Case {case.get('case_id', '?')!r}: {key}"
            case[key] = standardize_histogram(case[key], self.landmarks[key], where)
        return case


class RandStandardizeHistogramd(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """Standardize the histograms of a random part of the training cases, so that a network learns to handle both.

    The network then needs no landmarks at inference. Either all modalities of a case are standardized or none.

    Args:
        keys: Modalities.
        landmarks: See :py:class:`StandardizeHistogramd`.
        prob: Probability that a case is standardized.
        allow_missing_keys: Skip missing keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        landmarks: Mapping[str, Sequence[float]],
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        self.standardize = StandardizeHistogramd(keys, landmarks, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Standardize one case, or return it unchanged."""
        self.randomize(None)
        return self.standardize(data) if self._do_transform else dict(data)
