"""List the labels of a label map, or replace them with others."""

from collections.abc import Iterable, Mapping

import numpy as np
from monai.config.type_definitions import NdarrayOrTensor
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError

# A label stored with a NIfTI scale factor may differ from an integer by rounding; interpolation differs by more.
INTEGER_TOLERANCE = 1e-3


def label_values(label: NdarrayOrTensor, where: str = "The label map") -> list[int]:
    """List the whole numbers in a label map, including 0, in ascending order.

    Args:
        label: Label map of any shape.
        where: Start of the error message, with case and file.

    Raises:
        CaseError: A value is fractional, NaN or infinite.
    """
    array = convert_to_numpy(label)
    if array.dtype.kind == "f":
        rounded = np.rint(array)
        with np.errstate(invalid="ignore"):  # infinity minus infinity is NaN, which is reported below
            whole = np.abs(array - rounded) <= INTEGER_TOLERANCE
        if not whole.all():
            example = float(array[~whole].flat[0])
            msg = (
                f"{where} contains the fractional value {example:g} ({np.count_nonzero(~whole)} such voxels), but "
                f"labels must be whole numbers. It was probably interpolated; resample the original with "
                f"nearest-neighbor interpolation."
            )
            raise CaseError(msg)
        array = rounded
    if array.size and array.min() >= 0 and array.max() <= np.iinfo(np.uint8).max:  # much faster than sorting
        return [int(value) for value in np.flatnonzero(np.bincount(array.astype(np.uint8).ravel()))]
    return [int(value) for value in np.unique(array)]


def check_known(
    values: Iterable[int], mapping: Mapping[int, int], meaning: str, where: str, remedy: str = "Correct the file."
) -> None:
    """Check that a label map's values are known.

    Args:
        values: The values of the label map.
        mapping: Known value -> its meaning; 0 is always known.
        meaning: What defines the values, such as ``convention 'brats'``.
        where: Start of the error message.
        remedy: End of the error message.

    Raises:
        CaseError: A value is unknown.
    """
    unknown = sorted(value for value in values if value not in mapping and value != 0)
    if unknown:
        msg = (
            f"{where} contains the value {', '.join(map(str, unknown))}, which {meaning} does not have "
            f"(it has 0, {', '.join(map(str, sorted(mapping)))}). {remedy}"
        )
        raise CaseError(msg)


def renumber(
    label: NdarrayOrTensor,
    mapping: Mapping[int, int],
    meaning: str,
    where: str = "The label map",
    remedy: str = "Correct the file.",
) -> NdarrayOrTensor:
    """Replace the values of a label map with others; 0 stays 0.

    Args:
        label: Label map of any shape.
        mapping: Old value -> new value.
        meaning: What defines the values, see :py:func:`check_known`.
        where: Start of the error message.
        remedy: End of the error message.

    Returns:
        Label map of the same shape and kind (array, tensor, MetaTensor), uint8.

    Raises:
        CaseError: A value is fractional or unknown.
    """
    check_known(label_values(label, where), mapping, meaning, where, remedy)
    table = np.zeros(max(mapping) + 1, np.uint8)
    for value, new_value in mapping.items():
        table[value] = new_value
    indices = np.rint(convert_to_numpy(label)).astype(np.intp)
    return convert_to_dst_type(table[indices], label, dtype=np.uint8)[0]
