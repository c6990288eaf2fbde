"""Tissues of the abdomen and their HU without contrast agent, and in the arterial and the portal venous phase."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Tissue(IntEnum):
    """Content of a voxel."""

    AIR = 0
    TABLE = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    DISC = 6
    LUNG = 7
    LIVER = 8
    SPLEEN = 9
    PANCREAS = 10
    BOWEL = 11
    CONTENT = 12
    FLUID = 13
    ARTERY = 14
    VEIN = 15
    NODULE = 16
    CORTEX = 17
    MEDULLA = 18
    CYST = 19
    TUMOR = 20


KIDNEY = {Tissue.CORTEX, Tissue.MEDULLA, Tissue.CYST}
"""Tissues with the label 1, as in KiTS19: cysts belong to the kidney; the fat and the vessels in its sinus do not."""

GAS = -900.0

PHASES = ("none", "arterial", "portal")

HU: Mapping[Tissue, tuple[float, float, float]] = {
    Tissue.TABLE: (-150, -150, -150),
    Tissue.FAT: (-102, -102, -100),
    Tissue.MUSCLE: (50, 56, 60),
    Tissue.BONE: (420, 420, 420),
    Tissue.MARROW: (175, 180, 190),
    Tissue.DISC: (85, 85, 90),
    Tissue.LUNG: (-850, -845, -845),
    Tissue.LIVER: (56, 70, 110),
    Tissue.SPLEEN: (46, 120, 120),
    Tissue.PANCREAS: (40, 105, 95),
    Tissue.BOWEL: (38, 90, 95),
    Tissue.FLUID: (10, 10, 12),
    Tissue.ARTERY: (42, 300, 150),
    Tissue.VEIN: (41, 130, 148),
    Tissue.CORTEX: (33, 185, 185),
    Tissue.MEDULLA: (31, 92, 176),
}
"""Mean HU in each of the phases."""

TUMOR_HU: Mapping[str, tuple[tuple[float, float], ...]] = {
    "clear cell": ((26, 46), (95, 165), (85, 140)),
    "papillary": ((26, 46), (50, 80), (58, 92)),
    "cystic": ((26, 46), (80, 130), (80, 125)),
}
"""Range of the solid part of each kind of tumor; one that is isodense has the HU of its kidney."""


@dataclass(frozen=True)
class Contrast:
    """How a visit's tissues are enhanced.

    Attributes:
        phase: One of :py:data:`PHASES`.
        hu: Tissue -> HU.
        uptake: Enhancement in shares of the usual one.
    """

    phase: str
    hu: Mapping[Tissue, float]
    uptake: float

    def of_tumor(self, kind: str, place: float) -> float:
        """Return the HU of a tumor's solid part.

        Args:
            kind: ``isodense``, or one of :py:data:`TUMOR_HU`.
            place: Its place in the range, 0 to 1.
        """
        if kind == "isodense":
            return 0.55 * self.hu[Tissue.CORTEX] + 0.45 * self.hu[Tissue.MEDULLA] + 8 * (place - 0.5)
        ranges = TUMOR_HU[kind]
        plain, enhanced = (low + place * (high - low) for low, high in (ranges[0], ranges[PHASES.index(self.phase)]))
        return plain + self.uptake * (enhanced - plain)


def draw_contrast(random: np.random.Generator) -> Contrast:
    """Draw the phase of a visit and the enhancement of the patient's tissues in it."""
    number = int(random.choice(3, p=(0.2, 0.4, 0.4)))
    uptake = float(random.uniform(0.75, 1.2))
    hu = {
        tissue: values[0] + uptake * (values[number] - values[0]) + float(random.normal(0, 4))
        for tissue, values in HU.items()
    }
    hu[Tissue.LIVER] -= float(random.exponential(10))  # fat in the liver
    return Contrast(PHASES[number], hu, uptake)
