"""The checks of quality inside a pipeline: warn, and go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from monai.transforms import MapTransform

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.quality.case import CaseQuality, check_images
from scanfill.missing.unusable import find_unusable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from monai.config import KeysCollection

logger = logging.getLogger(__name__)

LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "note": logging.WARNING}


class WarnOfQualityd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Check the images of a case as ``python -m scanfill cases --qc`` does, log each finding and write them down.

    What is synthetic is not checked: a T1CE that a network made is as thick as its sources and shows no contrast agent.
    The images are left as they are; which of them are unusable, and why, is added to the case's ``unusable``
    (:py:func:`scanfill.missing.unusable.find_unusable`; only to a case that has such, so in batches of one). Use it
    right after :py:class:`scanfill.data.ReadCased`, while the images are as in their files; takes about a
    second a case.

    Args:
        keys: Modalities, each ``(1, X, Y, Z)``, named t1, t1ce, t2, flair.
        mask_key: Key of the brain mask, used when the case has one.
        warnings_key: Where the findings go, one a line; an empty string when there are none.
        allow_missing_keys: Whether a case may lack some of ``keys``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str = "mask",
        warnings_key: str = "warnings",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.warnings_key = warnings_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check one case."""
        case = dict(data)
        keys = [str(key) for key in self.key_iterator(case) if key not in case.get("synthetic", ())]
        quality = CaseQuality(str(case.get("case_id", "?")), str(case.get("patient", "?")), keys)
        check_images(quality, {key: case[key] for key in keys}, case.get(self.mask_key))
        lines = []
        for finding in quality.findings:
            about = f"{finding.modality}: " if finding.modality else ""
            lines.append(f"[{finding.code}] {about}{finding.text}")
            logger.log(LEVELS[finding.severity], "Case %r: %s", quality.case_id, lines[-1])
        case[self.warnings_key] = "\n".join(lines)
        if unusable := find_unusable(quality.findings, case, MODALITIES):
            case["unusable"] = {**case.get("unusable", {}), **unusable}
        return case
