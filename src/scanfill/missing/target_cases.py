"""Cases for generating a modality from others: for training, for evaluation, and for completion."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from scanfill.data.cases import find_cases
from scanfill.data.evaluation_cases import check_truth
from scanfill.data.lists import Case, Split
from scanfill.data.provenance import MARKED_NAME, stem_of, synthetic_reason
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.splits import load_cases
from scanfill.errors import CaseError, UsageError
from scanfill.missing.completed import HIDDEN
from scanfill.missing.handle import take_away

logger = logging.getLogger(__name__)

EXISTING_TARGET = ("skip", "synthesize")
"""What to do with a case that already has the target."""


def check_sources(sources: Sequence[str] | str, target: str, schema: CaseSchema) -> list[str]:
    """Return the sources as a list after checking that the target can be generated from them.

    Raises:
        UsageError: A name is unknown, or the target is among the sources.
        CaseError: A source is unknown.
    """
    known = schema.image_keys
    names = schema.check_images(sources) or []
    if target not in known:
        msg = f"target (={target!r}) is not a known modality: choose one of {', '.join(known)}."
        raise UsageError(msg)
    if target in names or len(set(names)) < len(names):
        msg = (
            f"sources (={names}) and target (={target!r}) must be different modalities: an image cannot be generated "
            f"from itself. Choose sources among {', '.join(name for name in known if name != target)}."
        )
        raise UsageError(msg)
    return names


def load_pairs(
    dataset_dir: str | Path,
    sources: Sequence[str] | str,
    target: str,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str] | str | None = None,
    **options: Any,
) -> Split:
    """Return cases with sources and target, all of them acquired; see :py:func:`scanfill.data.load_cases`.

    Args:
        dataset_dir: Folder of the cases.
        sources: The given modalities.
        target: The modality to generate.
        schema: Name of a kind of data, or its schema.
        modalities: What each case must have; by default sources and target. For evaluation, all modalities.
        options: Passed to :py:func:`scanfill.data.load_cases`: ``datalist``, ``labels``, ``validation``, ``seed``, ...

    Raises:
        UsageError: See :py:func:`check_sources`.
        CaseError: See :py:func:`scanfill.data.load_cases`; or a target is synthetic, which cannot serve as truth.
    """
    kind = load_schema(schema)
    names = check_sources(sources, target, kind)
    wanted = kind.check_images(modalities) or [*names, target]
    split = load_cases(dataset_dir, schema=kind, modalities=wanted, **options)
    for cases in split.values():
        for case in cases:
            check_truth(case, target, kind)
    return split


def find_incomplete(
    folder: str | Path,
    sources: Sequence[str] | str,
    target: str,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    existing: str = "skip",
) -> list[Case]:
    """Find the cases of a folder that have the sources but not the target.

    Args:
        folder: One case or many; see :py:func:`scanfill.data.find_cases`.
        sources: The given modalities.
        target: The modality to generate.
        schema: Name of a kind of data, or its schema.
        existing: ``skip`` leaves out cases whose target was acquired; ``synthesize`` keeps them too, for comparison.

    Returns:
        Cases with the paths of the sources; one with a missing source has the reason under ``problem``, so that it does
        not stop the others.

    Raises:
        UsageError: ``existing`` is neither of these; see also :py:func:`check_sources`.
        CaseError: Every case has the target; see also :py:func:`scanfill.data.find_cases`.
    """
    kind = load_schema(schema)
    names = check_sources(sources, target, kind)
    if existing not in EXISTING_TARGET:
        msg = f"existing (={existing!r}) must be one of {', '.join(EXISTING_TARGET)}."
        raise UsageError(msg)
    cases = find_cases(folder, None, labels="none", schema=kind, strict=False, synthetic=True)
    have = [case["case_id"] for case in cases if target in case and target not in case["synthetic"]]
    if existing == "skip":
        remedy = "Pass --existing synthesize to generate it anyway, for instance to compare the two."
        cases = _without(cases, have, f"have a {target} image", folder, remedy)
    return [_with_sources(case, names, target, kind) for case in cases]


def _with_sources(case: Case, sources: Sequence[str], target: str, schema: CaseSchema) -> Case:
    """Keep the sources of the target, or record why it cannot be generated."""
    name = f"Case {case['case_id']!r}"
    missing = [source for source in sources if source not in case]
    generated = [source for source in sources if source in case["synthetic"]]
    kept = {key: value for key, value in case.items() if key not in schema.image_keys or key in sources}
    kept["synthetic"] = []
    if "problem" in case:
        return kept
    if missing:
        there = ", ".join(key for key in schema.image_keys if key in case)
        kept["problem"] = (
            f"{name} has no {' and no '.join(missing)} image, which is needed to generate {target}; it has "
            f"{there or 'none'}. Add the file, or use a checkpoint for other sources."
        )
    elif generated:
        files = ", ".join(f"{key} ({case[key]})" for key in generated)
        kept["problem"] = (
            f"{name}: {files} is synthetic; synthetic images are never used as sources. Add the acquired "
            f"{' and '.join(generated)}, or use a checkpoint for other sources."
        )
    return kept


EXISTING_WHOLE = ("skip", "copy")
"""What to do with a case that has all modalities."""

SUBSETS = ("single", "all")
"""Subsets on which a completion is evaluated: each modality missing alone, or every incomplete subset."""


def load_completions(
    dataset_dir: str | Path,
    modalities: Sequence[str] | str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    whole: bool = False,
    **options: Any,
) -> Split:
    """Return cases for training a completion: at least two acquired modalities, one as input and one to compare with.

    Args:
        dataset_dir: Folder of the cases.
        modalities: Modalities of the network; by default all of the schema.
        schema: Name of a kind of data, or its schema.
        whole: Whether each case must have all of them, for evaluation.
        options: Passed to :py:func:`scanfill.data.load_cases`: ``datalist``, ``labels``, ``validation``, ``seed``, ...

    Raises:
        CaseError: A case has fewer than two, or a synthetic one, which cannot serve as truth; see also
            :py:func:`scanfill.data.load_cases`.
    """
    kind = load_schema(schema)
    names = _check_modalities(modalities, kind)
    split = load_cases(dataset_dir, schema=kind, modalities=names, incomplete=not whole, **options)
    for part in split.values():
        for case in part:
            there = [name for name in names if case.get(name)]
            if len(there) < 2:
                msg = (
                    f"Case {case['case_id']!r} has only {', '.join(there) or 'none'} of {', '.join(names)}: completion "
                    f"needs at least one modality as input and another to compare with. Add files, or leave it out."
                )
                raise CaseError(msg)
            for name in there:
                check_truth(case, name, kind)
    return split


def hide_subsets(cases: Sequence[Case], modalities: Sequence[str], subsets: str = "single") -> list[Case]:
    """List each case once for every subset of its modalities that could be missing.

    Args:
        cases: Cases with the paths of their images.
        modalities: Modalities of the network.
        subsets: ``single`` hides one at a time; ``all`` hides one, two, ... and leaves at least one: 14 subsets of
        four.

    Returns:
        Copies with ``hidden``, for :py:class:`scanfill.missing.completed.HideModalitiesd`.

    Raises:
        UsageError: ``subsets`` is neither of these.
    """
    if subsets not in SUBSETS:
        msg = f"subsets (={subsets!r}) must be one of {', '.join(SUBSETS)}."
        raise UsageError(msg)
    return [case | {HIDDEN: ",".join(names)} for case in cases for names in _ways(case, modalities, subsets)]


def find_lacking(
    folder: str | Path,
    modalities: Sequence[str] | str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    existing: str = "skip",
    leave_out: Sequence[str] = (),
) -> list[Case]:
    """Find the cases of a folder with missing modalities.

    A file *named* as synthetic does not count: its content is generated again from the acquired images. A file under an
    ordinary name but with another synthetic mark is reported as that case's ``problem``.

    Args:
        folder: One case or many; see :py:func:`scanfill.data.find_cases`.
        modalities: Modalities of the network; by default all of the schema.
        schema: Name of a kind of data, or its schema.
        existing: ``skip`` leaves out complete cases; ``copy`` keeps them, so that the output contains all cases.
        leave_out: Modalities to hide from the network in every case, for comparison with its output.

    Returns:
        Cases with the paths of the acquired images and with ``hidden``; one that cannot be completed has the reason
        under ``problem``, so that it does not stop the others.

    Raises:
        UsageError: ``existing`` or ``leave_out`` is out of range.
        CaseError: All cases are complete; see also :py:func:`scanfill.data.find_cases`.
    """
    kind = load_schema(schema)
    names = _check_modalities(modalities, kind)
    if existing not in EXISTING_WHOLE:
        msg = f"existing (={existing!r}) must be one of {', '.join(EXISTING_WHOLE)}."
        raise UsageError(msg)
    take_away([], leave_out, names)  # checks the names
    found = find_cases(folder, None, labels="none", schema=kind, strict=False, synthetic=True)
    found = [_acquired(case) for case in found]
    whole = [case["case_id"] for case in found if not _absent(case, names) and not leave_out and "problem" not in case]
    if existing == "skip":
        hide = f"Pass --leave_out \"['{names[-1]}']\" to hide one and compare"
        remedy = f"{hide}, or --existing copy to gather whole cases."
        found = _without(found, whole, f"have {', '.join(names)}", folder, remedy)
    return [_with_hidden(case, names, leave_out) for case in found]


def _without(cases: Sequence[Case], whole: Sequence[str], what: str, folder: str | Path, remedy: str) -> list[Case]:
    """Leave out the cases for which there is nothing to generate; refuse a folder that has only such cases."""
    if len(whole) == len(cases):
        msg = f"All {len(whole)} cases in {folder} {what}, so there is nothing to generate. {remedy}"
        raise CaseError(msg)
    if whole:
        logger.warning("Left out, because they %s: %s.", what, ", ".join(whole))
    return [case for case in cases if case["case_id"] not in whole]


def _check_modalities(modalities: Sequence[str] | str | None, schema: CaseSchema) -> list[str]:
    names = schema.check_images(schema.image_keys if modalities is None else modalities) or []
    if len(names) < 2 or len(set(names)) < len(names):
        msg = f"modalities (={names}) must be two or more different ones, such as {schema.image_keys}."
        raise UsageError(msg)
    return names


def _ways(case: Case, modalities: Sequence[str], subsets: str) -> Iterator[tuple[str, ...]]:
    """Yield the sets of modalities that may be hidden: never all that are present."""
    there = [name for name in modalities if case.get(name)]
    most = 1 if subsets == "single" else len(there) - 1
    for number in range(1, min(most, len(there) - 1) + 1):
        yield from combinations(there, number)


def _absent(case: Case, names: Sequence[str]) -> list[str]:
    return [name for name in names if not case.get(name)]


def _acquired(case: Case) -> Case:
    """Keep the acquired images; an undeclared synthetic file is a problem."""
    generated = [key for key in case.get("synthetic", ()) if key in case]
    kept = {key: value for key, value in case.items() if key not in generated} | {"synthetic": []}
    for key in generated:
        if not MARKED_NAME.search(stem_of(Path(case[key])).lower()):
            kept.setdefault(
                "problem",
                f"Case {case['case_id']!r}: {key} ({case[key]}) is synthetic ({synthetic_reason(case[key])}), but is "
                f"listed as an ordinary file; synthetic images are never used as sources. Remove it from the folder, "
                f"or replace it with the acquired {key}.",
            )
    return kept


def _with_hidden(case: Case, names: Sequence[str], leave_out: Sequence[str]) -> Case:
    """Add the hidden modalities, or record why nothing can be generated."""
    given = [name for name in names if case.get(name) and name not in leave_out]
    if not given and "problem" not in case:
        hidden = f", {' and '.join(leave_out)} left out" if leave_out else ""
        case["problem"] = (
            f"Case {case['case_id']!r} has no {' and no '.join(names)} image that was acquired{hidden}: there is no "
            f"source to generate from. Add a file."
        )
    return case | {HIDDEN: ",".join(name for name in leave_out if case.get(name))}
