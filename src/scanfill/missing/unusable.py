"""A modality that is there but unusable: no image, part of the brain, or a copy of another one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scanfill.data.load_schema import load_schema
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Protocol

    from scanfill.data.schema import CaseSchema

    class Fault(Protocol):
        """Something found wrong with a case, as the checks of quality give it."""

        @property
        def code(self) -> str: ...  # noqa: D102
        @property
        def modality(self) -> str: ...  # noqa: D102
        @property
        def text(self) -> str: ...  # noqa: D102

    class Quality(Protocol):
        """What :py:func:`scanfill.domains.brain_mri.quality.check_case` says of a case."""

        @property
        def findings(self) -> Sequence[Fault]: ...  # noqa: D102


logger = logging.getLogger(__name__)

Case = dict[str, Any]

UNUSABLE = ("blank", "coverage", "duplicate")
"""Codes of what makes a modality that is there as good as missing: no image, part of the brain, another one's copy."""


def handle_unusable(
    cases: Sequence[Case],
    check: Callable[[Case], Quality],
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


def find_unusable(faults: Iterable[Fault], case: Mapping[Any, Any], images: Sequence[str]) -> dict[str, str]:
    """Read from what is wrong with a case which of its images are unusable: key -> ``code: sentence``."""
    reasons: dict[str, str] = {}
    for fault in faults:
        if fault.code in UNUSABLE:
            for name in fault.modality.replace(",", " ").split():
                if name in images and case.get(name) is not None:
                    reasons.setdefault(name, f"{fault.code}: {fault.text}".rstrip("."))
    return reasons


def _judge(case: Case, check: Callable[[Case], Quality], unusable: str, images: Sequence[str]) -> Case:
    reasons = {} if case.get("problem") else find_unusable(check(case).findings, case, images)
    for name, reason in reasons.items():
        done = "treated as missing" if unusable == "drop" else "used all the same; --unusable drop leaves it out"
        logger.warning("Case %r: %s is unusable (%s): %s.", case.get("case_id", "?"), name, reason, done)
    if not reasons or unusable == "report":
        return case
    return {key: value for key, value in case.items() if key not in reasons} | {"unusable": reasons}
