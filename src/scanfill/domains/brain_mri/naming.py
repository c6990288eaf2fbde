"""What a file name states: which modality or label the file is, and which case it belongs to.

Names are compared in lower case. Known generations: BraTS 2012 to 2015 (``VSD.Brain.XX.O.MR_T1c.54514.mha``), 2017 to
2021 (``BraTS20_Training_001_t1ce.nii.gz``), 2023 and later (``BraTS-GLI-00002-000-t1c.nii.gz``), the collections of the
Cancer Imaging Archive (``UPENN-GBM-00001_11_T1GD.nii.gz``), BIDS (``sub-01_ce-gd_T1w.nii.gz``), and plain names
(``t1ce.nii.gz``).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scanfill.data.image import volume_suffix

Role = Literal["t1", "t1ce", "t2", "flair", "label", "mask"]

# The role is the last part of the name; the case is the part before it, after a separator.
ROLE_PATTERNS: dict[Role, str] = {
    "flair": r"flair|t2f|t2[-_.]?flair|t2w[-_.]flair",
    "t1ce": r"t1ce|t1c|t1gd|t1wce|t1w?[-_.](?:ce|gd|c)|ce-[a-z0-9]+(?:_[a-z]+-[a-z0-9]+)*_t1w",
    "t1": r"t1|t1n|t1w",
    "t2": r"t2|t2w",
    "label": r"seg|segm|segmentation|label",
    "mask": r"mask|brain[-_.]?mask",
}
ROLES = [(role, re.compile(rf"(?:(?P<case>.+?)[-_.])??(?:{pattern})")) for role, pattern in ROLE_PATTERNS.items()]

VSD = re.compile(r"vsd\.brain.*\.(?P<role>mr_t1|mr_t1c|mr_t2|mr_flair|ot)\.\d+")
VSD_ROLES: dict[str, Role] = {"mr_t1": "t1", "mr_t1c": "t1ce", "mr_t2": "t2", "mr_flair": "flair", "ot": "label"}

# A label map with one of these words in its name was made by an algorithm.
NOT_TRUTH = re.compile(r"(?:^|[-_.])(?:auto|automated|pred|prediction|predicted)(?:[-_.]|$)")


@dataclass(frozen=True)
class NamedFile:
    """A volume whose name states what it is."""

    path: Path
    role: Role
    case_name: str
    """The part of the file name that identifies the case; empty for plain names."""

    @property
    def is_truth(self) -> bool:
        """Whether a label map counts as truth; ``seg_auto_*`` and similar come from an algorithm."""
        return NOT_TRUTH.search(self.path.name.lower()) is None


def recognise_file(path: Path) -> NamedFile | None:
    """Return what a volume is according to its name; None if the name does not show it."""
    stem = path.name[: len(path.name) - len(volume_suffix(path))]
    if vsd := VSD.fullmatch(stem.lower()):
        return NamedFile(path, VSD_ROLES[vsd["role"]], "")
    for role, pattern in ROLES:
        if match := pattern.fullmatch(stem.lower()):
            return NamedFile(path, role, stem[: match.end("case")] if match["case"] else "")
    return None


Naming = Literal["brats2013", "brats", "brats2023", "brats_other", "msd", "plain"]
"""A family of case names.

``brats2013`` is BraTS 2012 to 2015, ``brats`` 2017 to 2021, ``brats2023`` the adult gliomas of 2023 and later,
``brats_other`` the other tumours of 2023 and later (PED, MEN, MET, SSA, ...), ``plain`` everything else.
"""

NAMINGS: dict[Naming, re.Pattern[str]] = {
    "msd": re.compile(r"BRATS_\d{3}", re.IGNORECASE),
    "brats2023": re.compile(r"BraTS-GLI-\d+-\d+", re.IGNORECASE),
    "brats_other": re.compile(r"BraTS-[A-Z]+(-[A-Z]+)?-\d+(-\d+)?", re.IGNORECASE),
    "brats": re.compile(r"BraTS(17|18|19|20|21|20(17|18|19|20|21))_.+", re.IGNORECASE),
    "brats2013": re.compile(r"BraTS(2012|2013|2014|2015)?_.+", re.IGNORECASE),
}

OUTPUT_LABELS: dict[Naming, str] = {
    "msd": "msd",
    "brats2023": "brats2023",
    "brats_other": "brats2023",
    "brats": "brats",
    "brats2013": "brats2013",
    "plain": "brats",
}
"""The convention for writing a prediction if the case has no label to follow."""

BIDS = re.compile(r"sub-[A-Z0-9]+(_.*)?", re.IGNORECASE)

VISIT = re.compile(r"(?P<patient>BraTS-[A-Z]+(-[A-Z]+)?-\d+)-\d+", re.IGNORECASE)


def recognise_case(case_id: str) -> Naming:
    """Return the family that a case name belongs to."""
    for naming, pattern in NAMINGS.items():
        if pattern.fullmatch(case_id):
            return naming
    return "plain"


def names_a_case(name: str) -> bool:
    """Whether a name alone identifies a case, so that it is preferred to the name of its folder."""
    return recognise_case(name) != "plain" or BIDS.fullmatch(name) is not None


def patient_of(case_id: str) -> str:
    """Return the patient name based on the naming alone.

    In BraTS 2023 and later the last ``-NNN`` is the visit: ``BraTS-GLI-00002-000`` is patient ``BraTS-GLI-00002``.
    In all other families each case is a separate patient.
    """
    visit = VISIT.fullmatch(case_id)
    return visit["patient"] if visit else case_id
