"""The arms of the trial: the networks they need, and the steps that paint lesions."""

from collections.abc import Sequence
from typing import Any

from scanfill.studies.bundle_facts import networks_of
from scanfill.studies.commands import receipts, step_folder, trained_folder

Study = dict[str, Any]

REFERENCE = "real"
"""The arm that sees only the real training cases, as they are."""

INPAINTED, MIXED, BLOB = "inpainted", "lesion_mixing", "blob"
ARMS = (INPAINTED, MIXED, BLOB)
"""Arms that a study may choose from; the reference is always included."""

PRIMARY = (INPAINTED, "WT")
"""Arm and region of the primary contrast: its Dice minus that of the reference."""

SEGMENTER, INPAINTER = "brain_tumor_segmentation", "lesion_inpainting"

BUNDLES = {"segmentation": SEGMENTER, "inpainting": INPAINTER}
"""Block of a study file -> the bundle of its overlays and options."""

FILLERS = {INPAINTED: "network", BLOB: "blob"}
"""Arm with painted lesions -> what fills them; everything else about the lesions is the same."""

PAINTER = "inpainter"
"""Name of the network that paints lesions. The blob needs it too: its bundle states the voxel size."""

EMPTY = "empty"
"""Name of the row for a prediction without any lesion."""

PAINTED_LIST, SUMMARY = "list.json", "painted.json"
"""Results of a step: the real and the painted cases of a fold, and what could not be painted."""


def chosen_arms(study: Study) -> list[str]:
    """List the arms of a study, the reference first."""
    return [REFERENCE, *study["subset"]["arms"]]


def painted_arms(study: Study) -> list[str]:
    """List the arms of a study that need painted lesions."""
    return [arm for arm in study["subset"]["arms"] if arm in FILLERS]


def step_of(arm: str) -> str:
    """Return the name of the step that paints the lesions of an arm."""
    return f"painted_by_{FILLERS[arm]}"


def find_models(study: Study) -> dict[str, dict[str, Any]]:
    """Return what must be trained: name -> model, see :py:class:`scanfill.studies.kind.Kind`.

    There is one segmenter per arm, with its name, all with the same overlays and options, and one network that paints.
    """
    models = {REFERENCE: _segmenter(study)}
    if painted_arms(study):
        models[PAINTER] = _model(study, "inpainting") | {"cost": "inpainting"}
    for arm in study["subset"]["arms"]:
        if arm in FILLERS:
            models[arm] = _segmenter(study, "synthetic_cases.yaml") | {
                "made_list": f"{step_folder(step_of(arm), '{fold}', '{seed}')}/{PAINTED_LIST}"
            }
        else:
            models[arm] = _segmenter(study, "mix_lesions.yaml")
    return models


def _segmenter(study: Study, *more: str) -> dict[str, Any]:
    """Return a segmenter; further configs come after the preset that all arms have."""
    model = _model(study, "segmentation")
    network = networks_of(SEGMENTER)[study["segmenter"]]
    share = {"real_share": study["real_share"]} if more else {}
    return model | {
        "overlays": [*network, *model["overlays"]],
        "more": [f"configs/augmentation/{study['augmentation']}.yaml", *(f"configs/studies/{name}" for name in more)],
        "options": model["options"] | share,
        "cost": study["segmenter"],
    }


def _model(study: Study, block: str) -> dict[str, Any]:
    return {
        "block": block,
        "bundle": BUNDLES[block],
        "overlays": list(study[block]["overlays"]),
        "options": {name: value for name, value in study[block].items() if name != "overlays"},
        "cases": "outer",
    }


def find_steps(study: Study) -> dict[str, dict[str, Any]]:
    """Return the jobs that paint lesions: name -> step, see :py:class:`scanfill.studies.kind.Kind`."""
    return {
        step_of(arm): {
            "config": "paint_lesions.yaml",
            "needs": receipts([PAINTER], "{fold}", "{seed}"),
            "options": {
                "bundle": trained_folder(PAINTER, "{fold}", "{seed}"),
                "filled_by": FILLERS[arm],
                "seed": "{seed}",
                "painting": study["painting"],
            },
            "results": [PAINTED_LIST, SUMMARY],
            "cases": True,
        }
        for arm in painted_arms(study)
    }


def find_predictions(study: Study) -> dict[str, dict[str, Any]]:
    """Return what is predicted: cases as they are, by the segmenter of each arm."""
    return {arm: _prediction(arm, [arm, PAINTER] if arm in FILLERS else [arm]) for arm in chosen_arms(study)}


def _prediction(arm: str, models: Sequence[str]) -> dict[str, Any]:
    """Return the prediction of an arm, which costs the trainings of all ``models``."""
    task = {"strategy": arm, "task": "", "folder": "cases", "model": arm, "models": list(models)}
    return {"models": list(models), "needs": [], "tasks": [task]}
