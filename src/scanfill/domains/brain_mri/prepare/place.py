"""Where each modality of a case lies against the reference: found by registration, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanfill.domains.brain_mri.prepare.judge import Agreement, judge
from scanfill.domains.brain_mri.prepare.pose import Pose
from scanfill.domains.brain_mri.prepare.registration import register
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from scanfill.domains.brain_mri.prepare.read import OriginalCase


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a modality lies against the reference.

    Attributes:
        pose: World coordinates of the reference to those of the modality.
        agreement: How well they lie upon each other; None for the reference itself.
    """

    pose: Pose
    agreement: Agreement | None = None


def place(original: OriginalCase) -> dict[str, Placed]:
    """Register every other modality to the reference.

    Raises:
        CaseError: At least one does not fit; names all that do not, with the figures.
    """
    reference = original.images[original.reference]
    placed = {original.reference: Placed(Pose())}
    doubts = []
    for key, image in original.images.items():
        if key == original.reference:
            continue
        pose = register(reference, image, original.mask)
        agreement = judge(reference, image, pose, original.mask)
        placed[key] = Placed(pose, agreement)
        if doubt := agreement.doubt(alike={key, original.reference} == {"t1", "t1ce"}):
            doubts.append(f"{key}: {doubt}")
    if doubts:
        msg = (
            f"Case {original.case_id!r}: registration to {original.reference} failed, so nothing was written. "
            f"{'. '.join(doubts)}. Look at these images: is it the same patient, the whole head, the right modality? "
            f"Replace the image, take it out of the case, or choose another --reference."
        )
        raise CaseError(msg)
    return placed
