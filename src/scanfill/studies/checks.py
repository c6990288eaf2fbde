"""What the values of a study's options may be."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import scanfill
from scanfill.errors import UnknownOptionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .kind import Kind

Study = dict[str, Any]

CHOICES = {"checkpoint": ("last", "best"), "smoke": (True, False)}
LEAST = {"folds": 2, "threads": 1, "mem_mb": 1, "split_seed": 0}
"""Whole numbers that every study has, and the smallest that makes sense."""


def check_study(study: Study, kind: Kind) -> None:
    """Check the values of a study's options; ``all`` becomes the names or numbers that it stands for.

    Raises:
        UsageError: Naming option, value and what is allowed.
    """
    check_choices(study, CHOICES)
    check_least(study, LEAST)
    if not isinstance(study["device"], str):
        msg = f"device (={study['device']!r}) must be a name such as auto, cpu or cuda:0."
        raise UsageError(msg)
    _check_shares(study)
    _check_numbers("seeds", study["seeds"])
    _check_folds(study)
    for block, bundle in kind.find_bundles(study).items():
        _check_overlays(block, study[block]["overlays"], bundle)
    kind.check(study)


def check_choices(study: Study, choices: Mapping[str, Sequence[Any]]) -> None:
    """Refuse an option whose value is none of a few, all of one type."""
    for name, allowed in choices.items():
        if study[name] not in allowed or isinstance(study[name], bool) != isinstance(allowed[0], bool):
            msg = f"{name} (={study[name]!r}) must be one of {', '.join(map(str, allowed))}."
            raise UsageError(msg)


def check_least(study: Study, limits: Mapping[str, int]) -> None:
    """Refuse an option that is no whole number, or below the smallest that makes sense."""
    for name, least in limits.items():
        if type(study[name]) is not int or study[name] < least:
            msg = f"{name} (={study[name]!r}) must be a whole number, {least} or more."
            raise UsageError(msg)


def check_name(name: Any, known: Iterable[str], what: str) -> None:
    """Refuse a name that is not known, and say which one may be meant.

    Args:
        name: It.
        known: Those that are known.
        what: Begins the message; one that ends in a dot is followed by the name at once.

    Raises:
        UnknownOptionError: It is not known.
    """
    names = [str(other) for other in known]
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "there are:"
        msg = f"{what}{'' if what.endswith('.') else ' '}{name!r}; {hint} ({', '.join(names)})"
        raise UnknownOptionError(msg)


def _check_shares(study: Study) -> None:
    held_out, inner = study["held_out"], study["inner_validation"]
    number = isinstance(held_out, int | float) and not isinstance(held_out, bool)
    if not number or not (0 <= held_out < 1 or held_out == int(held_out) > 0):
        msg = (
            f"held_out (={held_out!r}) must be a share of the patients below 1, such as 0.2, or their number; 0 holds "
            f"nobody out."
        )
        raise UsageError(msg)
    if not isinstance(inner, float) or not 0 < inner < 1:
        msg = f"inner_validation (={inner!r}) must be a share of a fold's training patients, such as 0.1."
        raise UsageError(msg)


def _check_numbers(name: str, values: Any) -> None:
    """Refuse what is not a list of different whole numbers from 0 on."""
    numbers = isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
    if not numbers or not values or len(set(values)) < len(values):
        msg = f"{name} (={values!r}) must be a list of different whole numbers, such as [0, 1, 2]."
        raise UsageError(msg)


def _check_folds(study: Study) -> None:
    """Check which folds are run."""
    subset, folds = study["subset"], list(range(study["folds"]))
    subset["folds"] = folds if subset["folds"] == "all" else subset["folds"]
    _check_numbers("subset.folds", subset["folds"])
    if wrong := [fold for fold in subset["folds"] if fold not in folds]:
        msg = f"subset.folds (={subset['folds']}): there is no fold {wrong[0]}, only {', '.join(map(str, folds))}."
        raise UsageError(msg)


def chosen(option: str, values: Any, known: Sequence[str]) -> list[str]:
    """Return the chosen names in their usual order; ``all`` stands for each.

    Args:
        option: Which option it is, for the message.
        values: Its value.
        known: Names that it may have.

    Raises:
        UsageError: It is neither ``all`` nor a list of such names.
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
    """Refuse an overlay that the bundle does not have."""
    if not isinstance(overlays, list):
        msg = f"{block}.overlays (={overlays!r}) must be a list, such as [small.yaml]."
        raise UsageError(msg)
    configs = scanfill.bundle_path(bundle) / "configs"
    for overlay in overlays:
        check_name(overlay, sorted(file.name for file in configs.glob("*.yaml")), f"{bundle} has no overlay")
