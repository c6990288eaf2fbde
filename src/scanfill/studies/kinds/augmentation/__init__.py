"""The augmentation trial: one segmenter, trained with each preset and without any, for the same number of steps.

The same networks can be scored in three ways: honestly; on validation images that are augmented while their labels stay
behind, a mistake that some pipelines make; and on another data set.
"""

from collections.abc import Sequence
from typing import Any

import yaml

import scanfill
from scanfill.errors import UsageError
from scanfill.presets import REFERENCE, presets
from scanfill.studies.bundle_facts import facts_of, networks_of
from scanfill.studies.checks import check_choices, check_least, check_name, chosen
from scanfill.studies.kind import Kind

Study = dict[str, Any]

EMPTY = "empty"
"""Name of the row for a prediction without any label."""

LEFT_BEHIND = "labels left behind"
"""Task of the cases whose images are augmented as in the arm's training, and whose labels are not."""

PREPARE = {"_target_": "scanfill.studies.kinds.augmentation.labels_left_behind.LabelsLeftBehind", "seed": "{seed}"}
"""Config of what augments the images of a task."""


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
    _check_validations(study)
    check_choices(study, {"with_bug": (True, False)})
    modality = image_modality(study["bundle"])
    known = presets()
    fitting = [name for name, preset in known.items() if modality in preset.made_for]
    subset = study["subset"]
    every = [name for name in fitting if not known[name].is_single]
    asked = every if subset["presets"] == "all" else subset["presets"]
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
    if study["with_bug"]:
        _check_after_normalization(subset["presets"])


def _check_validations(study: Study) -> None:
    """Check how often the validation curve has a point, of which the last epoch is one."""
    every = study["validate_every"]
    if every is None:
        return
    check_least(study, {"validate_every": 1})
    if study["epochs"] % every:
        msg = f"epochs (={study['epochs']}) must be a multiple of validate_every (={every}), to judge the last weights."
        raise UsageError(msg)


def _check_after_normalization(names: Sequence[str]) -> None:
    """Check that presets change images after normalization alone, as the validation images are to be changed."""
    known = presets()
    raw = [name for name in names if yaml.safe_load(known[name].path.read_text(encoding="utf-8"))["raw_augmentation"]]
    if raw:
        others = ", ".join(name for name in names if name not in raw) or "rotate"
        msg = (
            f"with_bug (=true): {raw[0]!r} changes images before their normalization, which is not possible in the "
            f'validation here. Set with_bug=false, or omit it: --set "subset.presets=[{others}]".'
        )
        raise UsageError(msg)


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
    every, known = study["validate_every"], presets()
    cases = {"cases": "outer"} if every is None else {"cases": "inner_share", "validate_every": every}
    return {
        preset: {
            "block": "segmentation",
            "bundle": study["bundle"],
            "overlays": overlays,
            "more": [known[preset].config],
            "options": {**own, **length},
            "cost": study["segmenter"],
            **cases,
        }
        for preset in trained_presets(study)
    }


def find_predictions(study: Study) -> dict[str, dict[str, Any]]:
    """Return what is predicted by the network of each preset: cases as they are, and with labels left behind."""
    bug = study.get("with_bug", False)
    return {
        preset: {
            "models": [preset],
            "needs": [],
            "tasks": [_task(preset, "", "cases"), *([_task(preset, LEFT_BEHIND, "augmented")] if bug else [])],
            **({"prepare": PREPARE} if bug else {}),
        }
        for preset in trained_presets(study)
    }


def _task(preset: str, task: str, folder: str) -> dict[str, Any]:
    """Return a task; only validation images are augmented, as in the pipelines that leave labels behind."""
    parts = {"parts": ["validation"]} if task else {}
    return {"strategy": preset, "task": task, "folder": folder, "model": preset, "models": [preset], **parts}


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
    find_options=lambda study: {"seconds_a_step": networks_of(study["bundle"])},
    describe=lambda study: f"segmenter {study['segmenter']}",
    replaced=frozenset({"other_phantoms"}),
    configs=("augmentation", "augmentation/single"),
    empty=EMPTY,
)
