"""A modality that is there but unusable: no image, part of the brain, or a copy of another one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Protocol

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
    cases: Sequence[Case], check: Callable[[Case], Quality], unusable: str = "report", *, told: bool = False
) -> list[Case]:
    """Say which modalities are there but unusable, and by option treat them as missing.

    Use it before :py:func:`scanfill.missing.handle.handle_missing`. Every image is read, about a second a case.

    Args:
        cases: With the paths of their images.
        check: Finds what is wrong with a case: :py:func:`scanfill.domains.brain_mri.quality.check_case`.
        unusable: ``report`` warns and leaves the cases as they are; ``drop`` takes the modality away and keeps the
            reason under the case's ``unusable``. Of two modalities that are one image both are taken away: nothing
            tells which of the two names is right.
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
    return [_judge(case, check, unusable) for case in tqdm(cases, desc="Checking scans", unit="case", leave=False)]


def find_unusable(faults: Iterable[Fault], case: Mapping[Any, Any]) -> dict[str, str]:
    """Read from what is wrong with a case which of its modalities are unusable: modality -> ``code: sentence``."""
    reasons: dict[str, str] = {}
    for fault in faults:
        if fault.code in UNUSABLE:
            for name in fault.modality.replace(",", " ").split():
                if name in MODALITIES and case.get(name) is not None:
                    reasons.setdefault(name, f"{fault.code}: {fault.text}".rstrip("."))
    return reasons


def _judge(case: Case, check: Callable[[Case], Quality], unusable: str) -> Case:
    reasons = {} if case.get("problem") else find_unusable(check(case).findings, case)
    for name, reason in reasons.items():
        done = "treated as missing" if unusable == "drop" else "used all the same; --unusable drop leaves it out"
        logger.warning("Case %r: %s is unusable (%s): %s.", case.get("case_id", "?"), name, reason, done)
    if not reasons or unusable == "report":
        return case
    return {key: value for key, value in case.items() if key not in reasons} | {"unusable": reasons}
