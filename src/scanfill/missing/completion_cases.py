"""Cases for making whatever is missing from whatever is there: to learn from, to judge by, and to complete."""

from __future__ import annotations

import logging
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanfill.data.marks import MARKED_NAME, stem_of, synthetic_reason
from scanfill.data.splits import load_cases
from scanfill.data.synthetic_cases import check_truth
from scanfill.domains.brain_mri.cases import check_modalities, find_cases
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError, UsageError
from scanfill.missing.completed import HIDDEN
from scanfill.missing.handle import take_away

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanfill.data.lists import Case, Split

logger = logging.getLogger(__name__)

EXISTING = ("skip", "copy")
"""What to do with a case that lacks nothing."""

SUBSETS = ("single", "all")
"""Which subsets a completion is judged on: each modality missing alone, or every subset that lacks something."""


def load_completions(
    dataset_dir: str | Path, modalities: Sequence[str] | str = MODALITIES, *, whole: bool = False, **options: Any
) -> Split:
    """Give cases to learn completion from: two acquired modalities at least, one to give and one to compare with.

    Args:
        dataset_dir: Folder of the cases.
        modalities: Those that the network knows.
        whole: Whether each case must have all of them, to judge by.
        options: For :py:func:`scanfill.data.load_cases`: ``datalist``, ``labels``, ``validation``, ``seed``, ...

    Raises:
        CaseError: A case has fewer than two, or one that is synthetic, which is no truth; see also
            :py:func:`scanfill.data.load_cases`.
    """
    names = _check_modalities(modalities)
    split = load_cases(dataset_dir, modalities=names, incomplete=not whole, **options)
    for part in split.values():
        for case in part:
            there = [name for name in names if case.get(name)]
            if len(there) < 2:
                msg = (
                    f"Case {case['case_id']!r} has only {', '.join(there) or 'none'} of {', '.join(names)}: completion "
                    f"is learned from one modality at least, and compared with another. Add files, or leave it out."
                )
                raise CaseError(msg)
            for name in there:
                check_truth(case, name)
    return split


def hide_subsets(cases: Sequence[Case], modalities: Sequence[str], subsets: str = "single") -> list[Case]:
    """List each case once for every way in which it could lack modalities that it has.

    Args:
        cases: With the paths of their images.
        modalities: Those that the network knows.
        subsets: ``single`` hides one at a time; ``all`` hides one, two, ... and leaves one at least: 14 ways of four.

    Returns:
        Copies with ``hidden``, for :py:class:`scanfill.missing.completed.HideModalitiesd`.

    Raises:
        UsageError: ``subsets`` is neither.
    """
    if subsets not in SUBSETS:
        msg = f"subsets (={subsets!r}) must be one of {', '.join(SUBSETS)}."
        raise UsageError(msg)
    return [case | {HIDDEN: ",".join(names)} for case in cases for names in _ways(case, modalities, subsets)]


def find_lacking(
    folder: str | Path,
    modalities: Sequence[str] | str = MODALITIES,
    *,
    existing: str = "skip",
    leave_out: Sequence[str] = (),
) -> list[Case]:
    """Find the cases of a folder that lack some modality.

    A file that is *named* as synthetic does not count: what it shows is made anew from what was acquired. One that
    bears another mark under an ordinary name is that case's ``problem``.

    Args:
        folder: One case or many; see :py:func:`scanfill.domains.brain_mri.find_cases`.
        modalities: Those that the network knows.
        existing: ``skip`` leaves out cases that lack nothing; ``copy`` keeps them, so that the output holds all cases.
        leave_out: Modalities to hide from the network in every case, to compare with what it makes.

    Returns:
        Cases with the paths of what was acquired and with ``hidden``; one that cannot be completed has the reason under
        ``problem``, so that it does not stop the others.

    Raises:
        UsageError: ``existing`` or ``leave_out`` is out of range.
        CaseError: No case lacks anything; see also :py:func:`scanfill.domains.brain_mri.find_cases`.
    """
    names = _check_modalities(modalities)
    if existing not in EXISTING:
        msg = f"existing (={existing!r}) must be one of {', '.join(EXISTING)}."
        raise UsageError(msg)
    take_away([], leave_out, names)  # checks the names
    found = [_acquired(case) for case in find_cases(folder, None, labels="none", strict=False, synthetic=True)]
    whole = [case["case_id"] for case in found if not _absent(case, names) and not leave_out and "problem" not in case]
    if existing == "skip" and len(whole) == len(found):
        msg = (
            f"All {len(whole)} cases in {folder} have {', '.join(names)}, so there is nothing to make. Pass "
            f"--leave_out \"['flair']\" to hide one and compare, or --existing copy to gather whole cases."
        )
        raise CaseError(msg)
    if existing == "skip" and whole:
        logger.warning("Left out, because they lack nothing: %s.", ", ".join(whole))
        found = [case for case in found if case["case_id"] not in whole]
    return [_with_hidden(case, names, leave_out) for case in found]


def _check_modalities(modalities: Sequence[str] | str) -> list[str]:
    names = check_modalities(modalities) or []
    if len(names) < 2 or len(set(names)) < len(names):
        msg = f"modalities (={names}) must be two or more different ones, such as {list(MODALITIES)}."
        raise UsageError(msg)
    return names


def _ways(case: Case, modalities: Sequence[str], subsets: str) -> Iterator[tuple[str, ...]]:
    """The sets of modalities that may be hidden: never all of what is there."""
    there = [name for name in modalities if case.get(name)]
    most = 1 if subsets == "single" else len(there) - 1
    for number in range(1, min(most, len(there) - 1) + 1):
        yield from combinations(there, number)


def _absent(case: Case, names: Sequence[str]) -> list[str]:
    return [name for name in names if not case.get(name)]


def _acquired(case: Case) -> Case:
    """Keep what was acquired; a file that hides what it is, is a problem."""
    generated = [key for key in case.get("synthetic", ()) if key in case]
    kept = {key: value for key, value in case.items() if key not in generated} | {"synthetic": []}
    for key in generated:
        if not MARKED_NAME.search(stem_of(Path(case[key])).lower()):
            kept.setdefault(
                "problem",
                f"Case {case['case_id']!r}: {key} ({case[key]}) is synthetic ({synthetic_reason(case[key])}), but "
                f"stands there as an ordinary file; nothing is made from a synthetic image. Take it out of the folder, "
                f"or put the acquired {key} in its place.",
            )
    return kept


def _with_hidden(case: Case, names: Sequence[str], leave_out: Sequence[str]) -> Case:
    """Say what is hidden, or why nothing can be made."""
    given = [name for name in names if case.get(name) and name not in leave_out]
    if not given and "problem" not in case:
        hidden = f", {' and '.join(leave_out)} being left out" if leave_out else ""
        case["problem"] = (
            f"Case {case['case_id']!r} has no {' and no '.join(names)} image that was acquired{hidden}: there is "
            f"nothing to make anything from. Add a file."
        )
    return case | {HIDDEN: ",".join(name for name in leave_out if case.get(name))}
