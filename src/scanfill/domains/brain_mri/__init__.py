"""Brain tumors in MRI: T1, T1CE, T2 and FLAIR of a patient, on one grid.

Names are imported on first use, since most of them import MONAI, which takes seconds: the scheduler of a study only
needs :py:data:`MODALITIES` for each of its jobs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, to_internal
    from scanfill.domains.brain_mri.mirror import MirrorHemispheresd
    from scanfill.domains.brain_mri.modalities import MODALITIES, published_mse
    from scanfill.domains.brain_mri.reliability import JudgeReliabilityd, SaveSegmentationd, WriteVolumes

__all__ = [
    "LABEL_CONVENTIONS",
    "MODALITIES",
    "JudgeReliabilityd",
    "MirrorHemispheresd",
    "SaveSegmentationd",
    "WriteVolumes",
    "published_mse",
    "to_internal",
]

HOMES = {
    "LABEL_CONVENTIONS": "labels",
    "MODALITIES": "modalities",
    "MirrorHemispheresd": "mirror",
    "published_mse": "modalities",
    "to_internal": "labels",
}
"""Name -> the module of this package that defines it; all others are in ``reliability``."""


def __getattr__(name: str) -> Any:
    """Import a name of :py:data:`__all__` from its module."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{HOMES.get(name, 'reliability')}"), name)
