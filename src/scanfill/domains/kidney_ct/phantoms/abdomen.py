"""Abdominal phantoms: a CT with kidneys and tumors per visit of a patient.

Phantoms are for testing the software; they say nothing about patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from scanfill.anatomy.abdomen_organs import Body, Scene, all_organs, draw_body
from scanfill.anatomy.kidneys import (
    KINDS_OF_TWELVE,
    VARIANTS_OF_TWELVE,
    Kidneys,
    draw_kidneys,
    kidney_parts,
    lesion_hu,
)
from scanfill.anatomy.soft_shapes import Array, Part, paint
from scanfill.anatomy.tissue_hu import KIDNEY, Contrast, Tissue, draw_contrast
from scanfill.errors import UsageError

SMALLEST_SIZE, LARGEST_SIZE = 48, 512
MOST_CASES = 100_000
THINNEST, THICKEST = 1, 5

FIELD_OF_VIEW = 380.0
"""Side of a slice in mm."""

COVERED = 200.0
"""Height of the part of the body that is scanned, mm."""

TOP = -108.0
"""Where it begins, seen from the body's origin."""

VISITS_OF_SIX_CASES = ((0, 1), (1, 1), (2, 1), (2, 2), (3, 1), (4, 1))
"""Patient and visit of six consecutive cases: one of five patients has two visits."""

SHARPNESS = 1.5
"""Width in mm of the softest border that a small pixel shows."""

GRAIN = 0.9
"""SD in mm of the blur of the noise."""

POINTS_AT_ONCE = 400_000


@dataclass(frozen=True)
class Visit:
    """What is known of a case before it is painted.

    Attributes:
        seed: Seed of the cohort.
        patient: Number of the patient, from 0.
        number: Number of the patient's visit, from 1.
        body: The patient's size.
        kidneys: The patient's kidneys, cysts and tumors.
        contrast: Phase and enhancement.
        thickness: Of a slice, mm.
        noise: SD in HU of the noise in a slice of 5 mm, by the dose.
    """

    seed: int
    patient: int
    number: int
    body: Body
    kidneys: Kidneys
    contrast: Contrast
    thickness: float
    noise: float

    @property
    def patient_name(self) -> str:
        """Name of the patient, which is that of the first visit; it differs between seeds."""
        return f"case_{self.seed * MOST_CASES + self.patient:05d}"

    @property
    def name(self) -> str:
        """Name of the case."""
        return self.patient_name + ("" if self.number == 1 else f"_{self.number}")


@dataclass(frozen=True)
class AbdomenPhantom:
    """One CT and its ground truth; axes run down, to the back and to the patient's left, as in KiTS19.

    Attributes:
        image: HU, ``(Z, Y, X)``.
        label: 0 background, 1 kidney with its cysts, 2 tumor, ``(Z, Y, X)``.
        tissue: :py:class:`~scanfill.anatomy.tissue_hu.Tissue` in the middle of each slice,
            ``(Z, Y, X)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        visit: Its cause.
    """

    image: NDArray[np.int16]
    label: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    affine: NDArray[np.float64]
    visit: Visit


def draw_visit(seed: int, index: int, thickness: float | None = None) -> Visit:
    """Draw the cause of a case.

    Args:
        seed: Seed of the cohort.
        index: Number of the case, from 0; it alone determines patient and visit.
        thickness: Of a slice in mm; by default 1, 2, 3, 4 or 5.
    """
    block, place = divmod(index, len(VISITS_OF_SIX_CASES))
    patient, number = VISITS_OF_SIX_CASES[place]
    patient += 5 * block
    twelve, place = divmod(patient, 12)
    order, size, form = (
        np.random.default_rng(key) for key in ([seed, twelve, 0], [seed, patient, 1], [seed, patient, 2])
    )
    variant = VARIANTS_OF_TWELVE[order.permutation(12)[place]]
    kind = KINDS_OF_TWELVE[order.permutation(12)[place]]
    scanner = np.random.default_rng([seed, patient, 3, number])
    body, contrast, drawn = draw_body(size), draw_contrast(scanner), float(scanner.integers(THINNEST, THICKEST + 1))
    return Visit(
        seed=seed,
        patient=patient,
        number=number,
        body=body,
        kidneys=draw_kidneys(form, body, variant, kind),
        contrast=contrast,
        thickness=drawn if thickness is None else float(thickness),
        noise=float(scanner.uniform(6, 15)),
    )


def make_case(seed: int, index: int, size: int = 128, thickness: float | None = None) -> AbdomenPhantom:
    """Create one CT.

    The patient is defined in millimeters: another size samples the same anatomy on another grid (except for the noise).
    A patient's visits show the same organs and tumors with other bowel, in another pose, phase and dose.

    Args:
        seed: Seed of the cohort.
        index: Number of the case in its cohort, from 0.
        size: Pixels per side of a slice; the field of view is 380 mm.
        thickness: Of a slice in mm, 1 to 5; by default it differs between cases. 200 mm are scanned.

    Raises:
        UsageError: A number is out of range.
    """
    check_numbers(seed, index, size, thickness)
    visit = draw_visit(seed, index, thickness)
    organs = np.random.default_rng([seed, visit.patient, 4])
    content, pose, quanta = (np.random.default_rng([seed, visit.patient, 5 + k, visit.number]) for k in range(3))
    lesion = lesion_hu(visit.contrast, visit.kidneys.kind, visit.kidneys.typical_place)
    scene = Scene(visit.body, visit.contrast, organs, content, lesion)
    parts = all_organs(scene) + kidney_parts(scene, visit.kidneys)
    turn = Rotation.from_euler("zyx", pose.normal(0, (4, 1.5, 1.5)), degrees=True).as_matrix()
    shift = pose.normal(0, (6, 6, 8))
    hu, label, tissue = scan([part.moved(turn, shift) for part in parts], size, visit.thickness)
    spacing = FIELD_OF_VIEW / size
    hu += visit.noise * float(np.sqrt(THICKEST / visit.thickness)) * _noise(quanta, hu.shape, GRAIN / spacing)
    affine = np.eye(4)
    affine[:3, :3] = -np.array([[0, 0, spacing], [0, spacing, 0], [visit.thickness, 0, 0]])
    return AbdomenPhantom(np.clip(hu.round(), -1024, 3071).astype(np.int16), label, tissue, affine, visit)


def scan(parts: Sequence[Part], size: int, thickness: float) -> tuple[Array, NDArray[np.uint8], NDArray[np.uint8]]:
    """Sample parts on a grid without noise; a thick slice averages planes about 2 mm apart.

    Args:
        parts: What to paint.
        size: Pixels per side.
        thickness: Of a slice, mm.

    Returns:
        HU, label and tissue, ``(Z, Y, X)`` each.
    """
    spacing, planes = FIELD_OF_VIEW / size, max(1, round(thickness / 2))
    across = ((np.arange(size) + 0.5) * spacing - FIELD_OF_VIEW / 2).astype(np.float32)
    down = (np.arange(round(COVERED / thickness) * planes) + 0.5) * (thickness / planes) + TOP
    step = planes * max(1, POINTS_AT_ONCE // (planes * size**2))
    found = []
    for first in range(0, len(down), step):
        axes = (down[first : first + step].astype(np.float32), across, across)
        painting = paint(parts, axes, (KIDNEY, {Tissue.TUMOR}), max(spacing, SHARPNESS))
        apart = (-1, planes, size, size)
        hu, kidney, tumor = (each.reshape(apart).mean(axis=1) for each in (painting.hu, *painting.shares))
        label = np.where(kidney + tumor < 0.5, 0, np.where(tumor > kidney, 2, 1)).astype(np.uint8)
        found.append((hu, label, painting.tissue.reshape(apart)[:, planes // 2]))
    hu, label, tissue = (np.concatenate(each) for each in zip(*found, strict=True))
    return hu, label, tissue


def _noise(random: np.random.Generator, shape: tuple[int, ...], blur: float) -> Array:
    """Return noise of SD 1 with the grain of a reconstructed slice."""
    noise = gaussian_filter(random.standard_normal(shape, np.float32), (0, blur, blur))
    return np.asarray(noise / noise.std(), np.float32)


def check_numbers(seed: int, index: int, size: int, thickness: float | None) -> None:
    """Check the arguments of a phantom.

    Raises:
        UsageError: A number is out of range.
    """
    if seed < 0 or not 0 <= index < MOST_CASES:
        msg = (
            f"A phantom's seed must not be negative and its index must be 0 to {MOST_CASES - 1}, got seed={seed}, "
            f"index={index}."
        )
        raise UsageError(msg)
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        msg = f"An abdomen phantom needs a size of {SMALLEST_SIZE} to {LARGEST_SIZE} pixels per side, got size={size}."
        raise UsageError(msg)
    if thickness is not None and not THINNEST <= thickness <= THICKEST:
        msg = f"Slices are {THINNEST} to {THICKEST} mm thick, got thickness={thickness}."
        raise UsageError(msg)
