"""Tumor labels: the meaning of the numbers in a file, the internal numbering, and the scored regions.

Internally, a label map holds 0 background, 1 necrotic and non-enhancing core (NC), 2 edema (ED), 3 contrast-enhancing
tumor (CET), whatever the file used.

Sources of the conventions: BraTS 2013 (Menze 2015, 10.1109/TMI.2014.2377694), BraTS 2017 to 2021 (Baid 2021,
arXiv 2107.02314), BraTS 2023 and 2024 (de Verdier 2024, arXiv 2405.18368), MSD Task01 (Antonelli 2022,
10.1038/s41467-022-30695-9).
"""

from collections.abc import Iterable

from monai.config.type_definitions import NdarrayOrTensor

from scanfill.data.schema import LabelSpec
from scanfill.errors import CaseError
from scanfill.metrics import Regions
from scanfill.transforms.renumber import check_known, renumber

NC, ED, CET = 1, 2, 3
"""The internal numbering."""

LABEL_NAMES = {
    0: "background",
    NC: "NC: necrotic and non-enhancing tumor core",
    ED: "ED: peritumoral edema",
    CET: "CET: contrast-enhancing tumor",
}

LABEL_CONVENTIONS: dict[str, dict[int, int]] = {
    "brats": {1: NC, 2: ED, 4: CET},
    "brats2023": {1: NC, 2: ED, 3: CET},
    "brats2013": {1: NC, 3: NC, 2: ED, 4: CET},
    "brats2024": {1: NC, 2: ED, 3: CET, 4: 0},  # 4 is a resection cavity: ignored, so background internally
    "msd": {1: ED, 2: NC, 3: CET},
}
"""Value in the file -> internal value; 0 is background in all of them."""

REMEDY = f"Correct the file, or pass its convention with --labels ({', '.join(LABEL_CONVENTIONS)})."
"""What to do about a value that is not in a convention."""


TUMOUR = LabelSpec(
    names={label: LABEL_NAMES[label] for label in (NC, ED, CET)},
    conventions=LABEL_CONVENTIONS,
    legend={NC: "NC necrotic core", ED: "ED edema", CET: "CET enhancing tumor"},
    looked_for="<case>/seg.nii.gz",
    remedy=REMEDY,
)
"""The truth of a case, as used by the schema."""


def check_convention(convention: str) -> str:
    """Return ``convention`` if it is one of :py:data:`LABEL_CONVENTIONS`.

    Raises:
        CaseError: It is not one of them.
    """
    if convention not in LABEL_CONVENTIONS:
        msg = f"Unknown label convention {convention!r}: choose one of {', '.join(LABEL_CONVENTIONS)}."
        raise CaseError(msg)
    return convention


def to_internal(label: NdarrayOrTensor, convention: str, where: str = "The label map") -> NdarrayOrTensor:
    """Renumber a label map from a file to 1 NC, 2 ED, 3 CET.

    Args:
        label: Label map of any shape, as read.
        convention: One of :py:data:`LABEL_CONVENTIONS`.
        where: Starts the error message, with case and file.

    Returns:
        Label map of the same shape and type (array, tensor, MetaTensor), uint8.

    Raises:
        CaseError: A value is fractional or does not belong to the convention.
    """
    return renumber(label, LABEL_CONVENTIONS[check_convention(convention)], f"convention {convention!r}", where, REMEDY)


def values_in_file(convention: str) -> dict[int, int]:
    """Return internal value -> value to write, without background."""
    return TUMOUR.values_in_file(check_convention(convention))


def check_values(values: Iterable[int], convention: str, where: str = "The label map") -> None:
    """Check that a label map's values belong to a convention.

    Raises:
        CaseError: A value does not.
    """
    check_known(values, LABEL_CONVENTIONS[check_convention(convention)], f"convention {convention!r}", where, REMEDY)


REGIONS: Regions = {"NC": (NC,), "ED": (ED,), "CET": (CET,), "TC": (NC, CET), "WT": (NC, ED, CET)}
"""Necrotic core, edema, contrast-enhancing tumor; tumor core, whole tumor."""
