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
    return _DECIDE[namings[0]](union)


def _refusal(union: set[int], doubt: str, *options: str) -> str:
    said = " or ".join(f"labels={option!r} (--labels {option})" for option in options)
    return (
        f"The labels hold the values {sorted(union)}, and {doubt}, so what they mean is in doubt. Look at a case and "
        f"pass {said}; all conventions: {', '.join(LABEL_CONVENTIONS)}."
    )


def _decide_brats(union: set[int]) -> Decision:
    if 3 in union:
        doubt = "under names of BraTS 2017 to 2021 there is no 3"
        raise CaseError(_refusal(union, doubt, *(["brats2013", "brats2024"] if 4 in union else ["brats2023", "msd"])))
    return Decision("brats", f"values {sorted(union)} under names of BraTS 2017 to 2021")


def _decide_brats2013(union: set[int]) -> Decision:
    if 3 in union and 4 not in union:
        doubt = "a 3 without a 4 may be enhancing tumour (renumbered) or non-enhancing (as in BraTS 2013)"
        raise CaseError(_refusal(union, doubt, "brats2013", "brats2023"))
    convention = "brats2013" if 3 in union else "brats"
    return Decision(convention, f"values {sorted(union)} under names of BraTS 2012 to 2015")


def _decide_brats2023(union: set[int]) -> Decision:
    if 4 in union:
        doubt = "under BraTS-GLI-* a 4 may be enhancing tumour (2021) or a resection cavity (2024)"
        raise CaseError(_refusal(union, doubt, "brats2024", "brats"))
    return Decision("brats2023", f"values {sorted(union)} under BraTS-GLI-* names")


def _decide_brats_other(union: set[int]) -> Decision:
    doubt = "the names are those of another tumour than adult glioma (PED, MEN, MET, ...), where they mean other tissue"
    raise CaseError(_refusal(union, doubt, "brats2023"))


def _decide_msd(union: set[int]) -> Decision:
    if 4 in union:
        raise CaseError(_refusal(union, "under MSD names (BRATS_NNN) there is no 4", "brats", "brats2013"))
    return Decision("msd", f"values {sorted(union)} under MSD names (BRATS_NNN)")


def _decide_plain(union: set[int]) -> Decision:
    if not union:
        return Decision("brats", "all labels are empty")
    if 3 in union:
        doubt = "the names of the cases do not tell the convention"
        raise CaseError(_refusal(union, doubt, *(["brats2013", "brats2024"] if 4 in union else ["brats2023", "msd"])))
    if 4 not in union:
        doubt = "1 and 2 are necrotic core and edema in BraTS but the reverse in MSD, and the names do not tell which"
        raise CaseError(_refusal(union, doubt, "brats", "msd"))
    return Decision("brats", f"values {sorted(union)}, as in BraTS 2017 to 2021")


_DECIDE = {
    "brats": _decide_brats,
    "brats2013": _decide_brats2013,
    "brats2023": _decide_brats2023,
    "brats_other": _decide_brats_other,
    "msd": _decide_msd,
    "plain": _decide_plain,
}
