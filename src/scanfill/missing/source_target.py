"""Cases for making one modality from others: pairs to learn from, and scans that lack the target."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scanfill.data.splits import load_cases
from scanfill.data.synthetic_cases import check_truth
from scanfill.domains.brain_mri.cases import check_modalities, find_cases
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scanfill.data.lists import Case, Split

logger = logging.getLogger(__name__)

EXISTING = ("skip", "synthesize")
"""What to do with a case that has the target already."""


def check_sources(sources: Sequence[str] | str, target: str) -> list[str]:
    """Return the sources as a list, after checking that the target can be made from them.

    Raises:
        UsageError: A name is unknown, or the target is among the sources.
        CaseError: A source is unknown.
    """
    names = check_modalities(sources) or []
    if target not in MODALITIES:
        msg = f"target (={target!r}) is no modality that we know: choose one of {', '.join(MODALITIES)}."
        raise UsageError(msg)
    if target in names or len(set(names)) < len(names):
        msg = (
            f"sources (={names}) and target (={target!r}) must be different modalities: an image is not made from "
            f"itself. Choose sources among {', '.join(name for name in MODALITIES if name != target)}."
        )
        raise UsageError(msg)
    return names


def load_pairs(
    dataset_dir: str | Path,
    sources: Sequence[str] | str,
    target: str,
    *,
    modalities: Sequence[str] | str | None = None,
    **options: Any,
) -> Split:
    """Give cases that have sources and target, all of them acquired; see :py:func:`scanfill.data.load_cases`.

    Args:
        dataset_dir: Folder of the cases.
        sources: The modalities that are given.
        target: The one that is made.
        modalities: What each case must have; by default sources and target. To judge, all four.
        options: For :py:func:`scanfill.data.load_cases`: ``datalist``, ``labels``, ``validation``, ``seed``, ...

    Raises:
        UsageError: See :py:func:`check_sources`.
        CaseError: See :py:func:`scanfill.data.load_cases`; or a target is synthetic, which is no truth.
    """
    names = check_sources(sources, target)
    wanted = check_modalities(modalities) or [*names, target]
    split = load_cases(dataset_dir, modalities=wanted, **options)
    for cases in split.values():
        for case in cases:
            check_truth(case, target)
    return split


def find_incomplete(
    folder: str | Path, sources: Sequence[str] | str, target: str, *, existing: str = "skip"
) -> list[Case]:
    """Find the cases of a folder that have the sources and lack the target.

    Args:
        folder: One case or many; see :py:func:`scanfill.domains.brain_mri.find_cases`.
        sources: The modalities that are given.
        target: The one to make.
        existing: ``skip`` leaves out cases whose target was acquired; ``synthesize`` makes it for them too, to compare.

    Returns:
        Cases with the paths of the sources; one that lacks a source has the reason under ``problem``, so that it does
        not stop the others.

    Raises:
        UsageError: ``existing`` is neither; see also :py:func:`check_sources`.
        CaseError: Every case has the target; see also :py:func:`scanfill.domains.brain_mri.find_cases`.
    """
    names = check_sources(sources, target)
    if existing not in EXISTING:
        msg = f"existing (={existing!r}) must be one of {', '.join(EXISTING)}."
        raise UsageError(msg)
    cases = find_cases(folder, None, labels="none", strict=False, synthetic=True)
    have = [case["case_id"] for case in cases if target in case and target not in case["synthetic"]]
    if existing == "skip":
        if len(have) == len(cases):
            msg = (
                f"All {len(have)} cases in {folder} have a {target} image, so there is nothing to make. Pass "
                f"--existing synthesize to make it all the same, for instance to compare the two."
            )
            raise CaseError(msg)
        if have:
            logger.warning("Left out, because they have a %s image: %s.", target, ", ".join(have))
        cases = [case for case in cases if case["case_id"] not in have]
    return [_with_sources(case, names, target) for case in cases]


def _with_sources(case: Case, sources: Sequence[str], target: str) -> Case:
    """Keep what the target is made from, or say why it cannot be made."""
    name = f"Case {case['case_id']!r}"
    missing = [source for source in sources if source not in case]
    generated = [source for source in sources if source in case["synthetic"]]
    kept = {key: value for key, value in case.items() if key not in MODALITIES or key in sources}
    kept["synthetic"] = []
    if "problem" in case:
        return kept
    if missing:
        there = ", ".join(key for key in MODALITIES if key in case)
        kept["problem"] = (
            f"{name} has no {' and no '.join(missing)} image, from which {target} is made; it has {there or 'none'}. "
            f"Add the file, or use a checkpoint for other sources."
        )
    elif generated:
        files = ", ".join(f"{key} ({case[key]})" for key in generated)
        kept["problem"] = (
            f"{name}: {files} is synthetic; a synthetic image is not made into another one. Add the acquired "
            f"{' and '.join(generated)}, or use a checkpoint for other sources."
        )
    return kept
