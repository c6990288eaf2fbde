"""Read the files of one case for preparation, and refuse unusable ones before any long computation.

scanfill does not strip skulls: if one is present, the message names tools that do.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai.data import MetaTensor

from scanfill.data.image import GRID_TOLERANCE, grid_distance, read_image, volume_suffix
from scanfill.data.nnunet import CHANNEL, IMAGES
from scanfill.data.phantoms import phantom_text
from scanfill.data.read import check_images_differ, checked_mask
from scanfill.domains.brain_mri.check_mask import check_mask
from scanfill.domains.brain_mri.check_mri import LIMITS, check_mri
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.naming import recognise_file
from scanfill.domains.brain_mri.prepare.geometry import Volume, volume_of, whole_labels
from scanfill.domains.brain_mri.quality.skull import suspect_skull
from scanfill.errors import CaseError

REFERENCES = ("t1ce", "t1")
"""Preferred modalities onto which the others are registered, in order."""


@dataclass(frozen=True, eq=False)
class OriginalCase:
    """The original volumes of a case.

    Attributes:
        case_id: Name of the case.
        reference: The modality that is not moved.
        images: Images by modality.
        mask: Brain mask on the reference's grid, uint8.
        label: Label map, uint8, and the modality on whose grid it was drawn.
        phantom: The header text of a synthetic subject; empty for a patient.
        synthetic: Modality or label -> its file, for those marked as synthetic.
    """

    case_id: str
    reference: str
    images: dict[str, Volume]
    mask: Volume | None
    label: tuple[Volume, str] | None
    phantom: str = ""
    synthetic: Mapping[str, Path] = field(default_factory=dict)


def read_original(case: Mapping[str, Any], reference: str | None = None, *, check_skull: bool = True) -> OriginalCase:
    """Read a case with files that may be on different grids.

    Args:
        case: As listed by :py:func:`scanfill.data.find_cases`.
        reference: A modality; by default T1CE, else T1, preferably acquired rather than synthetic.
        check_skull: Whether to raise an error if a skull seems to be present and there is no mask.

    Raises:
        CaseError: The case finder found a problem; the reference is missing; a file cannot be used; the mask is on
            another grid or has other values than 0 and 1; the label is not on any image's grid; a skull is suspected.
    """
    if case.get("problem"):
        raise CaseError(case["problem"])
    name = f"Case {case['case_id']!r}"
    keys = [key for key in MODALITIES if key in case]
    synthetic = {key: Path(case[key]) for key in case.get("synthetic", ()) if key in (*keys, "label")}
    acquired = [key for key in keys if key not in synthetic]
    chosen = choose_reference(keys if reference or not set(REFERENCES) & set(acquired) else acquired, reference, name)
    images = {key: read_image(case[key], f"{name}: {key}", limits=LIMITS) for key in keys}
    for key, image in images.items():
        check_mri(image, f"{name}: {key} ({case[key]})", has_mask="mask" in case)
    check_images_differ(images, case, name)
    mask = _read_mask(case, chosen, images, name) if "mask" in case else None
    if mask is None and check_skull:
        _check_skull(images, case, chosen, name)
    return OriginalCase(
        case_id=case["case_id"],
        reference=chosen,
        images={key: volume_of(image) for key, image in images.items()},
        mask=mask,
        label=_read_label(case, chosen, images, name) if "label" in case else None,
        phantom=phantom_text([case[key] for key in keys]),
        synthetic=synthetic,
    )


def choose_reference(keys: list[str], wanted: str | None, name: str) -> str:
    """Return the modality onto which the others are registered.

    Raises:
        CaseError: The case does not have it.
    """
    for key in (wanted,) if wanted else REFERENCES:
        if key in keys:
            return key
    missing = wanted or " and no ".join(REFERENCES)
    msg = (
        f"{name} has no {missing} to register the others to; it has {', '.join(keys) or 'no image'}. Add the file, or "
        f"choose another with --reference{f' {keys[0]}' if keys else ''}."
    )
    raise CaseError(msg)


def _read_mask(case: Mapping[str, Any], reference: str, images: Mapping[str, MetaTensor], name: str) -> Volume:
    where = f"{name}: mask ({case['mask']})"
    mask = read_image(case["mask"], f"{name}: mask", limits=LIMITS)
    if distance := _distance(images[reference], mask):
        msg = (
            f"{where} is not on the grid of {reference} ({case[reference]}): {distance}. Create the mask from this "
            f"image, or choose the modality it was created from with --reference."
        )
        raise CaseError(msg)
    mask = checked_mask(mask, where)
    acquired = {key: image for key, image in images.items() if key not in case.get("synthetic", ())}
    check_mask(mask, {key: image for key, image in acquired.items() if not _distance(image, mask)}, where)
    return volume_of(mask)


def _read_label(
    case: Mapping[str, Any], reference: str, images: Mapping[str, MetaTensor], name: str
) -> tuple[Volume, str]:
    """Return the label map and the modality on whose grid it was drawn; the reference if several share one grid."""
    where = f"{name}: label ({case['label']})"
    label = read_image(case["label"], f"{name}: label", limits=LIMITS)
    volume = whole_labels(label, where, "Correct or remove it.")
    distances = {key: _distance(images[key], label) for key in (reference, *images)}
    for key, distance in distances.items():
        if not distance:
            return volume, key
    listed = "; ".join(f"{key}: {distance}" for key, distance in distances.items())
    msg = f"{where} is not on the grid of any image in the case ({listed}). Add the image on which it was drawn."
    raise CaseError(msg)


def _distance(first: MetaTensor, second: MetaTensor) -> str:
    """Describe how two grids differ; empty if they are the same."""
    if first.shape != second.shape:
        return f"{tuple(second.shape[1:])} voxels against {tuple(first.shape[1:])}"
    distance = grid_distance(first, second)
    return f"up to {distance:.3g} voxels apart" if distance > GRID_TOLERANCE else ""


def _check_skull(images: Mapping[str, MetaTensor], case: Mapping[str, Any], reference: str, name: str) -> None:
    for key in (reference, *(key for key in images if key != reference)):
        if reason := suspect_skull(images[key]):
            msg = (
                f"{name}: {key} ({case[key]}) seems to be a whole head: {reason}. scanfill does not strip skulls; "
                f"create a brain mask and prepare again. {strip_commands(case[reference])}. If the skull is already "
                f"stripped, pass --check_skull=False."
            )
            raise CaseError(msg)


def strip_commands(image: str | Path) -> str:
    """Return the commands that create a brain mask for one case, where the case finder looks for it.

    HD-BET (version 2; Isensee 2019, 10.1002/hbm.24750) adds ``_bet`` to the output's name for the mask. SynthStrip
    comes with FreeSurfer (Hoopes 2022, 10.1016/j.neuroimage.2022.119474).

    Args:
        image: The case's reference image.
    """
    image = Path(image)
    mask = mask_path(image)
    if not volume_suffix(image).lower().startswith(".nii"):
        return (
            f"Both need NIfTI: convert the case's images to .nii.gz, create the brain mask of {image.name} with HD-BET "
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
    """Return the path for a brain mask of an image's case, with a name that the case finder recognizes."""
    image = Path(image)
    file = recognise_file(image)
    stem = image.name.removesuffix(volume_suffix(image))
    folder = image.parent.parent if image.parent.name == stem else image.parent  # BraTS 2012 to 2015
    of_nnunet = CHANNEL.fullmatch(stem) if IMAGES.fullmatch(image.parent.name) else None
    name = of_nnunet["case"] if of_nnunet else file.case_name if file else ""
    return folder / (f"{name}_mask.nii.gz" if name else "mask.nii.gz")


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))
