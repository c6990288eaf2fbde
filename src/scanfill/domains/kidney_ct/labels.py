"""Labels of kidneys and their tumors: what the numbers in a file mean, and the scored regions.

Inside, a label map holds 0 background, 1 kidney, 2 tumor. Sources: KiTS19 (Heller 2019, arXiv 1904.00445), KiTS21
(Heller 2023, arXiv 2307.01984); KiTS23 has the values of KiTS21. The regions are nested as in KiTS's evaluation by
hierarchical classes, without its cysts.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanfill.data.schema import LabelSpec
from scanfill.errors import CaseError
from scanfill.transforms.renumber import check_known

KIDNEY, TUMOR, CYST = 1, 2, 3
"""The values of KiTS; the first two are also the internal numbering."""

CONVENTIONS: dict[str, dict[int, int]] = {
    "kits19": {KIDNEY: KIDNEY, TUMOR: TUMOR},
    "kits21": {KIDNEY: KIDNEY, TUMOR: TUMOR, CYST: KIDNEY},  # KiTS19 has no label for cysts
    "kits23": {KIDNEY: KIDNEY, TUMOR: TUMOR, CYST: KIDNEY},
}
"""Value in the file -> internal value. Cysts, which only the later challenges label, count as kidney."""

REMEDY = f"Correct the file, or pass its convention with --labels ({', '.join(CONVENTIONS)})."

REGIONS = {"kidney and tumor": (KIDNEY, TUMOR), "kidney": (KIDNEY,), "tumor": (TUMOR,)}

LABEL = LabelSpec(
    names={KIDNEY: "kidney", TUMOR: "tumor"},
    conventions=CONVENTIONS,
    looked_for="<case>/segmentation.nii.gz, or a picture of the same name in labels/",
    remedy=REMEDY,
)
"""The truth of a case."""

WITH_CYSTS = {
    "kits21": re.compile(r"(?:.*/)?case_\d{5}[/_]aggregated_\w+_seg\.nii(?:\.gz)?", re.IGNORECASE),
    "kits23": re.compile(r"(?:.*/)?case_\d{5}[/_]segmentation\.nii(?:\.gz)?", re.IGNORECASE),
}
"""Convention -> names of files in which a 3 can only be a cyst."""


def check_convention(convention: str) -> str:
    """Return ``convention`` if it is one of :py:data:`CONVENTIONS`.

    Raises:
        CaseError: It is not one of them.
    """
    if convention not in CONVENTIONS:
        msg = f"Unknown label convention {convention!r}: choose one of {', '.join(CONVENTIONS)}."
        raise CaseError(msg)
    return convention


def decide_convention(values: Mapping[str, Sequence[int]], labels: str = "auto") -> tuple[str, str]:
    """Determine for a whole cohort what its label values mean, and check that they are known.

    1 and 2 mean the same in all conventions. A 3 is a cyst in KiTS21 and KiTS23, but may be anything elsewhere, so it
    is only understood in files that are named as theirs.

    Args:
        values: File of a label map -> the values in it.
        labels: A convention, or ``"auto"``.

    Returns:
        The convention, and why it was chosen.

    Raises:
        CaseError: The convention is unknown; a file holds a value that it does not have, or a 3 of unknown meaning.
    """
    for file, found in values.items():
        check_known(found, CONVENTIONS["kits23"], "KiTS", f"The label {file}", REMEDY)
    with_three = [file for file, found in values.items() if CYST in found]
    if labels != "auto":
        convention, reason = check_convention(labels), "as requested"
    elif not with_three:
        convention, reason = "kits19", "there is no 3, and 1 and 2 mean the same in all conventions"
    else:
        named = {file: name for file in with_three if (name := _named_as(file))}
        if unnamed := [file for file in with_three if file not in named]:
            msg = (
                f"The label {unnamed[0]} holds the value 3 ({len(unnamed)} of {len(values)} labels do), which is a "
                f"cyst in KiTS21 and KiTS23, but the file is not named as theirs. Look at it, and pass --labels kits23 "
                f"if it is a cyst."
            )
            raise CaseError(msg)
        convention, reason = max(named.values()), "3 is a cyst in files of these names, and counts as kidney"
    for file, found in values.items():
        check_known(found, CONVENTIONS[convention], f"convention {convention!r}", f"The label {file}", REMEDY)
    return convention, reason


def _named_as(file: str) -> str | None:
    return next((name for name, pattern in WITH_CYSTS.items() if pattern.fullmatch(Path(file).as_posix())), None)
