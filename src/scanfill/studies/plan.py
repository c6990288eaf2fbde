"""Read a study file, check it before anything is trained, and say what follows from it.

A study file states what differs from ``configs/studies/missing_modality.yaml``; that file is the full protocol and the
list of all knobs.
"""

from __future__ import annotations

import difflib
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import scanfill
from scanfill.errors import UnknownKnobError, UsageError

from .strategies import BUNDLES, MODALITIES, SEGMENTERS, STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Study = dict[str, Any]

PROTOCOL = (
    "name",
    "smoke",
    "held_out",
    "folds",
    "split_seed",
    "inner_validation",
    "inner_folds",
    "checkpoint",
    "segmenter",
    "labels",
)
"""Knobs that make two studies incomparable: results of another value in the output folder are refused."""

CHOICES = {
    "segmenter": tuple(SEGMENTERS),
    "checkpoint": ("last", "best"),
    "dedicated": ("three_inputs", "all"),
    "most_missing": (1, 2, 3),
    "smoke": (True, False),
}
TRAINED = tuple(BUNDLES)
"""Blocks of a study file that hold overlays and knobs of a bundle."""

SET_BY_STUDY = ("dataset_dir", "datalist", "modalities", "sources", "target", "labels", "seed", "resume", "ckpt_dir")
SET_BY_STUDY += ("output_dir", "validation", "patient_regex", "device", "cases")
"""Knobs of a bundle that the study sets for each training itself."""


def studies_folder() -> Path:
    """Find ``configs/studies``, installed with the package or in a working copy."""
    package = Path(scanfill.__file__).resolve().parent
    homes = (package / "configs" / "studies", package.parents[1] / "configs" / "studies")
    return next(home for home in homes if home.is_dir())


def read_study(file: str | Path, settings: Sequence[str] = (), *, smoke: bool = False) -> Study:
    """Read a study file over the full protocol, then what shrinks it, then single knobs.

    Args:
        file: YAML.
        settings: ``KNOB=VALUE`` or ``BLOCK.KNOB=VALUE``, the value in YAML.
        smoke: Whether to shrink it with ``smoke.yaml``; a study file can say so itself.

    Returns:
        Every knob of the protocol, checked.

    Raises:
        UsageError: No such file; an unknown knob, target, source or strategy; a value out of range. Each message has
            the nearest valid name or the values allowed.
    """
    folder = studies_folder()
    protocol = read_yaml(folder / "missing_modality.yaml")
    own = read_yaml(Path(file))
    changes = [(f"--set {text}", parse_setting(text)) for text in settings]
    small = smoke or own.get("smoke") or any(change.get("smoke") for _, change in changes)
    layers = [(str(file), own), *([("smoke.yaml", read_yaml(folder / "smoke.yaml"))] if small else []), *changes]
    study = deepcopy(protocol)
    for where, layer in layers:
        merge(study, layer, where)
    if study["name"] != protocol["name"]:
        msg = f"{file}: name (={study['name']!r}): the only study there is, is {protocol['name']!r}."
        raise UsageError(msg)
    check(study)
    return study


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping."""
    if not path.is_file():
        known = ", ".join(str(file) for file in sorted(studies_folder().glob("missing*.yaml")))
        msg = f"There is no study file {path}. scanfill brings {known}; one of your own states what differs from it."
        raise UsageError(msg)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        msg = f"The study file {path} is no YAML: {error}"
        raise UsageError(msg) from error
    if not isinstance(content or {}, dict):
        msg = f"The study file {path} holds a {type(content).__name__}; it must hold knobs, such as `folds: 5`."
        raise UsageError(msg)
    return dict(content or {})


def parse_setting(text: str) -> dict[str, Any]:
    """Read ``subset.folds=[0]`` as ``{"subset": {"folds": [0]}}``.

    Raises:
        UsageError: There is no ``=``, or the value is no YAML.
    """
    name, equals, value = str(text).partition("=")
    try:
        content: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        equals = ""
    if not equals or not name:
        msg = f"--set {text}: expected KNOB=VALUE with a value in YAML, such as --set folds=3 seeds=[0] subset.folds=[0]."
        raise UsageError(msg)
    for part in reversed(name.strip().split(".")):
        content = {part: content}
    return dict(content)


def merge(study: Study, layer: Mapping[str, Any], where: str) -> None:
    """Put a layer of knobs over a study, in place; the blocks of a study are merged, everything else is replaced.

    Raises:
        UnknownKnobError: The study has no such knob.
    """
    for name, value in layer.items():
        check_name(name, study, f"{where}: unknown knob")
        if not isinstance(study[name], dict):
            study[name] = value
            continue
        if not isinstance(value, dict):
            msg = f"{where}: {name} (={value!r}) is a block of knobs: {', '.join(study[name])}."
            raise UsageError(msg)
        for key in value:
            if name in TRAINED:
                check_bundle_knob(name, key, where)
            else:
                check_name(key, study[name], f"{where}: unknown knob {name}.")
        study[name] = study[name] | value


def check_name(name: Any, known: Iterable[str], what: str) -> None:
    """Refuse a name that is not known, and say which one may be meant.

    Raises:
        UnknownKnobError: It is not.
    """
    names = [str(other) for other in known]
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "there are:"
        msg = f"{what.rstrip()}{'' if what.endswith('.') else ' '}{name!r}; {hint} ({', '.join(names)})"
        raise UnknownKnobError(msg)


def check_bundle_knob(block: str, name: str, where: str) -> None:
    """Refuse a knob that the bundle's training does not have, or that the study sets itself."""
    if name == "overlays":
        return
    if name in SET_BY_STUDY:
        msg = f"{where}: {block}.{name} is set by the study for each training; leave it out."
        raise UsageError(msg)
    config = scanfill.bundle_path(BUNDLES[block]) / "configs" / "train.yaml"
    check_name(name, yaml.safe_load(config.read_text(encoding="utf-8")), f"{where}: {BUNDLES[block]} has no knob")


def check(study: Study) -> None:
    """Check the values of a study's knobs.

    Raises:
        UsageError: Naming knob, value and what is allowed.
    """
    for name, allowed in CHOICES.items():
        if study[name] not in allowed or isinstance(study[name], bool) != isinstance(allowed[0], bool):
            msg = f"{name} (={study[name]!r}) must be one of {', '.join(map(str, allowed))}."
            raise UsageError(msg)
    for name, least in {"folds": 2, "inner_folds": 2, "threads": 1, "mem_mb": 1, "split_seed": 0, "keep_images": 0}.items():
        if type(study[name]) is not int or study[name] < least:
            msg = f"{name} (={study[name]!r}) must be a whole number, {least} or more."
            raise UsageError(msg)
    share, number = study["held_out"], study["inner_validation"]
    if not (isinstance(share, int | float) and not isinstance(share, bool) and (0 <= share < 1 or share == int(share) > 0)):
        msg = f"held_out (={share!r}) must be a share of the patients below 1, such as 0.2, or their number; 0 holds none out."
        raise UsageError(msg)
    if not (isinstance(number, float) and 0 < number < 1):
        msg = f"inner_validation (={number!r}) must be a share of a fold's training patients, such as 0.1."
        raise UsageError(msg)
    check_numbers("seeds", study["seeds"])
    for block in TRAINED:
        _check_overlays(block, study[block]["overlays"])
    subset = study["subset"]
    for name, known in {"targets": MODALITIES, "sources": MODALITIES, "strategies": STRATEGIES}.items():
        subset[name] = _check_chosen(name, subset[name], known)
    if subset["folds"] == "all":
        subset["folds"] = list(range(study["folds"]))
    check_numbers("subset.folds", subset["folds"])
    if wrong := [fold for fold in subset["folds"] if fold >= study["folds"]]:
        msg = f"subset.folds (={subset['folds']}): there is no fold {wrong[0]}; of {study['folds']}, they are 0 to {study['folds'] - 1}."
        raise UsageError(msg)
    alone = [target for target in subset["targets"] if not set(subset["sources"]) - {target}]
    if alone and {"pairwise", "pairwise_from", "synthetic_trained"} & set(subset["strategies"]):
        msg = f"subset.sources (={subset['sources']}) has nothing that {alone[0]} could be made from. Add another sequence."
        raise UsageError(msg)


def check_numbers(name: str, values: Any) -> None:
    """Refuse what is not a list of different whole numbers from 0 on."""
    if (
        not isinstance(values, list)
        or not values
        or any(type(value) is not int or value < 0 for value in values)
        or len(set(values)) < len(values)
    ):
        msg = f"{name} (={values!r}) must be a list of different whole numbers, such as [0, 1, 2]."
        raise UsageError(msg)


def _check_chosen(name: str, values: Any, known: Sequence[str]) -> list[str]:
    """Return the chosen names in their usual order."""
    if values == "all":
        return list(known)
    if not isinstance(values, list) or not values:
        msg = f"subset.{name} (={values!r}) must be all, or a list of some of {', '.join(known)}."
        raise UsageError(msg)
    for value in values:
        check_name(value, known, f"subset.{name}: unknown")
    return [value for value in known if value in values]


def _check_overlays(block: str, overlays: Any) -> None:
    """Refuse an overlay that the bundle does not have."""
    if not isinstance(overlays, list):
        msg = f"{block}.overlays (={overlays!r}) must be a list, such as [small.yaml]."
        raise UsageError(msg)
    configs = scanfill.bundle_path(BUNDLES[block]) / "configs"
    for overlay in overlays:
        check_name(overlay, sorted(file.name for file in configs.glob("*.yaml")), f"{BUNDLES[block]} has no overlay")
