"""The arms of the trial, crossed with augmentations, networks and numbers of patients: what is compared, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from scanfill.studies.commands import share_name

Study = dict[str, Any]

SEGMENTATION, GENERATION = "segmentation", "generation"
"""Blocks of a study file with the overlays and options of a bundle; the option ``bundles`` states that bundle."""

REAL = "real"
"""The arm that sees only the real training cases, as they are: the reference of all others."""

EMPTY = "empty"
"""Name of the row for a prediction without any label."""

NETWORK = "network"
"""What fills the cases of an arm whose images are generated; anything else is a straw man of the bundle."""

JUDGEMENT = "judgement.json"
"""Result of the evaluation of a generator: the figures of each row under ``rows``."""

MADE_LIST, SUMMARY = "list.json", "painted.json"
"""Results of a step: the real and the new cases of a fold, and what could not be made."""


@dataclass(frozen=True)
class Arm:
    """What a segmenter is trained on.

    Attributes:
        name: Name in tables and folders.
        filled_by: What fills the new cases that it also sees: ``network``, or a straw man of the generating bundle.
        mixing: Whether lesions of other training patients are pasted while it is trained.
        real_share: Share of the training patches from real cases, or without a pasted lesion.
        generation: Its own options of the generator's training, besides those of all arms.
        painting: Its own options of the generator's inference.
    """

    name: str
    filled_by: str = ""
    mixing: bool = False
    real_share: float = 1.0
    generation: Mapping[str, Any] = field(default_factory=dict)
    painting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Combination:
    """A strategy of the trial: what one segmenter is trained on, and how.

    Attributes:
        arm: Name of the arm.
        augmentation: Name of the preset.
        network: Name of the segmenter.
        patients: Share of each fold's training patients.
    """

    arm: str
    augmentation: str
    network: str
    patients: float = 1.0

    @property
    def reference(self) -> "Combination":
        """The same with real cases alone."""
        return replace(self, arm=REAL)


def arms_of(study: Study) -> list[Arm]:
    """List the arms of a study, the reference first."""
    stated = {name: study["arms"][name] or {} for name in study["subset"]["arms"]}
    return [Arm(REAL), *(Arm(name, **{"real_share": study["real_share"]} | own) for name, own in stated.items())]


def levels(value: Any) -> list[Any]:
    """Return the levels of a factor: a single one may be stated without a list."""
    return list(value) if isinstance(value, list) else [value]


def combinations(study: Study) -> dict[str, Combination]:
    """Cross the arms with augmentations, networks and shares of the patients.

    Returns:
        Name of a strategy -> its combination; in each group of the same augmentation, network and patients, the
        reference comes first. A name states the arm, and what varies: ``synthetic-geometric-small-p50``.
    """
    arms = [arm.name for arm in arms_of(study)]
    factors = [levels(study[name]) for name in ("augmentation", "segmenter", "patients")]
    found = [Combination(arm, *rest) for *rest, arm in product(*factors, arms)]
    return {_name(one, [len(values) > 1 for values in factors]): one for one in found}


def references(study: Study) -> dict[str, str]:
    """Return the strategies that are compared with a reference: name -> name of the same with real cases alone."""
    names = {one: name for name, one in combinations(study).items()}
    return {name: names[one.reference] for one, name in names.items() if one.arm != REAL}


def _name(one: Combination, varies: list[bool]) -> str:
    parts = [one.augmentation, one.network, share_name(one.patients)]
    return "-".join([one.arm, *(part for part, own in zip(parts, varies, strict=True) if own)])


def primary_of(study: Study) -> tuple[str, str, str] | None:
    """Return the contrast that a study states before its results.

    Returns:
        Strategy, its reference and the region of which the Dice is compared; None if they are not part of the study.
    """
    stated, found = study["primary"], combinations(study)
    factors = {name: stated[name] or levels(study[name])[0] for name in ("augmentation", "segmenter")}
    wanted = Combination(
        stated["arm"], factors["augmentation"], factors["segmenter"], max(map(float, levels(study["patients"])))
    )
    names = {one: name for name, one in found.items()}
    return (names[wanted], names[wanted.reference], stated["region"]) if wanted in names else None
