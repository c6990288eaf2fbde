"""The voxel size of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

from scanfill.data.volume import read_volume, volume_suffix
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def median_spacing(cases: Mapping[str, Sequence[Mapping[str, Any]]], part: str = "training") -> list[float]:
    """Take the median voxel size of a cohort along right-left, posterior-anterior, inferior-superior.

    Only the header of one image a case is read. The median, as in nnU-Net (Isensee et al. 2021), keeps most cases
    untouched where they agree.

    Args:
        cases: ``{"training": [...], ...}``.
        part: Which list counts.

    Returns:
        Three sizes in mm, rounded to 0.001 mm.

    Raises:
        CaseError: No case in that part.
    """
    if not cases[part]:
        found = {name: len(members) for name, members in cases.items()}
        msg = f"There is no {part} case, so there is no voxel size to take: found {found}."
        raise CaseError(msg)
    sizes = [_spacing(next(case[modality] for modality in MODALITIES if modality in case)) for case in cases[part]]
    return [round(float(size), 3) for size in np.median(sizes, axis=0)]


def _spacing(path: str) -> NDArray[np.float64]:
    """Read the voxel size in mm, in the order of the patient's axes whatever the order of the array's."""
    if volume_suffix(path).lower().startswith(".nii"):
        affine = np.asarray(nib.load(path).affine)
    else:
        affine = np.asarray(read_volume(path, "The image").affine, float)
    rotation = affine[:3, :3]
    sizes: NDArray[np.float64] = np.linalg.norm(rotation, axis=0)
    order = np.argmax(np.abs(rotation) / sizes, axis=1)  # which array axis lies along each patient axis
    ordered: NDArray[np.float64] = sizes[order]
    return ordered
