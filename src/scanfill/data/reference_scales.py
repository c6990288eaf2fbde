"""The scale in which each modality is written that a completion may make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.data.reference_scale import reference_scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def reference_scales(cases: Sequence[Mapping[str, Any]], modalities: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Take the reference scale of each modality over the cases that have it, for a network of z-scores.

    Args:
        cases: Of the training.
        modalities: Those that the network knows.

    Returns:
        Modality -> what :py:func:`scanfill.data.reference_scale` gives.

    Raises:
        CaseError: No case has one of them; see also :py:func:`scanfill.data.reference_scale`.
    """
    return {
        name: reference_scale([case for case in cases if case.get(name)], name, z_scored=True) for name in modalities
    }
