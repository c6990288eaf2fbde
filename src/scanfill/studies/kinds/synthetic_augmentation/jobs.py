"""The jobs of the trial: the networks to be trained, the steps that make new cases, and the predictions."""

from typing import Any

from scanfill.presets import presets
from scanfill.studies.bundle_facts import facts_of, networks_of
from scanfill.studies.commands import receipts, share_name, step_folder, trained_folder
from scanfill.studies.kinds.synthetic_augmentation.arms import (
    GENERATION,
    JUDGEMENT,
    MADE_LIST,
    REAL,
    SEGMENTATION,
    SUMMARY,
    Arm,
    Combination,
    Study,
    arms_of,
    combinations,
    levels,
)

Plans = dict[str, dict[str, Any]]

CALLED = {"inpainting": "inpainter"}
"""Task of a bundle -> what its network is called in folders and tables; all others are a ``generator``."""


def generator_name(study: Study, arm: Arm, share: float) -> str:
    """Return the name of the network that makes the new cases of an arm.

    A straw man needs it too: its bundle states how cases are prepared, such as the voxel size.
    """
    plain = CALLED.get(facts_of(study["bundles"][GENERATION])["scanfill"]["task"], "generator")
    return "_".join([plain, *([arm.name] if arm.generation else []), *_of_share(share)])


def step_name(arm: Arm, share: float) -> str:
    """Return the name of the step that makes the new cases of an arm; arms with the same cases share it."""
    own = f"painted_for_{arm.name}" if arm.generation or arm.painting else f"painted_by_{arm.filled_by}"
    return "_".join([own, *_of_share(share)])


def _of_share(share: float) -> list[str]:
    return [] if share == 1 else [share_name(share)]


def judgement_name(generator: str) -> str:
    """Return the name of the step that judges a network that makes new cases."""
    return f"judged_{generator}"


def painting_arms(study: Study) -> list[Arm]:
    """List the arms of a study that need new cases."""
    return [arm for arm in arms_of(study) if arm.filled_by]


def find_models(study: Study) -> Plans:
    """Return what must be trained: name -> model, see :py:class:`scanfill.studies.kind.Kind`.

    There is one segmenter per combination, with its name, and those that differ in their arm alone have the same
    overlays and options; and one network that makes new cases for each share of the patients, and for each arm with own
    options of its training.
    """
    arms = {arm.name: arm for arm in arms_of(study)}
    models: Plans = {}
    for name, one in combinations(study).items():
        arm = arms[one.arm]
        if arm.filled_by:
            models.setdefault(generator_name(study, arm, one.patients), _generator(study, arm, one.patients))
        models[name] = _segmenter(study, one, arm)
    return models


def _segmenter(study: Study, one: Combination, arm: Arm) -> dict[str, Any]:
    """Return a segmenter; further configs come after the preset that all arms have."""
    model = _model(study, SEGMENTATION, one.patients)
    network = networks_of(model["bundle"])[one.network]
    more = [] if arm.name == REAL else ["mix_lesions.yaml" if arm.mixing else "synthetic_cases.yaml"]
    share = {"real_share": arm.real_share} if more else {}
    step = step_folder(step_name(arm, one.patients), "{fold}", "{seed}")
    return model | {
        "overlays": [*network, *model["overlays"]],
        "more": [presets()[one.augmentation].config, *(f"configs/studies/{file}" for file in more)],
        "options": model["options"] | share,
        "cost": one.network,
        **({"made_list": f"{step}/{MADE_LIST}"} if arm.filled_by else {}),
    }


def _generator(study: Study, arm: Arm, share: float) -> dict[str, Any]:
    model = _model(study, GENERATION, share)
    own = {name: value for name, value in arm.generation.items() if name != "overlays"}
    return model | {
        "overlays": [*model["overlays"], *arm.generation.get("overlays", [])],
        "options": model["options"] | own,
        "cost": GENERATION,
    }


def _model(study: Study, block: str, share: float) -> dict[str, Any]:
    return {
        "block": block,
        "bundle": study["bundles"][block],
        "overlays": list(study[block]["overlays"]),
        "options": {name: value for name, value in study[block].items() if name != "overlays"},
        "cases": "outer",
        **({"patients": share} if share != 1 else {}),
    }


def find_steps(study: Study) -> Plans:
    """Return the jobs that make new cases and judge what makes them: name -> step, see the kind of study.

    They are described at :py:class:`scanfill.studies.kind.Kind`.
    """
    needing = [(arm, share) for share in levels(study["patients"]) for arm in painting_arms(study)]
    steps = {step_name(arm, share): _step(study, arm, share) for arm, share in needing}
    if study["judged"]:
        generators = {generator_name(study, arm, share): share for arm, share in needing}
        steps |= {judgement_name(name): _judging(study, name, share) for name, share in generators.items()}
    return steps


def _judging(study: Study, generator: str, share: float) -> dict[str, Any]:
    evaluated = "folds/{fold}.json"
    return {
        "config": "judge_generator.yaml",
        "needs": [*receipts([generator], "{fold}", "{seed}"), evaluated],
        "options": {
            "bundle": trained_folder(generator, "{fold}", "{seed}"),
            "evaluated": evaluated,
            "seed": "{seed}",
            "judging": study["judging"],
        },
        "results": [JUDGEMENT],
        "cases": True,
        "shown": True,
        **({"patients": share} if share != 1 else {}),
    }


def _step(study: Study, arm: Arm, share: float) -> dict[str, Any]:
    generator, evaluated = generator_name(study, arm, share), "folds/{fold}.json"
    return {
        "config": "paint_lesions.yaml",
        "needs": [*receipts([generator], "{fold}", "{seed}"), evaluated],
        "options": {
            "bundle": trained_folder(generator, "{fold}", "{seed}"),
            "evaluated": evaluated,
            "filled_by": arm.filled_by,
            "seed": "{seed}",
            "painting": study["painting"] | dict(arm.painting),
        },
        "results": [MADE_LIST, SUMMARY],
        "cases": True,
        **({"patients": share} if share != 1 else {}),
    }


def find_predictions(study: Study) -> Plans:
    """Return what is predicted: cases as they are, by the segmenter of each combination."""
    arms = {arm.name: arm for arm in arms_of(study)}
    return {name: _prediction(study, name, one, arms[one.arm]) for name, one in combinations(study).items()}


def _prediction(study: Study, name: str, one: Combination, arm: Arm) -> dict[str, Any]:
    """Return the prediction of a combination, which costs its own training and that of the network it needs."""
    models = [name, *([generator_name(study, arm, one.patients)] if arm.filled_by else [])]
    task = {"strategy": name, "task": "", "folder": "cases", "model": name, "models": models}
    return {"models": models, "needs": [], "tasks": [task]}
