"""The augmentation trial: one segmenter, trained with each preset and without any, for the same number of steps."""

from collections.abc import Sequence
from typing import Any

import scanfill
from scanfill.errors import UsageError
from scanfill.presets import REFERENCE, presets
from scanfill.studies.bundle_facts import facts_of, networks_of
from scanfill.studies.checks import check_choices, check_least, check_name, chosen
from scanfill.studies.kind import Kind

Study = dict[str, Any]

EMPTY = "empty"
"""Name of the row for a prediction without any lesion."""


def find_bundles(study: Study) -> dict[str, str]:
    """Return the bundle of the overlays and options under ``segmentation``."""
    possible = [name for name in scanfill.bundle_paths() if networks_of(name)]
    check_name(study["bundle"], possible, "bundle: a trial is not possible with")
    return {"segmentation": study["bundle"]}


def check_presets(study: Study) -> None:
    """Check the options of what is trained, and that the presets suit the bundle.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value, the reason and what to do.
    """
    check_choices(study, {"segmenter": tuple(networks_of(study["bundle"]))})
    check_least(study, {"steps": 1, "epochs": 1})
    if study["steps"] % study["epochs"]:
        msg = f"steps (={study['steps']}) must be a multiple of epochs (={study['epochs']})."
        raise UsageError(msg)
    modality = image_modality(study["bundle"])
    known = presets()
    fitting = [name for name, preset in known.items() if modality in preset.made_for]
    subset = study["subset"]
    asked = fitting if subset["presets"] == "all" else subset["presets"]
    if isinstance(asked, list):  # by name, or by file name; tables keep the order
        asked = list(dict.fromkeys(str(name).removesuffix(".yaml") for name in asked))
    chosen("subset.presets", asked, tuple(known))
    subset["presets"] = asked
    if wrong := [name for name in asked if name not in fitting]:
        msg = (
            f"subset.presets: {wrong[0]!r} does not suit {study['bundle']}, which uses {modality} images and label "
            f"maps. Presets that do: {', '.join(fitting)}."
        )
        raise UsageError(msg)
    if not set(subset["presets"]) - {REFERENCE}:
        msg = f"subset.presets (={subset['presets']}) has nothing to compare with {REFERENCE!r}; add some of {fitting}."
        raise UsageError(msg)
    check_extras(subset["presets"])


def check_extras(names: Sequence[str]) -> None:
    """Check that the packages of the presets are installed, before anything is trained.

    Raises:
        UsageError: A package is missing; the message says what to install, and which presets do not need it.
    """
    known = presets()
    if needing := [name for name in names if known[name].absent]:
        package = known[needing[0]].absent[0]
        others = ", ".join(name for name in names if name not in needing) or "mri"
        msg = (
            f"subset.presets: {needing[0]!r} needs {package}, which is not installed: python -m pip install "
            f"'scanfill[{known[needing[0]].needs[package]}]'; or omit it: --set \"subset.presets=[{others}]\"."
        )
        raise UsageError(msg)


def image_modality(bundle: str) -> str:
    """Return the image modality of a bundle's network: ``MR``, ``CT`` or ``DX``."""
    return str(facts_of(bundle)["network_data_format"]["inputs"]["image"]["modality"])


def find_models(study: Study) -> dict[str, dict[str, Any]]:
    """Return what must be trained: one network per preset, with its name, all with the same overlays and steps."""
    overlays = [*networks_of(study["bundle"])[study["segmenter"]], *study["segmentation"]["overlays"]]
    own = {name: value for name, value in study["segmentation"].items() if name != "overlays"}
    length = {"max_epochs": study["epochs"], "epoch_length": study["steps"] // study["epochs"]}
    return {
        preset: {
            "block": "segmentation",
            "bundle": study["bundle"],
            "overlays": overlays,
            "more": [f"configs/augmentation/{preset}.yaml"],
            "options": {**own, **length},
            "cost": study["segmenter"],
            "cases": "outer",
        }
        for preset in trained_presets(study)
    }


def find_predictions(study: Study) -> dict[str, dict[str, Any]]:
    """Return what is predicted: cases as they are, by the network of each preset."""
    return {
        preset: {
            "models": [preset],
            "needs": [],
            "tasks": [{"strategy": preset, "task": "", "folder": "cases", "model": preset, "models": [preset]}],
        }
        for preset in trained_presets(study)
    }


def trained_presets(study: Study) -> list[str]:
    """List the presets of a study, the reference first."""
    return [REFERENCE, *(name for name in study["subset"]["presets"] if name != REFERENCE)]


KIND = Kind(
    name="augmentation",
    smoke="smoke_augmentation.yaml",
    incomparable=("bundle", "segmenter", "steps", "epochs"),
    find_bundles=find_bundles,
    set_by_study=frozenset({"max_epochs", "epoch_length", "augmentation", "raw_augmentation", "modalities"}),
    check=check_presets,
    find_models=find_models,
    find_predictions=find_predictions,
    describe=lambda study: f"segmenter {study['segmenter']}",
    configs=("augmentation",),
    empty=EMPTY,
)
