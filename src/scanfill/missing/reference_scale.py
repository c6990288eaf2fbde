"""The scale in which an image is written that was never acquired: the middle of what the training patients have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monai.utils import convert_to_numpy
from tqdm import tqdm

from scanfill.data.image import read_image
from scanfill.errors import CaseError
from scanfill.missing.completed import z_scale
from scanfill.transforms.foreground import measured
from scanfill.transforms.signed_range import LOWEST_SD, REFERENCE_PERCENTILES, measure_scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["reference_scale", "reference_scales"]


def reference_scale(cases: Sequence[Mapping[str, Any]], target: str, *, z_scored: bool = False) -> dict[str, Any]:
    """Take the median over patients of the target's 0.5th, 50th and 99.5th percentiles in the brain.

    Only the target is read, about 0.3 s a case at 1 mm. The brain is the case's mask, else where the target is not 0.

    Args:
        cases: Of the training.
        target: The modality that will be made.
        z_scored: Whether the network's images are plain z-scores, or by the rule of
            :py:mod:`scanfill.transforms.signed_range`, whose SD may be enlarged.

    Returns:
        Plain values for a checkpoint: ``modality``, ``percentiles``, ``intensities`` (their medians, as in the files),
        ``deviations`` (the same in SD from the mean), ``patients`` (how many).

    Raises:
        CaseError: There is no case, or one whose target holds no image.
    """
    if not cases:
        msg = f"There is no training case, so there is no scale to write a synthetic {target} in. Add cases."
        raise CaseError(msg)
    patients: dict[str, list[NDArray[np.float64]]] = {}
    for case in tqdm(cases, desc=f"Scale of {target}", unit="case", leave=False):
        patients.setdefault(str(case["patient"]), []).append(_percentiles(case, target, z_scored=z_scored))
    medians = np.median([np.median(own, axis=0) for own in patients.values()], axis=0)
    return {
        "modality": target,
        "percentiles": list(REFERENCE_PERCENTILES),
        "intensities": [float(value) for value in medians[0]],
        "deviations": [float(value) for value in medians[1]],
        "patients": len(patients),
    }


def reference_scales(cases: Sequence[Mapping[str, Any]], modalities: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Take the reference scale of each modality over the cases that have it, for a network of z-scores.

    Args:
        cases: Of the training.
        modalities: Those that the network knows.

    Returns:
        Modality -> what :py:func:`reference_scale` gives.

    Raises:
        CaseError: No case has one of them; see also :py:func:`reference_scale`.
    """
    return {
        name: reference_scale([case for case in cases if case.get(name)], name, z_scored=True) for name in modalities
    }


def _percentiles(case: Mapping[str, Any], target: str, *, z_scored: bool) -> NDArray[np.float64]:
    """Percentiles of one case ``(2, 3)``: intensities, and SD from the mean."""
    where = f"Case {case.get('case_id', '?')!r}: {target}"
    image = read_image(case[target], where)
    mask = read_image(case["mask"], f"{where}: mask") if case.get("mask") else image
    scale, _, _ = measure_scale(image, mask, where)  # and refuses what holds no image
    if z_scored:
        scale = z_scale(image, mask)
    values = np.percentile(convert_to_numpy(image)[measured(image, mask)].astype(np.float64), REFERENCE_PERCENTILES)
    return np.stack([values, np.maximum((values - scale.centre) / scale.spread, LOWEST_SD)])
