"""Tumour labels: what the numbers in a file mean, and the one numbering used inside.

Inside scanfill a label map holds 0 background, 1 necrotic and non-enhancing core (NC), 2 edema (ED), 3
contrast-enhancing tumour (CET), whatever the file used. Array versions first, dictionary versions below.

Sources of the conventions: BraTS 2013 (Menze 2015, 10.1109/TMI.2014.2377694), BraTS 2017 to 2021 (Baid 2021,
arXiv 2107.02314), BraTS 2023 and 2024 (de Verdier 2024, arXiv 2405.18368), MSD Task01 (Antonelli 2022,
10.1038/s41467-022-30695-9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from monai.config import KeysCollection
    from monai.config.type_definitions import NdarrayOrTensor

NC, ED, CET = 1, 2, 3
"""The numbering inside."""

LABEL_NAMES = {
    0: "background",
    NC: "NC: necrotic and non-enhancing tumour core",
    ED: "ED: peritumoural edema",
    CET: "CET: contrast-enhancing tumour",
}

LABEL_CONVENTIONS: dict[str, dict[int, int]] = {
    "brats": {1: NC, 2: ED, 4: CET},
    "brats2023": {1: NC, 2: ED, 3: CET},
    "brats2013": {1: NC, 3: NC, 2: ED, 4: CET},
    "brats2024": {1: NC, 2: ED, 3: CET, 4: 0},  # 4 is a resection cavity: ignored, so background inside
    "msd": {1: ED, 2: NC, 3: CET},
}
"""Value in the file -> value inside; 0 is background in all of them."""

# A label stored with a NIfTI scale factor may miss its integer by rounding; interpolation misses by more.
INTEGER_TOLERANCE = 1e-3


def check_convention(convention: str) -> str:
    """Return ``convention`` if it is one of :py:data:`LABEL_CONVENTIONS`.

    Raises:
        CaseError: It is not.
    """
    if convention not in LABEL_CONVENTIONS:
        msg = f"Unknown label convention {convention!r}: choose one of {', '.join(LABEL_CONVENTIONS)}."
        raise CaseError(msg)
    return convention


def label_values(label: NdarrayOrTensor, where: str = "The label map") -> list[int]:
    """List the whole numbers that a label map holds, 0 included, in ascending order.

    Args:
        label: Label map of any shape.
        where: Begins the error message, naming case and file.

    Raises:
        CaseError: A value is fractional, NaN or infinite.
    """
    array = convert_to_numpy(label)
    if array.dtype.kind == "f":
        rounded = np.rint(array)
        with np.errstate(invalid="ignore"):  # infinite minus infinite: caught as not finite
            whole = np.abs(array - rounded) <= INTEGER_TOLERANCE
        if not whole.all():
            example = float(array[~whole].flat[0])
            msg = (
                f"{where} holds the fractional value {example:g} ({np.count_nonzero(~whole)} such voxels): "
                f"labels are whole numbers. It was probably interpolated; resample it from the original with nearest "
                f"neighbour."
            )
            raise CaseError(msg)
        array = rounded
    if array.size and array.min() >= 0 and array.max() <= np.iinfo(np.uint8).max:  # much faster than sorting
        return [int(value) for value in np.flatnonzero(np.bincount(array.astype(np.uint8).ravel()))]
    return [int(value) for value in np.unique(array)]


def to_internal(label: NdarrayOrTensor, convention: str, where: str = "The label map") -> NdarrayOrTensor:
    """Renumber a label map from a file to 1 NC, 2 ED, 3 CET.

    Args:
        label: Label map of any shape, as read.
        convention: One of :py:data:`LABEL_CONVENTIONS`.
        where: Begins the error message, naming case and file.

    Returns:
        Label map of the same shape and kind (array, tensor, MetaTensor), uint8.

    Raises:
        CaseError: A value is fractional or does not belong to the convention.
    """
    return _renumber(label, LABEL_CONVENTIONS[check_convention(convention)], f"convention {convention!r}", where)


def from_internal(label: NdarrayOrTensor, convention: str, where: str = "The label map") -> NdarrayOrTensor:
    """Renumber a label map from 1 NC, 2 ED, 3 CET to a convention; :py:func:`to_internal` is its inverse.

    ``brats2013`` writes NC as 1; ``brats2024`` never writes the cavity, which was background inside.

    Raises:
        CaseError: A value is not 0, 1, 2 or 3.
    """
    return _renumber(label, values_in_file(convention), "the numbering inside", where)


def values_in_file(convention: str) -> dict[int, int]:
    """Value inside -> value that is written, without background."""
    written: dict[int, int] = {}
    for in_file, inside in LABEL_CONVENTIONS[check_convention(convention)].items():
        if inside:
            written.setdefault(inside, in_file)
    return written


def look_up_table(convention: str) -> dict[str, str]:
    """What each number in a written label map means, for the JSON file beside it: ``{"4": "CET: ..."}``."""
    inside = {0: 0} | {in_file: inside for inside, in_file in values_in_file(convention).items()}
    return {str(in_file): LABEL_NAMES[inside[in_file]] for in_file in sorted(inside)}


def check_values(values: Iterable[int], convention: str, where: str = "The label map") -> None:
    """Check that a label map's values belong to a convention.

    Raises:
        CaseError: One does not.
    """
    _check_known(values, LABEL_CONVENTIONS[check_convention(convention)], f"convention {convention!r}", where)


def _check_known(values: Iterable[int], mapping: Mapping[int, int], meaning: str, where: str) -> None:
    unknown = sorted(value for value in values if value not in mapping and value != 0)
    if unknown:
        msg = (
            f"{where} holds the value {', '.join(map(str, unknown))}, which {meaning} does not have "
            f"(it has 0, {', '.join(map(str, sorted(mapping)))}). Correct the file, or name the convention it follows "
            f"with --labels ({', '.join(LABEL_CONVENTIONS)})."
        )
        raise CaseError(msg)


def _renumber(label: NdarrayOrTensor, mapping: dict[int, int], meaning: str, where: str) -> NdarrayOrTensor:
    _check_known(label_values(label, where), mapping, meaning, where)
    table = np.zeros(max(mapping) + 1, np.uint8)
    for value, new_value in mapping.items():
        table[value] = new_value
    indices = np.rint(convert_to_numpy(label)).astype(np.intp)
    renumbered: NdarrayOrTensor = convert_to_dst_type(table[indices], label, dtype=np.uint8)[0]
    return renumbered


def convention_of(case: Mapping[Hashable, Any], key: str = "label_convention") -> str:
    """Return the convention that a case states under ``key``.

    Raises:
        CaseError: It states none, or one that is not known.
    """
    convention = case.get(key)
    if not isinstance(convention, str):
        msg = (
            f"Case {case.get('case_id', '?')!r} has {key}={convention!r}: state what its label values mean with one of "
            f"{', '.join(LABEL_CONVENTIONS)}."
        )
        raise CaseError(msg)
    return check_convention(convention)


class ToInternalLabelsd(MapTransform):  # type: ignore[misc]
    """Dictionary version of :py:func:`to_internal`; the convention stands in the case's ``label_convention``."""

    def __init__(
        self, keys: KeysCollection, convention_key: str = "label_convention", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.convention_key = convention_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Renumber every key's label map; the other entries pass unchanged."""
        case = dict(data)
        for key in self.key_iterator(case):
            where = f"Case {case.get('case_id', '?')!r}: {key}"
            case[key] = to_internal(case[key], convention_of(case, self.convention_key), where)
        return case


class FromInternalLabelsd(MapTransform):  # type: ignore[misc]
    """Dictionary version of :py:func:`from_internal`; the convention stands in the case's ``output_labels``."""

    def __init__(
        self, keys: KeysCollection, convention_key: str = "output_labels", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.convention_key = convention_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Renumber every key's label map; the other entries pass unchanged."""
        case = dict(data)
        for key in self.key_iterator(case):
            where = f"Case {case.get('case_id', '?')!r}: {key}"
            case[key] = from_internal(case[key], convention_of(case, self.convention_key), where)
        return case
