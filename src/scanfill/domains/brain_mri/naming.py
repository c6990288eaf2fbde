"""What a file name states: which modality or label the file is, and which case it belongs to.

Upper and lower case are the same. Known generations: BraTS 2012 to 2015 (``VSD.Brain.XX.O.MR_T1c.54514.mha``), 2017 to
2021 (``BraTS20_Training_001_t1ce.nii.gz``), 2023 and later (``BraTS-GLI-00002-000-t1c.nii.gz``), the collections of the
Cancer Imaging Archive (``UPENN-GBM-00001_11_T1GD.nii.gz``), BIDS (``sub-01_ses-1_ce-gd_T1w.nii.gz``,
:py:mod:`scanfill.domains.brain_mri.bids`), and plain names (``t1ce.nii.gz``).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scanfill.data.image import volume_suffix
from scanfill.domains.brain_mri.bids import BidsName, read_bids_name
from scanfill.domains.brain_mri.modalities import MODALITIES

Role = Literal["t1", "t1ce", "t2", "flair", "label", "mask"]

# The role is the last part of the name; the case is the part before it, after a separator.
ROLE_PATTERNS: dict[Role, str] = {
    "flair": r"flair|t2f|t2[-_. ]?flair|t2w[-_. ]flair",
    "t1ce": r"t1ce|t1c|t1gd|t1wce|t1w?[-_. ](?:ce|gd|c)|ce-[a-z0-9]+(?:_[a-z]+-[a-z0-9]+)*_t1w",
    "t1": r"t1|t1n|t1w",
    "t2": r"t2|t2w",
    "label": r"seg|segm|segmentation|label",
    "mask": r"(?:(?:flair|t1(?:ce|c|gd|n|w)?|t2[wf]?)[-_. ])?"
    r"(?:(?:brain|bet|hd[-_. ]?bet|synthstrip|skull[-_. ]?strip(?:ped)?)[-_. ]?)?mask",
}
ROLES = {
    role: re.compile(rf"(?:(?P<case>.+?)[-_. ])??(?:{pattern})", re.IGNORECASE | re.DOTALL)
    for role, pattern in ROLE_PATTERNS.items()
}

VSD = re.compile(r"vsd\.brain.*\.(?P<role>mr_t1|mr_t1c|mr_t2|mr_flair|ot)\.\d+", re.IGNORECASE)
VSD_ROLES: dict[str, Role] = {"mr_t1": "t1", "mr_t1c": "t1ce", "mr_t2": "t2", "mr_flair": "flair", "ot": "label"}

# A label map with one of these words in its name was made by an algorithm.
NOT_TRUTH = re.compile(r"(?:^|[-_. ])(?:auto|automated|pred|prediction|predicted)(?:[-_. ]|$)")

NOT_TUMOUR = re.compile(
    r"(?:^|[-_. ])(?:brain|tissue|tissues|aseg|aparc|wmparc|gm|wm|csf|fast|synthseg|hippocampus|ventricles?|vessels?|"
    r"skull|bone)(?:[-_. ]|$)"
)
"""Words in the name of a label map that segments something else."""

NAMES_BRAIN = re.compile(r"brain|bet|synthstrip|skull[-_. ]?strip")
"""Words in the name of a mask that is the brain's, whatever its name begins with."""

NOISE = re.compile(
    r"\b(?:mri?|weighted|images?|scans?|sequence|native|(?:pre|non|no|without)(?: contrast)?(?: agent| enhanced)?)\b"
)
"""Words in a description that leave the modality as it is."""

CONTRAST = re.compile(
    r"(?:t1w?[ +]*(?:\w* )?(?:post|postcontrast|contrast|gad|gado|gadolinium|km|ce|gd|c)(?: contrast| enhanced| gd)*)|"
    r"(?:ce|gd|contrast|contrast enhanced|post|post contrast|postcontrast|enhanced) t1w?"
)
"""Descriptions of T1 with contrast agent that do not occur in file names."""


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

    def belongs_to(self, names: set[str]) -> bool:
        """Whether a label or a mask is one of the case's, rather than of a lesion or a tissue.

        Args:
            names: How the case's files may begin, in lower case; empty for plain names.
        """
        if self.case_name.lower() in names:
            return True
        words = self.path.name.lower()
        return NAMES_BRAIN.search(words) is not None if self.role == "mask" else NOT_TUMOUR.search(words) is None


def recognise_file(path: Path) -> NamedFile | None:
    """Return what a volume is according to its name; None if the name does not show it."""
    stem = path.name[: len(path.name) - len(volume_suffix(path))].strip()
    if vsd := VSD.fullmatch(stem):
        return NamedFile(path, VSD_ROLES[vsd["role"].lower()], "")
    if bids := read_bids_name(stem):
        role = _bids_role(bids)
        return NamedFile(path, role, bids.case_name) if role else None
    for role, pattern in ROLES.items():
        if match := pattern.fullmatch(stem):
            return NamedFile(path, role, match["case"] or "")
    return None


def recognise_modality(description: str) -> Role | None:
    """Return the modality that a description such as ``T1Gd``, ``T2-weighted`` or ``MRI FLAIR`` means, or None."""
    words = " ".join(NOISE.sub(" ", re.sub(r"[-_./,()]+", " ", description.lower())).split())
    if CONTRAST.fullmatch(words):
        return "t1ce"
    patterns = ((role, pattern) for role, pattern in ROLE_PATTERNS.items() if role in MODALITIES)
    return next((role for role, pattern in patterns if re.fullmatch(pattern, words)), None)


def states_something_else(path: Path) -> bool:
    """Whether a name follows BIDS and states another kind of image, such as diffusion or function."""
    stem = path.name[: len(path.name) - len(volume_suffix(path))].strip()
    return read_bids_name(stem) is not None and recognise_file(path) is None


def _bids_role(name: BidsName) -> Role | None:
    """Return the role of a file with a BIDS name; None for maps, phases, and masks of anything but the brain."""
    patterns = ROLE_PATTERNS.items()
    role = next((role for role, pattern in patterns if re.fullmatch(pattern, name.suffix, re.IGNORECASE)), None)
    if name.is_part_of_complex or (role == "mask" and not name.may_show_brain):
        return None
    shown = f"{name.entities.get('label', '')} {name.entities.get('desc', '')}".lower()
    if role == "label" and NOT_TUMOUR.search(shown):
        return None
    return "t1ce" if role == "t1" and name.has_contrast_agent else role


Naming = Literal["brats2013", "brats", "brats2023", "brats_other", "msd", "plain"]
"""A family of case names.

``brats2013`` is BraTS 2012 to 2015, ``brats`` 2017 to 2021, ``brats2023`` the adult gliomas of 2023 and later,
``brats_other`` the other tumors of 2023 and later (PED, MEN, MET, SSA, ...), ``plain`` everything else.
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

BIDS = re.compile(r"(?P<patient>sub-[A-Z0-9]+)(_.*)?", re.IGNORECASE)

PATIENTS = (
    re.compile(r"(?P<patient>BraTS-[A-Z]+(-[A-Z]+)?-\d+)-\d+", re.IGNORECASE),
    re.compile(r"(?P<patient>BraTS(2012|2013|2014|2015)?_.*pat\d+)_\d+", re.IGNORECASE),
    re.compile(r"(?P<patient>UPENN-GBM-\d+)(_\d+)?", re.IGNORECASE),
    re.compile(r"(?P<patient>UCSF-PDGM-\d+)(_.+)?", re.IGNORECASE),
    re.compile(r"(?P<patient>TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})([-_. ].+)?", re.IGNORECASE),
    BIDS,
)
"""Namings that state the patient, followed by the visit."""


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

    In BraTS 2023 and later the last ``-NNN`` is the visit: ``BraTS-GLI-00002-000`` is patient ``BraTS-GLI-00002``. BIDS
    (``sub-01_ses-pre``), BraTS 2012 to 2015 (``brats_tcia_pat105_0001``), UPENN-GBM, UCSF-PDGM and TCGA have the
    patient first too. In all other families each case is a separate patient.
    """
    visit = next((match for pattern in PATIENTS if (match := pattern.fullmatch(case_id))), None)
    return visit["patient"] if visit else case_id


def states_patient(case_id: str) -> bool:
    """Whether a case name follows a known naming, so that its end is not taken for a possible visit."""
    return recognise_case(case_id) != "plain" or any(pattern.fullmatch(case_id) for pattern in PATIENTS)
