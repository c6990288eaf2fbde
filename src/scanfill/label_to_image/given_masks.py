"""Masks from a folder: whose they are, and in which training patient's body each is drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scanfill.data.cases import find_cases
from scanfill.data.image import IMAGE_SUFFIXES, VOLUME_SUFFIXES
from scanfill.data.new_cases import label_of
from scanfill.data.provenance import stem_of
from scanfill.data.schema import CaseSchema
from scanfill.errors import CaseError

Case = dict[str, Any]


def masks_in(folder: Path, kind: CaseSchema, labels: str, cases: Sequence[Case]) -> list[Case]:
    """List the masks of a folder: named as a case (``<case_id>.png``), or as the kind of data names its label maps.

    Args:
        folder: Masks, alone or beside images, which are not used.
        kind: The schema.
        labels: What the values in the masks mean.
        cases: All known cases, of any part of a split.

    Returns:
        Cases with ``case_id``, ``patient``, the label's key and ``label_convention``.

    Raises:
        CaseError: There is no mask; see also :py:func:`scanfill.data.find_cases`.
    """
    spec = label_of(kind)
    suffixes = IMAGE_SUFFIXES if kind.takes_pictures else VOLUME_SUFFIXES
    known = {str(case["case_id"]): case for case in cases}
    files = sorted(path for path in folder.iterdir() if path.name.lower().endswith(suffixes))
    named = [(path, known[stem_of(path)]) for path in files if stem_of(path) in known]
    if named and len(named) < len(files):
        others = ", ".join(path.name for path in files if stem_of(path) not in known)
        msg = f"{folder} has masks that are named as cases, and others: {others}. Name each as its case, or remove it."
        raise CaseError(msg)
    if not named:
        found = find_cases(folder, "none", labels, schema=kind)
        masks = [case for case in found if case.get(spec.key)]
    else:
        masks = [
            {name: case[name] for name in ("case_id", "patient", "label_convention") if name in case}
            | {spec.key: str(path), "synthetic": []}
            for path, case in named
        ]
    if not masks:
        msg = f"{folder} has no masks: name each as the case in whose body it is drawn, or as label maps are named."
        raise CaseError(msg)
    return masks


def refuse_judged(masks: Sequence[Case], judged: Sequence[Case], folder: Path) -> None:
    """Refuse masks of patients on whom a network is judged.

    Args:
        masks: See :py:func:`masks_in`.
        judged: Cases of validation and test.
        folder: Where the masks lie.

    Raises:
        CaseError: With the masks.
    """
    patients, names = ({str(case[key]) for case in judged} for key in ("patient", "case_id"))
    seen = [str(mask["case_id"]) for mask in masks if mask["patient"] in patients or mask["case_id"] in names]
    if seen:
        msg = (
            f"{len(seen)} of the {len(masks)} masks in {folder} are of patients on whom a network is judged "
            f"({', '.join(seen[:5])}): slices drawn from them would show it what it is asked for. Remove them."
        )
        raise CaseError(msg)


def pair_with_bodies(masks: Sequence[Case], cases: Sequence[Case], seed: int) -> list[tuple[Case, Case]]:
    """Choose the body in which each mask is drawn: its own case, another of its patient, or any, by the seed.

    Args:
        masks: See :py:func:`masks_in`.
        cases: Training cases.
        seed: Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    by_name: Mapping[str, Case] = {str(case["case_id"]): case for case in cases}
    pairs = []
    for mask in masks:
        own = [case for case in cases if case["patient"] == mask["patient"]] or list(cases)
        other = own[int(rng.integers(len(own)))]
        pairs.append((mask, by_name.get(str(mask["case_id"]), other)))
    return pairs
