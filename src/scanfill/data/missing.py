"""What to do with a case that lacks a modality: refuse it, fill it with zeros, or have a network make the image."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scanfill.data.naming import MODALITIES
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    class Fault(Protocol):
        """Something found wrong with a case, as the checks of quality give it."""

        @property
        def code(self) -> str: ...  # noqa: D102
        @property
        def modality(self) -> str: ...  # noqa: D102
        @property
        def text(self) -> str: ...  # noqa: D102


logger = logging.getLogger(__name__)

Case = dict[str, Any]

STRATEGIES = ("refuse", "zero", "synthesize", "complete")
"""What ``missing`` may be."""

UNUSABLE = ("blank", "coverage", "duplicate")
"""Codes of what makes a modality that is there as good as missing: no image, part of the brain, another one's copy."""

NEEDS = (
    "--missing zero (0 in its place; any checkpoint; without FLAIR most of the whole tumour is lost then), "
    "--missing synthesize (makes it; needs --synthesis_bundles \"{'flair': PATH}\"), "
    "--missing complete (makes whatever is missing; needs --completion_bundle PATH), "
    "or a checkpoint trained with modality_dropout.yaml, which takes any subset"
)
"""The ways out that the refusal names."""


def handle_missing(
    cases: Sequence[Case],
    modalities: Sequence[str],
    missing: str = "refuse",
    *,
    availability: bool = False,
    completion_bundle: str | Path | None = None,
    synthesis_bundles: Mapping[str, str | Path] | None = None,
    leave_out: Sequence[str] | None = None,
    strict: bool = True,
) -> list[Case]:
    """Decide for each case that lacks some modality what becomes of it.

    Args:
        cases: As :py:func:`scanfill.data.find_cases` gives them with ``incomplete=True``.
        modalities: What the network takes.
        missing: ``refuse``; ``zero`` leaves the place to
            :py:class:`~scanfill.transforms.availability.FillMissingModalitiesd`, and warns; ``synthesize`` and
            ``complete`` have the image made by another bundle.
        availability: Whether the network is told which modalities are there. It takes any subset then, and ``missing``
            is not needed.
        completion_bundle: Folder of a ``mri_modality_completion``, for ``complete``.
        synthesis_bundles: Modality -> folder of a ``mri_modality_synthesis``, for ``synthesize``.
        leave_out: Modalities to take away from every case first, to see what their absence costs.
        strict: Whether a case that is refused is an error at once. If not, it is listed with the reason under
            ``problem``, so that one bad case does not stop the others.

    Returns:
        The cases, in their order, copies where they differ.

    Raises:
        UsageError: ``missing`` is unknown, lacks the bundle that it needs, or everything is left out.
        CaseError: A case is refused, and ``strict``.
    """
    _check_strategy(missing, completion_bundle, synthesis_bundles)
    cases = take_away(cases, leave_out or (), modalities)
    results, filled = [], []
    for case in cases:
        absent = [name for name in modalities if not case.get(name)]
        if case.get("problem") or not absent:
            results.append(case)
        elif len(absent) == len(modalities):
            results.append(case | {"problem": _say(case, absent) + " Nothing is left to predict from: add a file."})
        elif availability or missing == "zero":
            filled.append(f"{case['case_id']} ({', '.join(absent)})")
            results.append(case)
        elif missing == "refuse":
            results.append(case | {"problem": _refuse(case, absent)})
        else:
            results.append(case | {"problem": _by_hand(case, absent, missing)})
    problems = [case["problem"] for case in results if case.get("problem")]
    if problems and strict:
        raise CaseError("\n".join(problems))
    if filled and not availability:
        logger.warning(
            "Filled with 0, for a network that never saw that in training, so expect poor results: %s. Better: a "
            "checkpoint trained with modality_dropout.yaml, or --missing complete.",
            "; ".join(filled),
        )
    return results


def take_away(cases: Sequence[Case], names: Sequence[str], modalities: Sequence[str]) -> list[Case]:
    """Let every case be as if some modalities had never been acquired.

    Raises:
        UsageError: One is not among the network's, or none would be left.
    """
    unknown = [name for name in names if name not in modalities]
    if unknown or (modalities and set(modalities) <= set(names)):
        msg = (
            f"leave_out (={list(names)}) must be some of {', '.join(modalities)}, and leave at least one of them. Give "
            f"fewer, such as --leave_out \"['flair']\"."
        )
        raise UsageError(msg)
    return [{key: value for key, value in case.items() if key not in names} for case in cases] if names else list(cases)


def handle_unusable(
    cases: Sequence[Case], check: Callable[[Case], Iterable[Fault]], unusable: str = "report"
) -> list[Case]:
    """Say which modalities are there but unusable, and by option treat them as missing.

    Use it before :py:func:`handle_missing`.

    Args:
        cases: With the paths of their images.
        check: Finds what is wrong with a case, as the checks of quality do.
        unusable: ``report`` warns and leaves the cases as they are; ``drop`` takes the modality away and keeps the
            reason under the case's ``unusable``. Of two modalities that are one image both are taken away: nothing
            tells which of the two names is right.

    Raises:
        UsageError: ``unusable`` is neither.
    """
    if unusable not in ("report", "drop"):
        msg = f"unusable (={unusable!r}) must be report or drop."
        raise UsageError(msg)
    results = []
    for case in cases:
        reasons = {} if case.get("problem") else find_unusable(check(case), case)
        for name, reason in reasons.items():
            done = "treated as missing" if unusable == "drop" else "used all the same; --unusable drop leaves it out"
            logger.warning("Case %r: %s is unusable (%s): %s.", case.get("case_id", "?"), name, reason, done)
        if reasons and unusable == "drop":
            kept = {key: value for key, value in case.items() if key not in reasons}
            results.append(kept | {"unusable": reasons})
        else:
            results.append(case)
    return results


def find_unusable(faults: Iterable[Fault], case: Mapping[str, Any]) -> dict[str, str]:
    """Read from what is wrong with a case which of its modalities are unusable: modality -> ``code: sentence``."""
    reasons: dict[str, str] = {}
    for fault in faults:
        if fault.code in UNUSABLE:
            for name in fault.modality.replace(",", " ").split():
                if name in MODALITIES and case.get(name):
                    reasons.setdefault(name, f"{fault.code}: {fault.text}".rstrip("."))
    return reasons


def _check_strategy(
    missing: str, completion_bundle: str | Path | None, synthesis_bundles: Mapping[str, str | Path] | None
) -> None:
    if missing not in STRATEGIES:
        msg = f"missing (={missing!r}) must be one of {', '.join(STRATEGIES)}."
        raise UsageError(msg)
    if missing == "complete" and not completion_bundle:
        msg = (
            "missing='complete' needs --completion_bundle PATH, the folder of a trained mri_modality_completion "
            "(unpacked), whose network makes what is missing."
        )
        raise UsageError(msg)
    if missing == "synthesize" and not synthesis_bundles:
        msg = (
            "missing='synthesize' needs --synthesis_bundles \"{'flair': PATH}\", for each modality that may be missing "
            "the folder of a trained mri_modality_synthesis (unpacked) whose target it is."
        )
        raise UsageError(msg)


def _say(case: Case, absent: Sequence[str]) -> str:
    there = ", ".join(name for name in MODALITIES if case.get(name)) or "none"
    unusable = "".join(f" {name} is unusable ({reason})." for name, reason in (case.get("unusable") or {}).items())
    return f"Case {case['case_id']!r} has no {' and no '.join(absent)} image; it has {there}.{unusable}"


def _refuse(case: Case, absent: Sequence[str]) -> str:
    return f"{_say(case, absent)} missing='refuse' stops here. Add the file to the case's folder, or choose: {NEEDS}."


def _by_hand(case: Case, absent: Sequence[str], missing: str) -> str:
    return (
        f"{_say(case, absent)} missing={missing!r} is not run from here yet: run that bundle's inference.yaml on the "
        f"case first, or choose --missing zero."
    )
