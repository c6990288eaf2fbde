"""The options specific to the trial of synthetic cases, checked before anything is trained."""

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import scanfill
from scanfill.errors import UsageError
from scanfill.presets import find_preset, presets
from scanfill.studies.bundle_facts import facts_of, networks_of
from scanfill.studies.checks import check_bundle_option, check_choices, check_least, check_name, chosen
from scanfill.studies.kinds.synthetic_augmentation.arms import (
    EMPTY,
    GENERATION,
    NETWORK,
    REAL,
    SEGMENTATION,
    Arm,
    Study,
    levels,
)

MASKS = ("moved", "deformed", "drawn", "own")
"""Where the mask of a new case may come from, besides a folder with masks."""

LEAST = {"copies": 1, "steps": 2, "repeats": 1}
"""Integer options of the painting, and their minimum."""

SET_BY_STEP = {"bundle_root", "checkpoint", "dataset_dir", "datalist", "output_dir", "seed", "filled_by", "device"}
SET_BY_STEP |= {"cases", "run", "evaluate_on", "cases#judged"}
"""Options of the generating bundle's inference and evaluation that each step sets itself."""

REMOVAL = "removal.yaml"
"""Overlay for a network that cannot add lesions."""

MIXING = "lesion_mixing"
"""Preset that is an arm of its own."""

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names of arms, which become parts of the names of folders and strategies."""


def find_bundles(study: Mapping[str, Any]) -> dict[str, str]:
    """Return the bundle of each block of overlays and options.

    Raises:
        UnknownOptionError: There is no such bundle, or a trial is not possible with it.
    """
    if not isinstance(study["bundles"], Mapping):
        msg = f"bundles (={study['bundles']!r}) must state a bundle for {SEGMENTATION} and one for {GENERATION}."
        raise UsageError(msg)
    possible = {
        SEGMENTATION: [name for name in scanfill.bundle_paths() if networks_of(name)],
        GENERATION: [name for name in scanfill.bundle_paths() if _fillers_of(name)],
    }
    for block, names in possible.items():
        check_name(study["bundles"][block], names, f"bundles.{block}: a trial is not possible with")
    return {block: str(study["bundles"][block]) for block in possible}


def _fillers_of(bundle: str) -> list[str]:
    """Return what can fill the new cases of a bundle that makes labeled ones; nothing for every other bundle."""
    return list(facts_of(bundle)["scanfill"].get("fillers", ()))


def find_options(study: Mapping[str, Any]) -> dict[str, Collection[str]]:
    """Return the possible options of blocks that depend on the bundles."""
    return {
        "painting": _inference_options(study["bundles"][GENERATION]),
        "judging": _evaluation_options(study["bundles"][GENERATION]),
        "seconds_a_step": [*networks_of(study["bundles"][SEGMENTATION]), GENERATION],
    }


@cache
def _inference_options(bundle: str) -> list[str]:
    config = scanfill.bundle_path(bundle) / "configs" / "inference.yaml"
    return [name for name in yaml.safe_load(config.read_text(encoding="utf-8")) if name not in SET_BY_STEP]


@cache
def _evaluation_options(bundle: str) -> list[str]:
    config = scanfill.bundle_path(bundle) / "configs" / "evaluate.yaml"
    return [name for name in yaml.safe_load(config.read_text(encoding="utf-8")) if name not in SET_BY_STEP]


def check_trial(study: Study) -> None:
    """Check the options of the arms, in place: ``all`` is replaced by the names it stands for.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value and what is allowed.
    """
    check_choices(study, {"slices": (True, False), "fit": (True, False)})
    check_least(study, {"least_patients": 0})
    _check_segmenters(study)
    _check_augmentations(study)
    _check_patients(study["patients"])
    _check_share("real_share", study["real_share"], "above 0 and below 1")
    check_painting("painting", study["painting"])
    if REMOVAL in study[GENERATION]["overlays"]:
        msg = f"{GENERATION}.overlays: {REMOVAL} is for networks that remove lesions, but this study adds some."
        raise UsageError(msg)
    if not isinstance(study["arms"], dict) or not study["arms"]:
        msg = f"arms (={study['arms']!r}) must state each arm, such as inpainted: {{filled_by: network}}."
        raise UsageError(msg)
    for name, arm in study["arms"].items():
        _check_arm(study, name, arm)
    study["subset"]["arms"] = chosen("subset.arms", study["subset"]["arms"], tuple(study["arms"]))
    _check_judged(study)
    _check_primary(study)


def _check_segmenters(study: Study) -> None:
    known = tuple(networks_of(study["bundles"][SEGMENTATION]))
    _check_levels("segmenter", study["segmenter"])
    for name in levels(study["segmenter"]):
        check_choices({"segmenter": name}, {"segmenter": known})


def _check_augmentations(study: Study) -> None:
    """Check that presets suit the images, are installed, and are not themselves an arm."""
    facts = facts_of(study["bundles"][SEGMENTATION])
    modality = facts["network_data_format"]["inputs"]["image"]["modality"]
    fitting = [name for name, preset in presets().items() if modality in preset.made_for and name != MIXING]
    names = [str(name).removesuffix(".yaml") for name in levels(study["augmentation"])]
    study["augmentation"] = names if isinstance(study["augmentation"], list) else names[0]
    _check_levels("augmentation", study["augmentation"])
    for name in names:
        check_name(name, fitting, "augmentation: all arms need a preset for such images, not")
        find_preset(name)


def _check_levels(option: str, value: Any) -> None:
    names = levels(value)
    if not names or len({str(name) for name in names}) < len(names):
        msg = f"{option} (={value!r}) must be one value, or a list of different ones."
        raise UsageError(msg)


def _check_patients(shares: Any) -> None:
    _check_levels("patients", shares)
    for share in levels(shares):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            msg = f"patients (={shares!r}) must be shares of a fold's training patients, such as [0.25, 0.5, 1.0]."
            raise UsageError(msg)


def _check_share(option: str, share: Any, allowed: str) -> None:
    number = isinstance(share, float) or share == 0
    if isinstance(share, bool) or not number or not 0 <= share < 1 or (share == 0 and "above 0" in allowed):
        msg = f"{option} (={share!r}) must be a share of the training patches {allowed}, such as 0.5."
        raise UsageError(msg)


def _check_arm(study: Study, name: Any, arm: Any) -> None:
    """Check the options of one arm."""
    where = f"arms.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in (REAL, EMPTY):
        msg = (
            f"arms: {name!r} must be a name of small letters, digits and underscores other than {REAL}, the reference "
            f"that is always included, and {EMPTY}."
        )
        raise UsageError(msg)
    known = [field.name for field in fields(Arm) if field.name != "name"]
    for option in arm if isinstance(arm, dict) else ():
        check_name(option, known, f"unknown option {where}.")
    if not isinstance(arm, dict) or bool(arm.get("filled_by")) == bool(arm.get("mixing")):
        msg = f"{where} (={arm!r}) must state either filled_by: {NETWORK} (or a straw man), or mixing: true."
        raise UsageError(msg)
    if arm.get("filled_by"):
        fillers = _fillers_of(study["bundles"][GENERATION])
        check_name(arm["filled_by"], fillers, f"{where}: {study['bundles'][GENERATION]} cannot fill new cases by")
    elif own := [option for option in ("generation", "painting") if option in arm]:
        msg = f"{where}.{own[0]} (={arm[own[0]]!r}) is for arms with new cases: add filled_by, or remove it."
        raise UsageError(msg)
    if "real_share" in arm:
        allowed = "from 0 to below 1" if arm.get("filled_by") else "above 0 and below 1, for it has no synthetic cases"
        _check_share(f"{where}.real_share", arm["real_share"], allowed)
    _check_own_options(study, where, arm)


def _check_own_options(study: Study, where: str, arm: Mapping[str, Any]) -> None:
    """Check an arm's own options of the generating bundle."""
    blocks = {block: arm.get(block, {}) for block in (GENERATION, "painting")}
    for block, own in blocks.items():
        if not isinstance(own, dict):
            msg = f"{where}.{block} (={own!r}) must be options, such as {{masks: deformed}}."
            raise UsageError(msg)
    for option in blocks[GENERATION]:
        name = f"{GENERATION}.{option}"
        check_bundle_option(name, study["bundles"][GENERATION], frozenset(), where)
    for option in blocks["painting"]:
        check_name(option, find_options(study)["painting"], f"unknown option {where}.painting.")
    check_painting(f"{where}.painting", blocks["painting"])


def check_painting(option: str, painting: dict[str, Any]) -> None:
    """Check how new cases are made, as far as it is stated; a folder with masks becomes an absolute path, in place."""
    for name, least in LEAST.items():
        if name in painting and (type(painting[name]) is not int or painting[name] < least):
            msg = f"{option}.{name} (={painting[name]!r}) must be an integer, {least} or more."
            raise UsageError(msg)
    distance = painting.get("distance", 0)
    if isinstance(distance, bool) or not isinstance(distance, int | float) or distance < 0:
        msg = f"{option}.distance (={distance!r}) must be a number of mm, 0 or more."
        raise UsageError(msg)
    masks = str(painting.get("masks", MASKS[0]))
    if masks not in MASKS and not Path(masks).expanduser().is_dir():
        msg = f"{option}.masks (={masks!r}) must be one of {', '.join(MASKS)}, or a folder with masks."
        raise UsageError(msg)
    if masks not in MASKS:  # jobs run in the study's folder
        painting["masks"] = str(Path(masks).expanduser().resolve())


def _check_judged(study: Study) -> None:
    """Check the figures of the generator that are shown beside the gain: its bundle must leave them."""
    bundle = study["bundles"][GENERATION]
    known = facts_of(bundle)["scanfill"].get("figures", [])
    if study["judged"] and not known:
        msg = f"judged (={study['judged']!r}) must be []: the evaluation of {bundle} leaves no figures for a study."
        raise UsageError(msg)
    study["judged"] = chosen("judged", study["judged"], known) if study["judged"] else []


def _check_primary(study: Study) -> None:
    """Check the contrast that is stated before the results; its region must be compared if its arm is."""
    primary = study["primary"]
    check_name(primary["arm"], study["arms"], "primary.arm: not one of arms:")
    known = {"augmentation": list(presets()), "segmenter": list(networks_of(study["bundles"][SEGMENTATION]))}
    for factor, names in known.items():
        if primary[factor] is not None:
            check_name(primary[factor], names, f"primary.{factor}: unknown")
    arm, region = primary["arm"], primary["region"]
    if arm in study["subset"]["arms"] and region not in study["regions"]:
        msg = f"regions (={study['regions']}) must include {region}: its Dice in {arm} is the primary contrast."
        raise UsageError(msg)
