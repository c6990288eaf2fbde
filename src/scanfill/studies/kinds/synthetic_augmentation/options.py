"""The options specific to the trial of synthetic lesions, checked before anything is trained."""

from pathlib import Path
from typing import Any

from scanfill.errors import UsageError
from scanfill.presets import find_preset, presets
from scanfill.studies.bundle_facts import facts_of, networks_of
from scanfill.studies.checks import check_choices, check_name, chosen
from scanfill.studies.kinds.synthetic_augmentation.arms import ARMS, MIXED, PRIMARY, SEGMENTER

Study = dict[str, Any]

MASKS = ("moved", "deformed", "drawn", "own")
"""Where the shape of a painted lesion may come from, besides a folder with masks."""

LEAST = {"copies": 1, "steps": 2, "repeats": 1}
"""Integer options of the painting, and their minimum."""

REMOVAL = "removal.yaml"
"""Overlay for a network that cannot add lesions."""


def check_trial(study: Study) -> None:
    """Check the options of the arms, in place: ``all`` is replaced by the names it stands for.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value and what is allowed.
    """
    check_choices(study, {"segmenter": tuple(networks_of(SEGMENTER))})
    study["subset"]["arms"] = chosen("subset.arms", study["subset"]["arms"], ARMS)
    if REMOVAL in study["inpainting"]["overlays"]:
        msg = f"inpainting.overlays: {REMOVAL} is for networks that remove lesions, but this study adds some."
        raise UsageError(msg)
    _check_augmentation(study)
    _check_share(study["real_share"])
    _check_painting(study["painting"])
    arm, region = PRIMARY
    if arm in study["subset"]["arms"] and region not in study["regions"]:
        msg = f"regions (={study['regions']}) must include {region}: its Dice in {arm} is the primary contrast."
        raise UsageError(msg)


def _check_augmentation(study: Study) -> None:
    """Check that the preset that all arms have suits the images, is installed, and is not itself an arm."""
    modality = facts_of(SEGMENTER)["network_data_format"]["inputs"]["image"]["modality"]
    fitting = [name for name, preset in presets().items() if modality in preset.made_for and name != MIXED]
    study["augmentation"] = str(study["augmentation"]).removesuffix(".yaml")
    check_name(study["augmentation"], fitting, "augmentation: all arms need a preset for such images, not")
    find_preset(study["augmentation"])


def _check_share(share: Any) -> None:
    if isinstance(share, bool) or not isinstance(share, float) or not 0 < share < 1:
        msg = f"real_share (={share!r}) must be a share of the training patches above 0 and below 1, such as 0.5."
        raise UsageError(msg)


def _check_painting(painting: dict[str, Any]) -> None:
    """Check how lesions are painted."""
    for name, least in LEAST.items():
        if type(painting[name]) is not int or painting[name] < least:
            msg = f"painting.{name} (={painting[name]!r}) must be an integer, {least} or more."
            raise UsageError(msg)
    distance = painting["distance"]
    if isinstance(distance, bool) or not isinstance(distance, int | float) or distance < 0:
        msg = f"painting.distance (={distance!r}) must be a number of mm, 0 or more."
        raise UsageError(msg)
    masks = str(painting["masks"])
    if masks not in MASKS and not Path(masks).expanduser().is_dir():
        msg = f"painting.masks (={masks!r}) must be one of {', '.join(MASKS)}, or a folder with one mask per case."
        raise UsageError(msg)
    if masks not in MASKS:  # jobs run in the study's folder
        painting["masks"] = str(Path(masks).expanduser().resolve())
