"""Check that a brain mask covers the brain: not half of it, not a lesion, not the whole head.

Where the images are skull-stripped, the mask should cover what they show. Where they show a whole head, the brain is
less than half of it, but nearly as wide and as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scanfill.domains.brain_mri.quality.skull import LARGEST_BRAIN, QUIET, background_of, coarsen, suspect_skull
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monai.data import MetaTensor
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

LEAST_OF_TISSUE = 0.6
"""Smallest share of the tissue of skull-stripped images that a brain mask covers.

In 19 real cases, masks of the brain cover all of it, eroded by 6 mm 0.74 to 0.78, without the lowest 15 % (cerebellum)
0.85 to 0.87; masks of half of it at most 0.52, of its lesion 0.16. In two thin slabs of MSD: halves 0.53, lesions 0.28.
"""

LEAST_ON_TISSUE = 0.5
"""Smallest share of a brain mask in which the images show tissue: 0.78 or more if dilated by 6 mm, inverse masks 0."""

LEAST_EXTENT = 0.6
"""Smallest width, length and height of a brain mask as a share of those of the whole head.

In six phantoms of whole heads, masks of the brain have at least 0.81, eroded by 6 mm 0.76, without the lowest 15 %
0.65; masks of half of it at most 0.53, of its lesion 0.49. There was no real head with a mask to measure.
"""

HEAD_HEIGHT = 130.0
"""Height in mm to which that of a head counts: further down there is no brain."""


@dataclass(frozen=True)
class MaskShares:
    """What a mask covers.

    Attributes:
        litres: Its volume.
        of_tissue: Share of the tissue inside it.
        on_tissue: Share of it that is tissue.
        width: Its extent from left to right as a share of that of the tissue.
        length: The same from back to front.
        height: The same from bottom to top, of at most :py:data:`HEAD_HEIGHT`.
        everywhere: Whether it has no voxel outside.
    """

    litres: float
    of_tissue: float
    on_tissue: float
    width: float
    length: float
    height: float
    everywhere: bool


def check_mask(mask: MetaTensor, images: Mapping[str, MetaTensor], where: str) -> None:
    """Refuse a mask that is clearly not one of the brain.

    Args:
        mask: ``(1, X, Y, Z)``, 0 and 1.
        images: Acquired images on the same grid, by modality; none if there are only synthetic ones.
        where: Starts the error message: case, key, file.

    Raises:
        CaseError: With what it covers.
    """
    if not images:
        return
    shares = measure_mask(mask, images)
    reason = _objection(shares, images)
    if reason:
        msg = (
            f"{where} is not a mask of the whole brain: {reason}. Create it again, for example with HD-BET or "
            f"SynthStrip; or remove it if the images are skull-stripped already."
        )
        raise CaseError(msg)


def measure_mask(mask: MetaTensor, images: Mapping[str, MetaTensor]) -> MaskShares:
    """Compare a mask with the tissue that most of the images show."""
    affine = np.asarray(mask.affine, dtype=float)
    covered, coarse = coarsen(mask.numpy()[0], affine)
    inside = covered > 0
    shown = [tissue_of(coarsen(image.numpy()[0], affine)[0], inside) for image in images.values()]
    tissue = np.sum(shown, axis=0) * 2 >= len(shown)
    both = float(np.count_nonzero(inside & tissue))
    own, whole = _extent(inside, coarse), _extent(tissue, coarse)
    sizes = own / np.maximum(np.minimum(whole, (np.inf, np.inf, HEAD_HEIGHT)), 1e-6)
    return MaskShares(
        litres=float(np.count_nonzero(mask.numpy()) * abs(np.linalg.det(affine[:3, :3])) / 1e6),
        of_tissue=both / max(1, int(np.count_nonzero(tissue))),
        on_tissue=both / max(1, int(np.count_nonzero(inside))),
        width=float(sizes[0]),
        length=float(sizes[1]),
        height=float(sizes[2]),
        everywhere=bool(inside.all()),
    )


def tissue_of(image: NDArray[np.float32], inside: Mask) -> Mask:
    """Separate the head, or the stripped brain, from the background: one value, or noise darker than the brain."""
    background, share = background_of(image)
    if share >= 0.2:
        return np.asarray(np.abs(image - background) > QUIET * (np.percentile(image, 99.5) - image.min()))
    air = np.percentile(image, 1)
    return np.asarray(image > air + 0.25 * (np.median(image[inside]) - air))


def _extent(mask: Mask, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the size of a mask along the axes of the patient in mm, without its outermost 2 %, ``(3,)``."""
    places = np.argwhere(mask)
    if not len(places):
        return np.zeros(3)
    return np.asarray(np.ptp(np.percentile(places @ affine[:3, :3].T, [2, 98], axis=0), axis=0))


def _objection(shares: MaskShares, images: Mapping[str, MetaTensor]) -> str:
    """Return why a mask is not believed; empty if it is plausible."""
    if shares.everywhere:
        return f"it is 1 everywhere, {shares.litres:.2f} liters"
    if shares.litres > LARGEST_BRAIN:
        return f"it has {shares.litres:.1f} liters, more than any brain ({LARGEST_BRAIN:g} at most)"
    if shares.on_tissue < LEAST_ON_TISSUE:
        return f"only {shares.on_tissue:.0%} of it is tissue in the images (at least {LEAST_ON_TISSUE:.0%})"
    extents = (shares.width, shares.length, shares.height)
    reason = ""
    if shares.of_tissue < LEAST_OF_TISSUE and not any(suspect_skull(image) for image in images.values()):
        reason = f"it covers {shares.of_tissue:.0%} of the tissue in the images (at least {LEAST_OF_TISSUE:.0%})"
    elif shares.of_tissue < LEAST_OF_TISSUE and min(extents) < LEAST_EXTENT:
        wide, long, high = (f"{extent:.0%}" for extent in extents)
        reason = f"it is {wide} as wide, {long} as long and {high} as high as the head (at least {LEAST_EXTENT:.0%})"
    return reason and f"{reason}, {shares.litres:.2f} liters"
