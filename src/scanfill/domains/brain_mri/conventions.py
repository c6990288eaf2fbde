"""Decide for a whole cohort what its label values mean, or refuse and say what to pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, check_convention
from scanfill.domains.brain_mri.naming import recognise_case
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanfill.domains.brain_mri.naming import Naming

NAMING_WORDS: dict[Naming, str] = {
    "brats2013": "BraTS 2012 to 2015 (brats_...)",
    "brats": "BraTS 2017 to 2021 (BraTS20_...)",
    "brats2023": "BraTS 2023 and later (BraTS-GLI-*)",
    "brats_other": "another tumour of BraTS 2023 and later (BraTS-PED-*, -MEN-*, -MET-*, ...)",
    "msd": "Medical Segmentation Decathlon (BRATS_NNN)",
    "plain": "no naming we know",
}


@dataclass(frozen=True)
class Decision:
    """A label convention and why it was chosen."""

    convention: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """What label values mean under one naming, where all of ``present`` and none of ``absent`` occur.

    Attributes:
        conventions: The convention; where there is a doubt, those that it may be.
        reason: Why, ``{}`` being the values that occur.
        doubt: Why the convention is in doubt instead.
    """

    naming: Naming
    conventions: tuple[str, ...]
    reason: str = ""
    doubt: str = ""
    present: frozenset[int] = frozenset()
    absent: frozenset[int] = frozenset()


THREE, FOUR = frozenset({3}), frozenset({4})
NO_THREE = "under names of BraTS 2017 to 2021 there is no 3"
RENUMBERED = "a 3 without a 4 may be enhancing tumour (renumbered) or non-enhancing (as in BraTS 2013)"
RESECTED = "under BraTS-GLI-* a 4 may be enhancing tumour (2021) or a resection cavity (2024)"
OTHER_TUMOUR = (
    "the names are those of another tumour than adult glioma (PED, MEN, MET, ...), where they mean other tissue"
)
NAMELESS = "the names of the cases do not tell the convention"
BRATS_OR_MSD = "1 and 2 are necrotic core and edema in BraTS but the reverse in MSD, and the names do not tell which"
OF_2013, OF_2017 = "values {} under names of BraTS 2012 to 2015", "values {} under names of BraTS 2017 to 2021"

RULES = (
    Rule("brats", ("brats2013", "brats2024"), doubt=NO_THREE, present=THREE | FOUR),
    Rule("brats", ("brats2023", "msd"), doubt=NO_THREE, present=THREE),
    Rule("brats", ("brats",), OF_2017),
    Rule("brats2013", ("brats2013", "brats2023"), doubt=RENUMBERED, present=THREE, absent=FOUR),
    Rule("brats2013", ("brats2013",), OF_2013, present=THREE),
    Rule("brats2013", ("brats",), OF_2013),
    Rule("brats2023", ("brats2024", "brats"), doubt=RESECTED, present=FOUR),
    Rule("brats2023", ("brats2023",), "values {} under BraTS-GLI-* names"),
    Rule("brats_other", ("brats2023",), doubt=OTHER_TUMOUR),
    Rule("msd", ("brats", "brats2013"), doubt="under MSD names (BRATS_NNN) there is no 4", present=FOUR),
    Rule("msd", ("msd",), "values {} under MSD names (BRATS_NNN)"),
    Rule("plain", ("brats2013", "brats2024"), doubt=NAMELESS, present=THREE | FOUR),
    Rule("plain", ("brats2023", "msd"), doubt=NAMELESS, present=THREE),
    Rule("plain", ("brats",), "values {}, as in BraTS 2017 to 2021", present=FOUR),
    Rule("plain", ("brats",), "all labels are empty", absent=frozenset({1, 2})),
    Rule("plain", ("brats", "msd"), doubt=BRATS_OR_MSD),
)
"""The first rule that applies to a naming and the values counts."""


def decide_convention(values: Mapping[str, set[int]], labels: str = "auto") -> Decision:
    """Decide the convention of a cohort from the values in its labels and the names of its cases.

    The decision is for all cases together, because one case without an enhancing part, {1, 2}, reads the same in
    every convention but one.

    Args:
        values: Case -> the values in its label map, of 0 to 4.
        labels: A convention, which is then taken without question, or ``"auto"``.

    Returns:
        The convention and why.

    Raises:
        CaseError: Values and naming leave a doubt. The message says what to pass.
    """
    if labels != "auto":
        return Decision(check_convention(labels), "as you said")
    namings = sorted({recognise_case(case_id) for case_id in values})
    union = set().union(*values.values()) - {0}
    if len(namings) > 1:
        examples = {naming: next(case for case in values if recognise_case(case) == naming) for naming in namings}
        listed = "; ".join(f"{NAMING_WORDS[naming]}: {example!r}" for naming, example in examples.items())
        raise CaseError(_refusal(union, f"the cases follow different namings ({listed})", "brats", "msd"))
    rule = next(
        rule for rule in RULES if rule.naming == namings[0] and rule.present <= union and not rule.absent & union
    )
    if rule.doubt:
        raise CaseError(_refusal(union, rule.doubt, *rule.conventions))
    return Decision(rule.conventions[0], rule.reason.format(sorted(union)))


def _refusal(union: set[int], doubt: str, *options: str) -> str:
    said = " or ".join(f"labels={option!r} (--labels {option})" for option in options)
    return (
        f"The labels hold the values {sorted(union)}, and {doubt}, so what they mean is in doubt. Look at a case and "
        f"pass {said}; all conventions: {', '.join(LABEL_CONVENTIONS)}."
    )
