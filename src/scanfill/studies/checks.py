"""Check the values of a study's options."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import scanfill
from scanfill.errors import UnknownOptionError, UsageError

from .bundle_facts import options_of
from .kind import Kind

Study = dict[str, Any]

CHOICES = {"checkpoint": ("last", "best"), "smoke": (True, False)}
SET_BY_STUDY = {"dataset_dir", "datalist", "labels", "seed", "resume", "ckpt_dir", "output_dir", "validation"}
SET_BY_STUDY |= {"patient_regex", "device", "cases"}
"""Options of a bundle that every study sets itself for each training."""

LEAST = {"folds": 2, "threads": 1, "mem_mb": 1, "split_seed": 0}
"""Integer options of every study, and their minimum."""


def check_study(study: Study, kind: Kind) -> None:
    """Check the values of a study's options; ``all`` is replaced by the names or numbers that it stands for.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value and what is allowed.
    """
    check_choices(study, CHOICES)
    check_least(study, LEAST)
    if not isinstance(study["device"], str):
        msg = f"device (={study['device']!r}) must be a name such as auto, cpu or cuda:0."
        raise UsageError(msg)
    _check_shares(study)
    _check_other_data(study)
    _check_numbers("seeds", study["seeds"])
    _check_folds(study)
    _check_margins(study)
    for block, bundle in kind.find_bundles(study).items():
        _check_overlays(block, study[block]["overlays"], bundle)
    kind.check(study)


def check_choices(study: Study, choices: Mapping[str, Sequence[Any]]) -> None:
    """Check that options have one of their allowed values."""
    for name, allowed in choices.items():
        if study[name] not in allowed or isinstance(study[name], bool) != isinstance(allowed[0], bool):
            msg = f"{name} (={study[name]!r}) must be one of {', '.join(map(str, allowed))}."
            raise UsageError(msg)


def check_least(study: Study, limits: Mapping[str, int]) -> None:
    """Check that options are integers, and not below their minimum."""
    for name, least in limits.items():
        if type(study[name]) is not int or study[name] < least:
            msg = f"{name} (={study[name]!r}) must be an integer, {least} or more."
            raise UsageError(msg)


def check_name(name: Any, known: Iterable[str], what: str) -> None:
    """Check that a name is known; otherwise, suggest a similar one.

    Args:
        name: The name.
        known: The known names.
        what: Start of the message; if it ends in a dot, the name follows without a space.

    Raises:
        UnknownOptionError: The name is not known.
    """
    names = [str(other) for other in known]
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "choose from:"
        msg = f"{what}{'' if what.endswith('.') else ' '}{name!r}; {hint} ({', '.join(names)})"
        raise UnknownOptionError(msg)


def _check_shares(study: Study) -> None:
    held_out, inner = study["held_out"], study["inner_validation"]
    number = isinstance(held_out, int | float) and not isinstance(held_out, bool)
    if not number or not (0 <= held_out < 1 or held_out == int(held_out) > 0):
        msg = (
            f"held_out (={held_out!r}) must be a fraction of the patients below 1, such as 0.2, or their number; 0 "
            f"holds out none."
        )
        raise UsageError(msg)
    if not isinstance(inner, float) or not 0 < inner < 1:
        msg = f"inner_validation (={inner!r}) must be a fraction of a fold's training patients, such as 0.1."
        raise UsageError(msg)


def _check_other_data(study: Study) -> None:
    """Check that a study has one test at most: held-out patients, or another data set."""
    other = study.get("other_dataset_dir")
    if other is not None and not isinstance(other, str):
        msg = f"other_dataset_dir (={other!r}) must be a folder, whose cases are the test, or null for none."
        raise UsageError(msg)
    if (other or study.get("other_phantoms")) and study["held_out"]:
        msg = f"held_out (={study['held_out']!r}) must be 0 if the test is another data set (other_dataset_dir)."
        raise UsageError(msg)


def _check_numbers(name: str, values: Any) -> None:
    """Check that a value is a list of distinct integers, 0 or more."""
    numbers = isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
    if not numbers or not values or len(set(values)) < len(values):
        msg = f"{name} (={values!r}) must be a list of distinct integers, such as [0, 1, 2]."
        raise UsageError(msg)


def _check_folds(study: Study) -> None:
    """Check the folds to run."""
    subset, folds = study["subset"], list(range(study["folds"]))
    subset["folds"] = folds if subset["folds"] == "all" else subset["folds"]
    _check_numbers("subset.folds", subset["folds"])
    if wrong := [fold for fold in subset["folds"] if fold not in folds]:
        msg = f"subset.folds (={subset['folds']}): there is no fold {wrong[0]}, only {', '.join(map(str, folds))}."
        raise UsageError(msg)


def _check_margins(study: Study) -> None:
    """Check the scored regions that are compared, and the margins of some of them."""
    regions, margins = study["regions"], study["margins"]
    if not isinstance(regions, list) or not regions or len(set(map(str, regions))) < len(regions):
        msg = f"regions (={regions!r}) must be a list of different scored regions of the labels."
        raise UsageError(msg)
    for region, margin in margins.items():
        check_name(region, regions, "margins: not one of regions:")
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < 1:
            msg = f"margins.{region} (={margin!r}) must be a difference of Dice above 0 and below 1, such as 0.02."
            raise UsageError(msg)


def chosen(option: str, values: Any, known: Sequence[str]) -> list[str]:
    """Return the chosen names in their usual order; ``all`` stands for each.

    Args:
        option: Name of the option, for the message.
        values: Its value.
        known: Allowed names.

    Raises:
        UsageError: The value is neither ``all`` nor a list of such names.
    """
    if values == "all":
        return list(known)
    if not isinstance(values, list) or not values:
        msg = f"{option} (={values!r}) must be all, or a list of some of {', '.join(known)}."
        raise UsageError(msg)
    for value in values:
        check_name(value, known, f"{option}: unknown")
    return [value for value in known if value in values]


def _check_overlays(block: str, overlays: Any, bundle: str) -> None:
    """Check that the bundle has the overlays."""
    if not isinstance(overlays, list):
        msg = f"{block}.overlays (={overlays!r}) must be a list, such as [small.yaml]."
        raise UsageError(msg)
    configs = scanfill.bundle_path(bundle) / "configs"
    for overlay in overlays:
        check_name(overlay, sorted(file.name for file in configs.glob("*.yaml")), f"{bundle} has no overlay")


def check_bundle_option(option: str, bundle: str, set_by_kind: Collection[str], where: str) -> None:
    """Reject an option, ``BLOCK.NAME``, that the bundle's training does not have, or that the study sets itself."""
    name = option.partition(".")[2]
    if name == "overlays":
        return
    if name in SET_BY_STUDY | set(set_by_kind):
        msg = f"{where}: {option} is set by the study for each training; remove it."
        raise UsageError(msg)
    check_name(name, options_of(bundle), f"{where}: {bundle} has no option")
