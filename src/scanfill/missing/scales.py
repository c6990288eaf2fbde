"""Intensity scale for an image that was never acquired: the median over the training patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.data.image import read_image
from scanfill.errors import CaseError
from scanfill.missing.completed import z_scale
from scanfill.transforms.foreground import measured
from scanfill.transforms.signed_range import LOWEST_SD, REFERENCE_PERCENTILES, measure_scale

__all__ = ["reference_scale", "reference_scales"]


def reference_scale(cases: Sequence[Mapping[str, Any]], target: str, *, z_scored: bool = False) -> dict[str, Any]:
    """Return the medians over patients of the target's 0.5th, 50th and 99.5th percentiles in the brain.

    Only the target is read, about 0.3 s per case at 1 mm. The brain is the case's mask, or else all voxels of the
    target that are not 0.

    Args:
        cases: Cases of the training.
        target: The modality that will be generated.
        z_scored: Whether the network's images are plain z-scores. Otherwise they follow the rule of
            :py:mod:`scanfill.transforms.signed_range`, whose SD may be enlarged.

    Returns:
        Plain values for a checkpoint: ``modality``, ``percentiles``, ``intensities`` (their medians, as in the files),
        ``deviations`` (the same in SD from the mean), ``patients`` (their number).

    Raises:
        CaseError: There are no cases, or the target of one is empty.
    """
    if not cases:
        msg = f"There are no training cases, so there is no intensity scale for a synthetic {target}. Add cases."
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
    """Return the reference scale of each modality over the cases that have it, for a network of z-scores.

    Args:
        cases: Cases of the training.
        modalities: Modalities of the network.

    Returns:
        Modality -> result of :py:func:`reference_scale`.

    Raises:
        CaseError: No case has one of the modalities; see also :py:func:`reference_scale`.
    """
    return {
        name: reference_scale([case for case in cases if case.get(name)], name, z_scored=True) for name in modalities
    }


def _percentiles(case: Mapping[str, Any], target: str, *, z_scored: bool) -> NDArray[np.float64]:
    """Return percentiles of one case ``(2, 3)``: intensities, and SD from the mean."""
    where = f"Case {case.get('case_id', '?')!r}: {target}"
    image = read_image(case[target], where)
    mask = read_image(case["mask"], f"{where}: mask") if case.get("mask") else image
    scale, _, _ = measure_scale(image, mask, where)  # also refuses an empty image
    if z_scored:
        scale = z_scale(image, mask)
    values = np.percentile(convert_to_numpy(image)[measured(image, mask)].astype(np.float64), REFERENCE_PERCENTILES)
    return np.stack([values, np.maximum((values - scale.centre) / scale.spread, LOWEST_SD)])
