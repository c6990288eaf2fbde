"""Brain tumours in MRI: T1, T1CE, T2 and FLAIR of a patient, on one grid."""

from __future__ import annotations

from importlib import import_module
from typing import Any

HOMES = {
    "MODALITIES": "naming",
    "LABEL_CONVENTIONS": "labels",
    "FromInternalLabelsd": "labels",
    "ToInternalLabelsd": "labels",
    "from_internal": "labels",
    "look_up_table": "labels",
    "to_internal": "labels",
    "JudgeReliabilityd": "reliability",
    "SaveSegmentationd": "save",
    "WriteVolumes": "volumes",
}

__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
