"""The strategies that a study compares, the missing sets they apply to, and the networks they need."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.studies.bundle_facts import networks_of
from scanfill.studies.commands import receipts, step_folder, trained_folder

STRATEGIES = ("dedicated", "zero", "pairwise", "pairwise_from", "completion", "dropout", "synthetic_trained")
"""Strategies that a study may choose from; ``complete_set``, the reference, is always included."""

REFERENCE = "complete_set"

BUNDLES = {
    "segmentation": "brain_tumor_segmentation",
    "synthesis": "mri_modality_synthesis",
    "completion": "mri_modality_completion",
}
"""Block of a study file -> the bundle of its overlays and options."""

IMAGE_SCORES = ("mse_brain", "mse_tumour", "ssim_tumour")
"""Quality of the synthetic images of a case, in its score row."""

CHOICES, INNER_IMAGES = "choices", "inner_images"
"""The two steps: the choice of sources, and the synthetic sequences of a fold's training patients."""

WITHOUT = "without "
"""How the name of a task begins in a table, before the missing sequences."""

Study = dict[str, Any]
Missing = tuple[str, ...]


def missing_sets(study: Study) -> list[Missing]:
    """List the sets of sequences that may be missing, small ones first; never all four."""
    targets = study["subset"]["targets"]
    numbers = range(1, min(study["most_missing"], len(targets), len(MODALITIES) - 1) + 1)
    return [names for number in numbers for names in combinations(targets, number)]


def pairs(study: Study) -> list[tuple[str, str]]:
    """List the source and target of every pairwise synthesizer."""
    chosen = study["subset"]
    return [(source, target) for target in chosen["targets"] for source in chosen["sources"] if source != target]


def segmenter_of(missing: Sequence[str] = ()) -> str:
    """Return the name of the segmenter whose inputs are the acquired sequences."""
    return "segmenter_" + "-".join(name for name in MODALITIES if name not in missing)


def synthesizer_of(source: str, target: str) -> str:
    """Return the name of the network that synthesizes one sequence from another."""
    return f"synthesis_{source}_to_{target}"


def find_models(study: Study) -> dict[str, dict[str, Any]]:
    """Return what must be trained for a study: name -> model, see :py:class:`scanfill.studies.kind.Kind`."""
    chosen = set(study["subset"]["strategies"])
    models = {segmenter_of(): _segmenter(study, MODALITIES)}
    if "dedicated" in chosen:
        for missing in missing_sets(study):
            if study["dedicated"] == "all" or len(missing) == 1:
                inputs = [name for name in MODALITIES if name not in missing]
                models[segmenter_of(missing)] = _segmenter(study, inputs)
    if _needs_synthesis(study):
        for source, target in pairs(study):
            options = {"sources": [source], "target": target}
            models[synthesizer_of(source, target)] = _model(study, "synthesis", options, "inner_share")
    if "completion" in chosen:
        models["completion"] = _model(study, "completion", {}, "outer")
    if "dropout" in chosen:
        models["dropout"] = _segmenter(study, MODALITIES, "modality_dropout.yaml")
    if "synthetic_trained" in chosen:
        for target in study["subset"]["targets"]:
            made = f"{step_folder(CHOICES, '{outer}', '{seed}')}/to_{target}.yaml"
            models[inner_synthesizer_of(target)] = _model(study, "synthesis", {}, "inner_folds") | {
                "made_configs": [made]
            }
        models["synthetic_trained"] = _segmenter(study, MODALITIES) | {
            "more": ["configs/studies/synthetic_channels.yaml"],
            "made_list": f"{step_folder(INNER_IMAGES, '{fold}', '{seed}')}/list.json",
        }
    return models


def inner_synthesizer_of(target: str) -> str:
    """Return the name of the network that synthesizes a sequence for the training patients outside its inner fold."""
    return f"inner_synthesis_to_{target}"


def _needs_synthesis(study: Study) -> bool:
    return bool({"pairwise", "pairwise_from", "synthetic_trained"} & set(study["subset"]["strategies"]))


def _segmenter(study: Study, inputs: Sequence[str], *more: str) -> dict[str, Any]:
    model = _model(study, "segmentation", {"modalities": list(inputs)}, "outer")
    network = networks_of(BUNDLES["segmentation"])[study["segmenter"]]
    return model | {"overlays": [*network, *model["overlays"], *more], "cost": study["segmenter"]}


def _model(study: Study, block: str, options: Mapping[str, Any], cases: str) -> dict[str, Any]:
    own = {name: value for name, value in study[block].items() if name != "overlays"}
    return {
        "block": block,
        "bundle": BUNDLES[block],
        "overlays": list(study[block]["overlays"]),
        "options": {**own, **options},
        "cost": block,
        "cases": cases,
    }


def find_steps(study: Study) -> dict[str, dict[str, Any]]:
    """Return the jobs between trainings: name -> step, see :py:class:`scanfill.studies.kind.Kind`."""
    steps: dict[str, dict[str, Any]] = {}
    targets = study["subset"]["targets"]
    if _needs_synthesis(study):
        trained = receipts([synthesizer_of(*pair) for pair in pairs(study)], "{fold}", "{seed}")
        steps[CHOICES] = {
            "config": "choose.yaml",
            "needs": trained,
            "options": {"receipts": trained},
            "results": ["sources.json", "errors.json", *(f"to_{target}.yaml" for target in targets)],
            "cases": False,
        }
    if "synthetic_trained" in study["subset"]["strategies"]:
        inner = [f"{{fold}}_inner_{number}" for number in range(study["inner_folds"])]
        lists = [f"folds/{name}.json" for name in inner]
        makers = [inner_synthesizer_of(target) for target in targets]
        models = [
            {target: trained_folder(inner_synthesizer_of(target), name, "{seed}") for target in targets}
            for name in inner
        ]
        steps[INNER_IMAGES] = {
            "config": "inner_images.yaml",
            "needs": [*lists, *(file for name in inner for file in receipts(makers, name, "{seed}"))],
            "options": {
                "inner_lists": lists,
                "models": models,
                "missing_sets": [list(names) for names in missing_sets(study)],
            },
            "results": ["list.json"],
            "cases": True,
        }
    return steps


def find_predictions(study: Study) -> dict[str, dict[str, Any]]:
    """Return what each strategy predicts: strategy -> prediction, see :py:class:`scanfill.studies.kind.Kind`.

    A task also has its ``missing`` set, and the ``source`` for ``pairwise_from``, else "".
    """
    sets, full = missing_sets(study), segmenter_of()
    makeable = [names for names in sets if set(study["subset"]["sources"]) - set(names)]
    dedicated = [names for names in sets if study["dedicated"] == "all" or len(names) == 1]
    inner = [inner_synthesizer_of(target) for target in study["subset"]["targets"]]
    synthesized = {names: [synthesizer_of(*pair) for pair in _pairs_for(study, names)] for names in ((), *sets)}
    predictions = {
        REFERENCE: _prediction([_task(REFERENCE, (), full)]),
        "dedicated": _prediction([_task("dedicated", names, segmenter_of(names)) for names in dedicated]),
        "zero": _prediction([_task("zero", names, full) for names in sets]),
        "pairwise": _synthesis(study, [_task("pairwise", names, full, synthesized[names]) for names in makeable]),
        "pairwise_from": _synthesis(
            study,
            [
                _task(f"pairwise_from_{source}", (target,), full, [synthesizer_of(source, target)], source)
                for source, target in pairs(study)
            ],
        ),
        "completion": _prediction(
            [_task("completion", names, full, ["completion"]) for names in sets], _removal(study, "completion")
        ),
        "dropout": _prediction([_task("dropout", names, "dropout") for names in ((), *sets)]),
        "synthetic_trained": _synthesis(
            study,
            [
                _task("synthetic_trained", names, "synthetic_trained", [*inner, *synthesized[names]])
                for names in ((), *makeable)
            ],
            inner,
        ),
    }
    return {name: predictions[name] for name in (REFERENCE, *study["subset"]["strategies"])}


def _pairs_for(study: Study, missing: Missing) -> list[tuple[str, str]]:
    """List the pairwise synthesizers that may be used if some sequences are missing."""
    return [(source, target) for source, target in pairs(study) if target in missing and source not in missing]


def _task(
    strategy: str, missing: Missing, segmenter: str, makers: Sequence[str] = (), source: str = ""
) -> dict[str, Any]:
    name = join(missing)
    return {
        "strategy": strategy,
        "task": f"{WITHOUT}{name}" if name else "",
        "folder": (name or "nothing") + (f"_from_{source}" if source else ""),
        "model": segmenter,
        "models": [segmenter, *makers],
        "missing": list(missing),
        "source": source,
    }


def _prediction(tasks: list[dict[str, Any]], prepare: dict[str, Any] | None = None) -> dict[str, Any]:
    models = list(dict.fromkeys(name for task in tasks for name in task["models"]))
    return {
        "models": models,
        "needs": [],
        "tasks": tasks,
        "prepare": prepare or _removal({"keep_images": 0}),
        "inference": {"report_unreliable": True},  # NC and CET are told apart without T1CE: that error is measured
    }


def _synthesis(study: Study, tasks: list[dict[str, Any]], not_opened: Sequence[str] = ()) -> dict[str, Any]:
    """Return a prediction by pairwise synthesis, which chooses among all synthesizers."""
    ranking = f"{step_folder(CHOICES, '{fold}', '{seed}')}/sources.json"
    prediction = _prediction(tasks, _removal(study, "synthesis") | {"choice": ranking})
    synthesizers = [synthesizer_of(*pair) for pair in pairs(study)]
    models = [name for name in dict.fromkeys([*prediction["models"], *synthesizers]) if name not in not_opened]
    return prediction | {"models": models, "needs": [ranking]}


def _removal(study: Mapping[str, Any], images: str | None = None) -> dict[str, Any]:
    """Return the config of what removes sequences from the cases of a task, and synthesizes them if it is to."""
    return {
        "_target_": "scanfill.studies.kinds.missing_modality.removal.Removal",
        "images": images,
        "models": "@models",
        "folder": "@output_dir",
        "keep_images": study["keep_images"],
        "device": "@device",
    }


def missing_of(task: str) -> str:
    """Return the missing sequences of a task, joined by ``+``; empty if none is missing."""
    return task.removeprefix(WITHOUT)


def acquired_of(missing: str) -> tuple[str, ...]:
    """List the sequences that are not missing."""
    return tuple(name for name in MODALITIES if name not in missing.split("+"))


def join(missing: Sequence[str]) -> str:
    """Return the name of a missing set: joined by ``+``, empty for nothing."""
    return "+".join(name for name in MODALITIES if name in missing)
