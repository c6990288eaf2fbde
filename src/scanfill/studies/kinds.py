"""The kinds of studies there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .augmentation import AUGMENTATION
from .checks import check_name
from .missing_modality import MISSING_MODALITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kind import Kind

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (MISSING_MODALITY, AUGMENTATION)}
"""Knob ``name`` of a study file -> what it means; a file that does not say is of the first."""


def kind_of_study(study: Mapping[str, Any], where: str = "The study") -> Kind:
    """Find the kind of a study.

    Args:
        study: With the knob ``name``.
        where: Begins the message.

    Raises:
        UnknownKnobError: There is no such kind.
    """
    check_name(study["name"], KINDS, f"{where}: name is no kind of study:")
    return KINDS[study["name"]]
