"""What to do where a skull is still on: scanfill does not strip, it names the tools that do."""

from __future__ import annotations

import shlex
from pathlib import Path

from scanfill.data.image import volume_suffix
from scanfill.domains.brain_mri.naming import recognise_file


def strip_commands(image: str | Path) -> str:
    """Write the commands that make a brain mask for one case, where the case finder looks for it.

    HD-BET (version 2; Isensee 2019, 10.1002/hbm.24750) adds ``_bet`` to the output's name for the mask. SynthStrip
    comes with FreeSurfer (Hoopes 2022, 10.1016/j.neuroimage.2022.119474).

    Args:
        image: The case's reference image.
    """
    image = Path(image)
    mask = mask_path(image)
    if not volume_suffix(image).lower().startswith(".nii"):
        return (
            f"Both need NIfTI: convert the case's images to .nii.gz, make the brain mask of {image.name} with HD-BET "
            f"or SynthStrip, and write it to {mask}."
        )
    unnamed = mask.with_name("brain.nii.gz")
    made = mask.with_name("brain_bet.nii.gz")
    hd_bet = f"hd-bet -i {_quoted(image)} -o {_quoted(unnamed)} --save_bet_mask --no_bet_image"
    if volume_suffix(image).lower() == ".nii":
        hd_bet = f"gzip -k {_quoted(image)} && " + hd_bet.replace(_quoted(image), _quoted(f"{image}.gz"), 1)
        hd_bet += f" && rm {_quoted(f'{image}.gz')}"
    return (
        f"HD-BET: {hd_bet} && mv {_quoted(made)} {_quoted(mask)} (without a GPU add -device cpu --disable_tta). "
        f"Or SynthStrip: mri_synthstrip -i {_quoted(image)} -m {_quoted(mask)}"
    )


def mask_path(image: str | Path) -> Path:
    """Where a brain mask of an image's case belongs, under a name that the case finder knows."""
    image = Path(image)
    file = recognise_file(image)
    stem = image.name.removesuffix(volume_suffix(image))
    folder = image.parent.parent if image.parent.name == stem else image.parent  # BraTS 2012 to 2015
    return folder / (f"{file.case_name}_mask.nii.gz" if file and file.case_name else "mask.nii.gz")


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))
