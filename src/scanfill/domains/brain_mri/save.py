"""Write a tumour's label map, and how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.data.provenance import INPUTS
from scanfill.data.save_label import SaveLabeld
from scanfill.domains.brain_mri.labels import CET, NC, values_in_file
from scanfill.domains.brain_mri.reliability import CORE_NAME, REDUCED, UNRELIABLE, WITHHELD
from scanfill.domains.brain_mri.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from monai.config import KeysCollection


class SaveSegmentationd(SaveLabeld):
    """:py:class:`scanfill.data.SaveLabeld` for brain tumours: the JSON also says what cannot be relied on.

    It says what each input was and what is unreliable, where
    :py:class:`~scanfill.domains.brain_mri.JudgeReliabilityd` has judged the case. What
    :py:class:`scanfill.domains.brain_mri.quality.WarnOfQualityd` found wrong with the scans stands there as
    ``warnings``.

    Args:
        keys: Label maps ``(1, X, Y, Z)``, 1 NC, 2 ED, 3 CET, MetaTensors on the grid to save.
        output_dir: Made if absent; one folder a case.
        options: See :py:class:`scanfill.data.SaveLabeld`.
    """

    def __init__(self, keys: KeysCollection, output_dir: str, **options: Any) -> None:
        super().__init__(keys, output_dir, schema=SCHEMA, **options)

    def describe(self, case: Mapping[Hashable, Any], convention: str) -> dict[str, Any]:
        """Say what the written values mean; where the core is not subdivided, NC stands for all of it."""
        about = super().describe(case, convention)
        if case.get(WITHHELD):
            values = values_in_file(convention)
            del about["labels"][str(values[CET])]
            about["labels"][str(values[NC])] = CORE_NAME
        return about

    def describe_inputs(self, case: Mapping[Hashable, Any]) -> dict[str, Any]:
        """Say what each input was, what made a synthetic one, and what is unreliable therefore."""
        about: dict[str, Any] = {"inputs": case[INPUTS]} if INPUTS in case else {}
        about |= super().describe_inputs(case)
        if case.get(UNRELIABLE):
            about["unreliable"] = {
                "reason": case[UNRELIABLE],
                "withheld": case[WITHHELD],
                "confidence": {"TC": REDUCED},
            }
        return about
