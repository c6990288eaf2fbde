"""Brain phantoms: subjects with a glioma in four MRI contrasts, and cohorts of them on disk.

Phantoms are for testing the software; they say nothing about patients.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.anatomy.brain_anatomy import (
    FIELD_OF_VIEW,
    Array,
    Tissue,
    build_anatomy,
    draw_folds,
    draw_shape,
    grid_axes,
)
from scanfill.anatomy.brain_head import surround_with_head
from scanfill.anatomy.mri_signal import draw_relaxation, draw_texture, ideal_signals
from scanfill.data.image import header_text, nifti_bytes, volume_suffix
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms.brain_tumour import (
    KINDS_OF_TEN,
    TumourKind,
    brats_label,
    dominant,
    draw_foci,
    mass_effect,
    paint_tumour,
    shape_tumour,
)
from scanfill.domains.brain_mri.phantoms.mri_contrast import SITES, draw_protocol, scan
from scanfill.errors import UsageError
from scanfill.replacing import check_replaceable, is_made

MIDDLE_OF_VIEW = np.array([-120.0, 115.0, 72.0])  # world (RAS) coordinates in mm; about the brain of BraTS' atlas
SLICE_THICKNESS = 6.0  # mm, in the thick-slice cases
SMALLEST_SIZE = 24


@dataclass(frozen=True)
class BrainPhantom:
    """One synthetic subject and its ground truth.

    Attributes:
        images: Integers by modality ``t1``, ``t1ce``, ``t2``, ``flair``, ``(X, Y, Z)``; 0 outside the brain, except
            with skull.
        label: BraTS values: 0 background, 1 necrotic core, 2 edema, 4 enhancing tumor, ``(X, Y, Z)``.
        tissue: :py:class:`Tissue` that dominates each voxel, including tumor, 0 outside the brain, ``(X, Y, Z)``.
        healthy: The same without the tumor but with its mass effect: the tissue that edema and core replace.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        spacing: Side of a voxel in mm.
        site: Index of the scanner in :py:data:`~scanfill.domains.brain_mri.phantoms.mri_contrast.SITES`.
        kind: Which parts the tumor has.
        centres: World coordinates in mm of the tumor's foci, ``(F, 3)``.
        thick_slice: Whether the slices are 6 mm thick, interpolated to the grid.
    """

    images: dict[str, Array]
    label: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    healthy: NDArray[np.uint8]
    affine: Array
    spacing: float
    site: int
    kind: TumourKind
    centres: Array
    thick_slice: bool


def make_subject(seed: int, index: int, size: int = 64, *, skull: bool = False) -> BrainPhantom:
    """Create one subject.

    The subject is defined in millimeters: another size samples the same head on another grid (except for the noise).
    With skull, the same subject is scanned with the same noise, but not stripped.

    Args:
        seed: Seed of the cohort.
        index: Number of the subject in its cohort, from 0. It alone determines site and thick slices.
        size: Voxels per side; the field of view is 192 mm.
        skull: Whether to keep skull, scalp and face, and the noise around them.

    Raises:
        ValueError: Negative seed or index, or a grid too coarse to show a tumor.
    """
    if seed < 0 or index < 0:
        msg = f"A phantom's seed and index must not be negative, got seed={seed}, index={index}."
        raise ValueError(msg)
    check_size(size)
    # One random generator per purpose, so that draws for one never shift those for another.
    form, growth, water, scanner, bone = (np.random.default_rng([seed, index, concern]) for concern in range(5))
    axes = grid_axes(size)
    spacing = FIELD_OF_VIEW / size
    kind = tumour_kind(seed, index)

    shape = draw_shape(form)
    foci = draw_foci(growth, shape, kind)
    anatomy = build_anatomy(axes, mass_effect(axes, foci, shape), shape, draw_folds(form, axes))
    fractions = paint_tumour(anatomy, shape_tumour(growth, axes, foci, kind, anatomy), spacing)

    site = (seed + index) % len(SITES)
    thick_slice = index % 5 == 4
    protocol = draw_protocol(scanner, SITES[site], SLICE_THICKNESS if thick_slice else None)
    relaxation, texture = draw_relaxation(water), draw_texture(water, axes)
    signals = ideal_signals(fractions, relaxation, texture, protocol.sequences)
    if skull:
        signals = surround_with_head(bone, signals, anatomy.depth, axes, texture=texture, sequences=protocol.sequences)
    brain = anatomy.depth > 0
    tissue = np.where(brain, dominant(fractions), np.uint8(Tissue.BACKGROUND))
    return BrainPhantom(
        images=scan(scanner, signals, anatomy.depth, axes, protocol, strip=not skull),
        label=brats_label(tissue),
        tissue=tissue,
        healthy=np.where(brain, dominant(anatomy.fractions), np.uint8(Tissue.BACKGROUND)),
        affine=phantom_affine(size),
        spacing=spacing,
        site=site,
        kind=kind,
        centres=np.stack([focus.centre for focus in foci]) + MIDDLE_OF_VIEW,
        thick_slice=thick_slice,
    )


def tumour_kind(seed: int, index: int) -> TumourKind:
    """Return which parts the tumor of a subject has; every ten consecutive subjects include all kinds."""
    block, place = divmod(index, len(KINDS_OF_TEN))
    order = np.random.default_rng([seed, block, 100]).permutation(len(KINDS_OF_TEN))
    return KINDS_OF_TEN[order[place]]


def phantom_affine(size: int) -> Array:
    """Return the affine from voxel indices to world coordinates: axes run left, back and up, as in BraTS."""
    spacing = FIELD_OF_VIEW / size
    first = [axis[0] for axis in grid_axes(size)]
    affine = np.diag([-spacing, -spacing, spacing, 1.0])
    affine[:3, 3] = MIDDLE_OF_VIEW + first
    return affine


def check_size(size: int) -> None:
    """Check that a grid is fine enough to show a tumor.

    Raises:
        UsageError: It is too coarse.
    """
    if size < SMALLEST_SIZE:
        msg = f"A brain phantom needs a size of at least {SMALLEST_SIZE} voxels per side (8 mm each), got size={size}."
        raise UsageError(msg)


def write_cohort(
    folder: str | Path, cases: int = 20, size: int = 64, seed: int = 0, *, skull: bool = False
) -> list[Path]:
    """Write brain phantoms in BraTS layout: one folder per case, four images (int16) and a label map (uint8).

    The same seed gives the same bytes, and a case does not depend on the number of cases. A case's folder appears once
    it is complete; phantoms of an earlier run are replaced.

    Args:
        folder: Folder for the cases; created if missing.
        cases: Number of cases.
        size: Voxels per side; the field of view is 192 mm.
        seed: Seed of the cohort.
        skull: Whether to leave the heads unstripped.

    Returns:
        The case folders ``BraTS20_Training_001`` and so on.

    Raises:
        ValueError: No cases requested, a negative seed, or a grid too coarse to show a tumor.
        UsageError: A file to write exists, and is not a phantom.
    """
    if cases < 1:
        msg = f"A cohort needs at least one case, got cases={cases}."
        raise ValueError(msg)
    check_size(size)
    root = Path(folder)
    folders = [root / f"BraTS20_Training_{index + 1:03d}" for index in range(cases)]
    for place in folders:
        check_only_phantoms(place)
    root.mkdir(parents=True, exist_ok=True)
    return [
        write_case(
            folders[index],
            make_subject(seed, index, size, skull=skull),
            f"{seed}/{index}" + (" with skull" if skull else ""),
        )
        for index in tqdm(range(cases), desc="brain phantoms", unit="case")
    ]


def check_only_phantoms(folder: Path) -> None:
    """Refuse to write a phantom into a folder with other images, which would be replaced or mixed with it.

    Raises:
        UsageError: With the first of them.
    """
    for path in sorted(folder.glob("*")):
        if volume_suffix(path) and not is_made(path):
            msg = f"{path} is not a phantom, so no phantom is written to its folder. Choose another output folder."
            raise UsageError(msg)


def write_case(folder: Path, phantom: BrainPhantom, origin: str) -> Path:
    """Write one phantom to ``folder``; ``origin`` (its seed and index) goes into the NIfTI header."""
    volumes: dict[str, NDArray[np.generic]] = {name: phantom.images[name].astype(np.int16) for name in MODALITIES}
    volumes["seg"] = phantom.label
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished_", dir=folder.parent))
    try:
        for name, volume in volumes.items():
            data = nifti_bytes(volume, phantom.affine, f"scanfill brain phantom {origin}")
            (unfinished / f"{folder.name}_{name}.nii.gz").write_bytes(data)
        folder.mkdir(exist_ok=True)
        for path in sorted(unfinished.iterdir()):
            check_replaceable(folder / path.name, path)
        for path in sorted(unfinished.iterdir()):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def brain_cohort(
    folder: str | Path, cases: int = 20, size: int = 64, seed: int = 0, without: str | Sequence[str] = ()
) -> str:
    """Return the folder of a phantom cohort, writing it if it is missing or different.

    Args:
        folder: Folder of the cohort.
        cases: Number of cases.
        size: Voxels per side.
        seed: See :py:func:`scanfill.domains.brain_mri.phantoms.brain.write_cohort`.
        without: Modalities to omit from these patients.

    Returns:
        ``folder``, for use as a bundle's ``dataset_dir``.
    """
    lacking = {without} if isinstance(without, str) else set(without)
    there = {name: sorted(Path(folder).glob(f"*/*_{name}.nii.gz")) for name in MODALITIES}
    kept = next(there[name] for name in MODALITIES if name not in lacking)
    if (
        [header_text(path) for path in kept] != [f"scanfill brain phantom {seed}/{index}" for index in range(cases)]
        or any(nib.load(path).shape != (size, size, size) for path in kept)
        or any(len(paths) != (0 if name in lacking else cases) for name, paths in there.items())
    ):
        for case in write_cohort(folder, cases=cases, size=size, seed=seed):
            for name in lacking:
                (case / f"{case.name}_{name}.nii.gz").unlink()
    return str(folder)
