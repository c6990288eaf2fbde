"""What to do with a case that lacks a modality or has an unusable one: refuse it, fill in zeros, or complete it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scanfill.data.evaluation_cases import MAKES_IMAGES, check_judged, provenance_columns
from scanfill.data.load_schema import load_schema
from scanfill.data.provenance import PROVENANCE
from scanfill.errors import CaseError, UsageError
from scanfill.missing.imputation import Imputation, lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import torch

    from scanfill.data.case_quality import CaseQuality, Finding
    from scanfill.data.schema import CaseSchema


logger = logging.getLogger(__name__)

Case = dict[str, Any]

STRATEGIES = ("refuse", "zero", "synthesize", "complete")
"""What ``missing`` may be."""

NEEDS = (
    "--missing zero (0 in its place; any checkpoint; what only that image shows is lost then), "
    "--missing synthesize (makes it; needs --synthesis_bundles \"{{'{example}': PATH}}\"), "
    "--missing complete (makes whatever is missing; needs --completion_bundle PATH), "
    "or a checkpoint trained with modality_dropout.yaml, which takes any subset"
)
"""The ways out that the refusal names, given an image that is missing."""


def handle_missing(
    cases: Sequence[Case],
    modalities: Sequence[str],
    missing: str = "refuse",
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    availability: bool = False,
    completion_bundle: str | Path | None = None,
    synthesis_bundles: Mapping[str, str | Path] | None = None,
    output_dir: str | Path | None = None,
    device: str | torch.device = "cpu",
    leave_out: Sequence[str] | None = None,
    strict: bool = True,
    judged: bool = False,
) -> list[Case]:
    """Decide for each case that lacks some modality what becomes of it.

    Args:
        cases: As :py:func:`scanfill.data.find_cases` gives them with ``incomplete=True``.
        modalities: What the network takes.
        missing: ``refuse``; ``zero`` leaves the place to
            :py:class:`~scanfill.missing.FillMissingModalitiesd`, and warns; ``synthesize`` and ``complete`` have the
            images made now, by another bundle: :py:class:`scanfill.missing.imputation.Imputation`.
        schema: Name of a kind of data, or its schema: its images, and the bundles that make them.
        availability: Whether the network is told which modalities are there. It takes any subset then, and ``missing``
            is not needed.
        completion_bundle: Folder of a ``mri_modality_completion``, for ``complete``; not needed where nothing lacks.
        synthesis_bundles: Modality -> folder of a ``mri_modality_synthesis``, for ``synthesize``.
        output_dir: Completed cases go into its subfolder ``completed``.
        device: Where the networks of these bundles run.
        leave_out: Modalities to take away from every case first, to see what their absence costs.
        strict: Whether a case that is refused is an error at once. If not, it is listed with the reason under
            ``problem``, so that one bad case does not stop the others.
        judged: Whether a model will be judged on these cases: nothing synthetic is allowed then but what was made by
            the declared strategy, with a generator that has not learned from them; and each case says under
            ``provenance`` what goes into its score row.

    Returns:
        The cases, in their order, copies where they differ. Those with a synthetic image have ``provenance``.

    Raises:
        UsageError: ``missing`` is unknown, a bundle that it needs was not named or cannot be used, or everything is
            left out.
        CaseError: A case is refused, and ``strict``; ``judged``, and a case must not judge.
    """
    if missing not in STRATEGIES:
        msg = f"missing (={missing!r}) must be one of {', '.join(STRATEGIES)}."
        raise UsageError(msg)
    kind = load_schema(schema)
    results = take_away(cases, leave_out or (), modalities)
    made = missing in MAKES_IMAGES
    results = [_refuse(case, modalities, kind, decided=made or missing == "zero" or availability) for case in results]
    if made and any(lacking(case, modalities) for case in results):
        if output_dir is None:
            msg = f"missing={missing!r} needs output_dir, the folder where completed cases go."
            raise UsageError(msg)
        imputation = Imputation(
            missing,
            output_dir,
            schema=kind,
            completion_bundle=completion_bundle,
            synthesis_bundles=synthesis_bundles,
            device=device,
        )
        results = imputation.run(results, modalities, judged=judged)
    problems = [case["problem"] for case in results if case.get("problem")]
    if problems and strict:
        raise CaseError("\n".join(problems))
    _warn_of_zeros(results, modalities, told=made or availability)
    return [_with_provenance(case, missing, kind, judged=judged) for case in results]


def take_away(cases: Sequence[Case], names: Sequence[str], modalities: Sequence[str]) -> list[Case]:
    """Let every case be as if some modalities had never been acquired.

    Raises:
        UsageError: One is not among the network's, or none would be left.
    """
    unknown = [name for name in names if name not in modalities]
    if unknown or (modalities and set(modalities) <= set(names)):
        msg = (
            f"leave_out (={list(names)}) must be some of {', '.join(modalities)}, and leave at least one of them. Give "
            f"fewer, such as --leave_out \"['{modalities[-1]}']\"."
        )
        raise UsageError(msg)
    return [_without(case, names) for case in cases] if names else list(cases)


def _without(case: Case, names: Sequence[str]) -> Case:
    kept = {key: value for key, value in case.items() if key not in names}
    if "synthetic" in case:
        kept["synthetic"] = [key for key in case["synthetic"] if key not in names]
    return kept


def _refuse(case: Case, modalities: Sequence[str], schema: CaseSchema, *, decided: bool) -> Case:
    """Give a case its problem where nothing can be done about what it lacks, or nothing was chosen.

    Args:
        case: It stays as it is where it lacks nothing, or has a problem.
        modalities: What the network takes.
        schema: Which images there may be.
        decided: Whether a person said what to do with a case that lacks something.
    """
    absent = lacking(case, modalities)
    if not absent or (decided and len(absent) < len(modalities)):
        return case
    there = ", ".join(name for name in schema.image_keys if case.get(name)) or "none"
    unusable = "".join(f" {name} is unusable ({reason})." for name, reason in (case.get("unusable") or {}).items())
    problem = f"Case {case['case_id']!r} has no {' and no '.join(absent)} image; it has {there}.{unusable}"
    if len(absent) == len(modalities):
        return case | {"problem": f"{problem} Nothing is left to predict from: add a file."}
    way_out = (
        f"missing='refuse' stops here. Add the file to the case's folder, or choose: {NEEDS.format(example=absent[0])}."
    )
    return case | {"problem": f"{problem} {way_out}"}


def _warn_of_zeros(cases: Sequence[Case], modalities: Sequence[str], *, told: bool) -> None:
    """Say which cases are filled with 0 for a network that does not know of it."""
    filled = [f"{case['case_id']} ({', '.join(absent)})" for case in cases if (absent := lacking(case, modalities))]
    if filled and not told:
        logger.warning(
            "Filled with 0, for a network that never saw that in training, so expect poor results: %s. Better: a "
            "checkpoint trained with modality_dropout.yaml, or --missing complete.",
            "; ".join(filled),
        )


def _with_provenance(case: Case, missing: str, schema: CaseSchema, *, judged: bool) -> Case:
    """Note what made the synthetic images of a case; refuse one that must not judge."""
    if case.get("problem"):
        return case
    if judged:
        check_judged(case, schema, "the evaluation", missing)
    if not judged and not case.get("synthetic"):
        return case
    return case | {PROVENANCE: provenance_columns(case, schema)}


UNUSABLE = ("blank", "coverage", "duplicate")
"""Codes of what makes a modality that is there as good as missing: no image, part of the brain, another one's copy."""


def handle_unusable(
    cases: Sequence[Case],
    check: Callable[[Case], CaseQuality],
    unusable: str = "report",
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    told: bool = False,
) -> list[Case]:
    """Say which modalities are there but unusable, and by option treat them as missing.

    Use it before :py:func:`scanfill.missing.handle.handle_missing`. Every image is read, about a second a case.

    Args:
        cases: With the paths of their images.
        check: Finds what is wrong with a case, such as the check of quality of its domain.
        unusable: ``report`` warns and leaves the cases as they are; ``drop`` takes the modality away and keeps the
            reason under the case's ``unusable``. Of two modalities that are one image both are taken away: nothing
            tells which of the two names is right.
        schema: Name of a kind of data, or its schema.
        told: Whether something else reports (such as the domain's transform that warns, as the images are read
            anyway); then ``report`` does nothing here.

    Raises:
        UsageError: ``unusable`` is neither.
    """
    if unusable not in ("report", "drop"):
        msg = f"unusable (={unusable!r}) must be report or drop."
        raise UsageError(msg)
    if told and unusable == "report":
        return list(cases)
    images = load_schema(schema).image_keys
    progress = tqdm(cases, desc="Checking scans", unit="case", leave=False)
    return [_judge(case, check, unusable, images) for case in progress]


def find_unusable(findings: Iterable[Finding], case: Mapping[Any, Any], images: Sequence[str]) -> dict[str, str]:
    """Read from what is wrong with a case which of its images are unusable: key -> ``code: sentence``."""
    reasons: dict[str, str] = {}
    for finding in findings:
        if finding.code in UNUSABLE:
            for name in finding.modality.replace(",", " ").split():
                if name in images and case.get(name) is not None:
                    reasons.setdefault(name, f"{finding.code}: {finding.text}".rstrip("."))
    return reasons


def _judge(case: Case, check: Callable[[Case], CaseQuality], unusable: str, images: Sequence[str]) -> Case:
    reasons = {} if case.get("problem") else find_unusable(check(case).findings, case, images)
    for name, reason in reasons.items():
        done = "treated as missing" if unusable == "drop" else "used all the same; --unusable drop leaves it out"
        logger.warning("Case %r: %s is unusable (%s): %s.", case.get("case_id", "?"), name, reason, done)
    if not reasons or unusable == "report":
        return case
    return {key: value for key, value in case.items() if key not in reasons} | {"unusable": reasons}
