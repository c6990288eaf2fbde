"""What an image of this kind may show: pathologies of each modality, and names for places."""

from collections.abc import Mapping

MODALITIES: Mapping[str, tuple[str, ...]] = {
    "chest_xray": ("normal", "pneumonia", "nodule", "atelectasis", "fracture"),
    "ct": ("normal", "mass", "lesion", "calcification"),
    "mri": ("normal", "tumor", "lesion", "edema"),
    "mammography": ("normal", "mass", "calcification"),
    "ultrasound": ("normal", "mass"),
    "retina": ("normal", "lesion", "edema"),
}
"""Modality -> the pathologies that it can show."""

PATHOLOGIES = tuple(dict.fromkeys(pathology for shown in MODALITIES.values() for pathology in shown))

OF_FINDING = ("severity", "x", "y", "size")
"""Conditions of a finding, which an image without one does not have."""

PLACES = (0.25, 0.75)
"""Smallest and largest coordinate of a finding's center."""

SIZES = (0.06, 0.14)
"""Smallest and largest size of a finding."""

ZONES: Mapping[str, tuple[float, float]] = {
    "upper left": (0.35, 0.35),
    "upper right": (0.65, 0.35),
    "center": (0.5, 0.5),
    "lower left": (0.35, 0.65),
    "lower right": (0.65, 0.65),
}
"""Name of a place in the picture -> its coordinates (x, y)."""


def quadrant(x: float, y: float) -> str:
    """Return in which quarter of the picture a place is, such as ``upper left``."""
    return f"{'upper' if y < 0.5 else 'lower'} {'left' if x < 0.5 else 'right'}"
