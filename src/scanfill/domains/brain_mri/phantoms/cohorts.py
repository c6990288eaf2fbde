"""Phantoms on disk: made when they are not there, and known as phantoms for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib

from scanfill.data.nifti import header_text
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms.brain import write_cohort

if TYPE_CHECKING:
    from collections.abc import Sequence


def brain_cohort(
    folder: str | Path, cases: int = 20, size: int = 64, seed: int = 0, without: str | Sequence[str] = ()
) -> str:
    """Give the folder of a phantom cohort, making it when it is not there or is another one.

    Args:
        folder: Where it is, or will be.
        cases: How many.
        size: Voxels a side.
        seed: See :py:func:`scanfill.domains.brain_mri.phantoms.brain.write_cohort`.
        without: Modalities that these patients lack.

    Returns:
        ``folder``, as a bundle's ``dataset_dir``.
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
