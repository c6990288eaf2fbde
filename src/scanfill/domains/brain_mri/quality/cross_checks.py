"""Checks that need the whole cohort: one image in two cases, and pairs that share unusually little information."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from scanfill.data.case_quality import CaseQuality, Finding
from scanfill.data.near_copies import alike_pairs
from scanfill.data.side_by_side import Died, side_by_side
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.quality.case_checks import check_case
from scanfill.domains.brain_mri.quality.findings import in_order
from scanfill.domains.brain_mri.quality.pairwise import ALIKE
from scanfill.metrics.robust_outliers import robust_z

ENOUGH = 10
"""Minimum number of cases with the same pair of modalities for one to be an outlier."""

OUTLIER = -3.5
"""Robust z (Iglewicz and Hoaglin 1993) of the logarithm of the mutual information below which a pair is an outlier.

The lowest of six pairs among 15 BraTS cases is -2.8, with four of other sources -2.0, among 24 phantoms -2.2.
"""

REASONS = {"misregistered", "swapped", "skull", "normalised"}
"""Findings that already explain why a pair shares little information."""


def check_cohort(cases: Sequence[Mapping[str, Any]], workers: int = 1) -> list[CaseQuality]:
    """Check each case, then compare the cases with each other.

    Args:
        cases: As returned by :py:func:`scanfill.data.find_cases` with ``strict=False``.
        workers: Number of processes; each needs about 0.5 GB.

    Raises:
        ValueError: Fewer than one worker.
    """
    if workers < 1:
        msg = f"workers (={workers}) must be at least 1."
        raise ValueError(msg)
    checked = tqdm(_check(cases, workers), total=len(cases), desc="Checking the cases", unit="case", disable=None)
    found = [quality for _, quality in sorted(checked, key=lambda each: each[0])]
    _find_duplicates(found)
    _find_outliers(found)
    for case in found:
        case.findings = in_order(case.findings)
    return found


def _check(cases: Sequence[Mapping[str, Any]], workers: int) -> Iterator[tuple[int, CaseQuality]]:
    """Yield the number and the quality of each case, in any order."""
    if workers == 1 or len(cases) < 2:
        yield from enumerate(map(check_case, cases))
        return
    for index, outcome in side_by_side([dict(case) for case in cases], check_case, workers):
        yield index, _died(cases[index], outcome.reason) if isinstance(outcome, Died) else outcome


def _died(case: Mapping[str, Any], reason: str) -> CaseQuality:
    quality = CaseQuality(str(case["case_id"]), str(case["patient"]), [key for key in MODALITIES if case.get(key)])
    quality.findings.append(Finding("unreadable", "error", "", None, None, f"Could not be checked: {reason}"))
    return quality


def _find_duplicates(cases: Sequence[CaseQuality]) -> None:
    """Add a finding to both cases for images that occur twice; one finding per pair of cases."""
    images = [(index, key) for index, case in enumerate(cases) for key in case.signatures]
    signatures = [cases[index].signatures[key] for index, key in images]
    pairs: dict[tuple[int, int], list[tuple[str, str, float]]] = {}
    for first, second, alike in alike_pairs(signatures, [index for index, _ in images], ALIKE):
        (case_1, key_1), (case_2, key_2) = images[first], images[second]
        pairs.setdefault((case_1, case_2), []).append((key_1, key_2, alike))
    for (case_1, case_2), alike_ones in pairs.items():
        _add_duplicate(cases[case_1], cases[case_2], alike_ones)
        _add_duplicate(cases[case_2], cases[case_1], [(key_2, key_1, alike) for key_1, key_2, alike in alike_ones])


def _add_duplicate(case: CaseQuality, other: CaseQuality, alike_ones: Sequence[tuple[str, str, float]]) -> None:
    own = ", ".join(dict.fromkeys(key for key, _, _ in alike_ones))
    theirs = ", ".join(dict.fromkeys(key for _, key, _ in alike_ones))
    alike = max(value for _, _, value in alike_ones)
    patients = "of the same patient" if case.patient == other.patient else f"which counts as patient {other.patient!r}"
    text = (
        f"{own} {'is' if len(alike_ones) == 1 else 'are'} identical to {theirs} of case {other.case_id!r}, {patients} "
        f"(correlation {alike:.3f}). Remove one, or assign both cases to one patient in participants.tsv: on two sides "
        f"of a split they would leak data."
    )
    case.findings.append(Finding("duplicate", "error", own, alike, ALIKE, text))


def _find_outliers(cases: Sequence[CaseQuality]) -> None:
    """Add a finding to pairs that share far less information than the same pair in the other cases."""
    for pair in dict.fromkeys(pair for case in cases for pair in case.measures.get("pairs", {})):
        own = [case for case in cases if pair in case.measures.get("pairs", {})]
        if len(own) < ENOUGH:
            continue
        values = np.log([max(case.measures["pairs"][pair]["information"] - 1, 1e-6) for case in own])
        scores = robust_z(values)
        for case, score in zip(own, scores, strict=True):
            case.measures["pairs"][pair]["robust_z"] = float(score)
            if score < OUTLIER and not REASONS & {finding.code for finding in case.findings}:
                text = (
                    f"{' and '.join(pair.split())} share far less information than in the other cases (robust z "
                    f"{score:.1f}): one may be of another patient or body part, or badly registered. Look at both."
                )
                named = ", ".join(pair.split())
                case.findings.append(Finding("information", "warning", named, float(score), OUTLIER, text))
