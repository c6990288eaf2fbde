"""The scored regions of a brain tumour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.domains.brain_mri.labels import CET, ED, NC

if TYPE_CHECKING:
    from scanfill.metrics import Regions

REGIONS: Regions = {"NC": (NC,), "ED": (ED,), "CET": (CET,), "TC": (NC, CET), "WT": (NC, ED, CET)}
"""Necrotic core, edema, contrast-enhancing tumour; tumour core, whole tumour."""
