"""Synthetic images with a known cause, for testing the software; they say nothing about patients."""

from scanfill.data.phantoms import Phantoms
from scanfill.domains.images_2d.phantoms.image import ImageCondition, image_cohort, make_image
from scanfill.domains.images_2d.phantoms.image import write_cohort as write_image_cohort
from scanfill.domains.images_2d.phantoms.measure import Measurer, measurer_of

__all__ = [
    "PHANTOMS",
    "ImageCondition",
    "Measurer",
    "image_cohort",
    "make_image",
    "measurer_of",
    "write_image_cohort",
]

PHANTOMS = Phantoms(
    name="images",
    about="images of six modalities from conditions in a table: pathology, severity, place, size, age, sex",
    write=write_image_cohort,
    options={
        "modalities": "those to draw from, such as [mri,ct]; all by default",
        "combinations": "all; training (without one quadrant per pathology); held_out (only these)",
        "confounded": "severity goes up with age, and each pathology prefers one quadrant",
    },
)
