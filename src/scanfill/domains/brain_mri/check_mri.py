"""Check the intensities of an MRI image: measured values, not already normalized unless the brain is known."""

import numpy as np
from monai.data import MetaTensor

from scanfill.data.header import GridLimits
from scanfill.data.read import check_finite
from scanfill.errors import CaseError
from scanfill.transforms.signed_range import is_scaled_already

NEGATIVE_SHARE = 0.1
"""Fraction of negative values among the non-zero ones above which an image counts as already normalized.

A magnitude image has none. Interpolation adds overshoots at the edge of the brain: at most 0.8 % in the real cases that
were measured (TCGA-LGG). Z-scored images have a third or more; with a shifted background almost all voxels.
"""


LIMITS = GridLimits(voxel=(0.2, 10.0), side=1000.0)
"""Possible sizes in mm: the finest research images have 0.25 mm, localizers slices of up to 10 mm; no scanner shows a
meter. A header in another unit is a factor of ten or more away."""


def check_mri(image: MetaTensor, where: str, has_mask: bool) -> None:
    """Refuse an image without usable intensities.

    Args:
        image: ``(1, X, Y, Z)``.
        where: Starts the error message: case, modality, file.
        has_mask: Whether the case has a brain mask; then the image may already be normalized.

    Raises:
        CaseError: A voxel is NaN or infinite; all are zero; the image seems to be already normalized and there is no
            mask.
    """
    check_finite(image, where, "Set them to 0 if they are outside the brain; otherwise export the image again.")
    values = image.numpy()
    measured = values[values != 0]
    if not measured.size:
        msg = f"{where} is all zero, so it is empty. Export it again, or leave this modality out."
        raise CaseError(msg)
    negative = np.mean(measured < 0)
    if negative >= NEGATIVE_SHARE and not has_mask:
        known = "scaled to [-1, 1]" if is_scaled_already(measured) else "z-scored (or otherwise normalized)"
        msg = (
            f"{where} seems to be {known} already: {negative:.0%} of its non-zero voxels are negative, mean "
            f"{measured.mean():.3g}, SD {measured.std():.3g}, minimum {measured.min():.3g}. The brain cannot be "
            f"distinguished from the background then: provide the original intensities, or put a brain mask "
            f"(mask.nii.gz, 1 in the brain) into the case's folder."
        )
        raise CaseError(msg)
