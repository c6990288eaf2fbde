"""Which intensities an MRI image may have: measured ones, not normalized already unless the brain is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.data.read import check_finite
from scanfill.errors import CaseError
from scanfill.transforms.signed_range import is_scaled_already

if TYPE_CHECKING:
    from monai.data import MetaTensor

NEGATIVE_SHARE = 0.1
"""Share of negative values among the non-zero ones from which an image counts as normalised already.

A magnitude image has none. Interpolation adds overshoots at the brain's edge: 0.8 % at most in the real cases we
know (TCGA-LGG). Z-scored images have a third or more; with a shifted background nearly all of it.
"""


def check_mri(image: MetaTensor, where: str, has_mask: bool) -> None:
    """Refuse an image that holds no intensities, or such as cannot be used.

    Args:
        image: ``(1, X, Y, Z)``.
        where: Begins the error message: case, modality, file.
        has_mask: Whether the case has a brain mask; then the image may be normalised already.

    Raises:
        CaseError: A voxel is NaN or infinite; all are zero; it seems to be normalised already and there is no mask.
    """
    check_finite(image, where, "Set them to 0 if they lie outside the brain, else export the image again.")
    values = image.numpy()
    measured = values[values != 0]
    if not measured.size:
        msg = f"{where} is all zero: it holds no image. Export it again, or leave this modality out."
        raise CaseError(msg)
    negative = np.mean(measured < 0)
    if negative >= NEGATIVE_SHARE and not has_mask:
        known = "scaled to [-1, 1]" if is_scaled_already(measured) else "z-scored (or otherwise normalised)"
        msg = (
            f"{where} seems to be {known} already: {negative:.0%} of its non-zero voxels "
            f"are negative, mean {measured.mean():.3g}, SD {measured.std():.3g}, minimum "
            f"{measured.min():.3g}. The brain cannot be told from the background then: give the original "
            f"intensities, or put a brain mask (mask.nii.gz, 1 in the brain) into the case's folder."
        )
        raise CaseError(msg)
