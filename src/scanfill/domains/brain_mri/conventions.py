"""Determine for a whole cohort what its label values mean, or refuse and name the option to pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, check_convention
from scanfill.domains.brain_mri.naming import Naming, recognise_case
from scanfill.errors import CaseError

NAMING_WORDS: dict[Naming, str] = {
    "brats2013": "BraTS 2012 to 2015 (brats_...)",
    "brats": "BraTS 2017 to 2021 (BraTS20_...)",
    "brats2023": "BraTS 2023 and later (BraTS-GLI-*)",
    "brats_other": "another tumor of BraTS 2023 and later (BraTS-PED-*, -MEN-*, -MET-*, ...)",
    "msd": "Medical Segmentation Decathlon (BRATS_NNN)",
    "plain": "no known naming",
}


@dataclass(frozen=True)
class Decision:
    """A label convention and why it was chosen."""

    convention: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """Meaning of label values under one naming, if all of ``present`` and none of ``absent`` occur.

    Attributes:
        conventions: The convention; if ambiguous, the possible ones.
        reason: Why it applies, with ``{}`` for the values that occur.
        doubt: Why the convention is ambiguous, if so.
    """

    naming: Naming
    conventions: tuple[str, ...]
    reason: str = ""
    doubt: str = ""
    present: frozenset[int] = frozenset()
    absent: frozenset[int] = frozenset()


THREE, FOUR = frozenset({3}), frozenset({4})
NO_THREE = "BraTS 2017 to 2021 naming has no 3"
RENUMBERED = "a 3 without a 4 may be enhancing tumor (renumbered) or non-enhancing (as in BraTS 2013)"
RESECTED = "under BraTS-GLI-* naming a 4 may be enhancing tumor (2021) or a resection cavity (2024)"
OTHER_TUMOUR = "the naming is for a tumor other than adult glioma (PED, MEN, MET, ...), where the values differ"
NAMELESS = "the case names do not identify the convention"
BRATS_OR_MSD = "1 and 2 are necrotic core and edema in BraTS but the reverse in MSD, and the names do not show which"
OF_2013, OF_2017 = "values {} under BraTS 2012 to 2015 naming", "values {} under BraTS 2017 to 2021 naming"

RULES = (
    Rule("brats", ("brats2013", "brats2024"), doubt=NO_THREE, present=THREE | FOUR),
    Rule("brats", ("brats2023", "msd"), doubt=NO_THREE, present=THREE),
    Rule("brats", ("brats",), OF_2017),
    Rule("brats2013", ("brats2013", "brats2023"), doubt=RENUMBERED, present=THREE, absent=FOUR),
    Rule("brats2013", ("brats2013",), OF_2013, present=THREE),
    Rule("brats2013", ("brats",), OF_2013),
    Rule("brats2023", ("brats2024", "brats"), doubt=RESECTED, present=FOUR),
    Rule("brats2023", ("brats2023",), "values {} under BraTS-GLI-* naming"),
    Rule("brats_other", ("brats2023",), doubt=OTHER_TUMOUR),
    Rule("msd", ("brats", "brats2013"), doubt="MSD naming (BRATS_NNN) has no 4", present=FOUR),
    Rule("msd", ("msd",), "values {} under MSD naming (BRATS_NNN)"),
    Rule("plain", ("brats2013", "brats2024"), doubt=NAMELESS, present=THREE | FOUR),
    Rule("plain", ("brats2023", "msd"), doubt=NAMELESS, present=THREE),
    Rule("plain", ("brats",), "values {}, as in BraTS 2017 to 2021", present=FOUR),
    Rule("plain", ("brats",), "all labels are empty", absent=frozenset({1, 2})),
    Rule("plain", ("brats", "msd"), doubt=BRATS_OR_MSD),
)
"""The first rule that matches naming and values applies."""


def decide_convention(
    values: Mapping[str, set[int]], labels: str = "auto", stated: Sequence[str | None] = ()
) -> Decision:
    """Determine the convention of a cohort from its label values and the names of its cases.

    One decision is made for all cases together, because a case without enhancing tumor, {1, 2}, reads the same in every
    convention but one.

    Args:
        values: Case -> the values in its label map, from 0 to 4.
        labels: A convention, which is then used as it is, or ``"auto"``.
        stated: The convention that each case's own data set states (a ``dataset.json``), or None; used if all agree.

    Returns:
        The convention, and why it was chosen.

    Raises:
        CaseError: Values and naming are ambiguous. The message names the options.
    """
    if labels != "auto":
        return Decision(check_convention(labels), "as requested")
    if len({*stated}) == 1 and stated[0] is not None:
        return Decision(check_convention(stated[0]), "stated by dataset.json")
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
        f"The labels hold the values {sorted(union)}, but {doubt}, so their meaning is ambiguous. Look at a case and "
        f"pass {said}; all conventions: {', '.join(LABEL_CONVENTIONS)}."
    )
