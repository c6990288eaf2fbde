"""The strategies that a study compares, the missing sets they apply to, and the networks they need."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from scanfill.domains.brain_mri.modalities import MODALITIES

STRATEGIES = ("dedicated", "zero", "pairwise", "pairwise_from", "completion", "dropout", "synthetic_trained")
"""Strategies that a study may choose from; ``complete_set``, the reference, is always included."""

REFERENCE = "complete_set"

BUNDLES = {
    "segmentation": "brain_tumor_segmentation",
    "synthesis": "mri_modality_synthesis",
    "completion": "mri_modality_completion",
}
"""Block of a study file -> the bundle of its overlays and options."""

SEGMENTERS: Mapping[str, tuple[str, ...]] = {
    "deepmedic": (),
    "unet": ("unet.yaml", "modern.yaml"),
    "segresnet": ("segresnet.yaml", "modern.yaml"),
}
"""Option ``segmenter`` -> the bundle's overlays."""

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
    """Return what must be trained for a study.

    Returns:
        Name -> ``bundle``, ``overlays``, ``options``, ``block`` of the study file, and ``cases``: the case list of a
        fold it is trained on (``outer``: all of the fold's training patients, or with checkpoint ``best`` all except
        the inner validation; ``inner_share``: all except the inner validation; ``inner_folds``: one network for each
        inner fold; ``synthetic``: like ``outer``, with synthetic sequences too).
    """
    chosen = set(study["subset"]["strategies"])
    models = {segmenter_of(): _segmenter(study, MODALITIES)}
    if "dedicated" in chosen:
        for missing in missing_sets(study):
            if study["dedicated"] == "all" or len(missing) == 1:
                inputs = [name for name in MODALITIES if name not in missing]
                models[segmenter_of(missing)] = _segmenter(study, inputs)
    if chosen & {"pairwise", "pairwise_from", "synthetic_trained"}:
        for source, target in pairs(study):
            options = {"sources": [source], "target": target}
            models[synthesizer_of(source, target)] = _model(study, "synthesis", options, "inner_share")
    if "completion" in chosen:
        models["completion"] = _model(study, "completion", {}, "outer")
    if "dropout" in chosen:
        models["dropout"] = _segmenter(study, MODALITIES, "modality_dropout.yaml")
    if "synthetic_trained" in chosen:
        for target in study["subset"]["targets"]:
            models[f"inner_synthesis_to_{target}"] = _model(study, "synthesis", {}, "inner_folds")
        models["synthetic_trained"] = _segmenter(study, MODALITIES) | {"cases": "synthetic"}
    return models


def _segmenter(study: Study, inputs: Sequence[str], *more: str) -> dict[str, Any]:
    model = _model(study, "segmentation", {"modalities": list(inputs)}, "outer")
    return model | {"overlays": [*SEGMENTERS[study["segmenter"]], *model["overlays"], *more]}


def _model(study: Study, block: str, options: Mapping[str, Any], cases: str) -> dict[str, Any]:
    own = {name: value for name, value in study[block].items() if name != "overlays"}
    return {
        "block": block,
        "bundle": BUNDLES[block],
        "overlays": list(study[block]["overlays"]),
        "options": {**own, **options},
        "cases": cases,
    }


def find_predictions(study: Study) -> dict[str, dict[str, Any]]:
    """Return what each strategy predicts, and with which networks.

    Returns:
        Strategy -> ``models`` that it needs, ``images`` (None, ``synthesis`` or ``completion``: how missing sequences
        are made), and ``tasks``: a ``missing`` set, the ``segmenter`` for it, the ``source`` for ``pairwise_from``.
    """
    sets, full = missing_sets(study), segmenter_of()
    synthesizers = [synthesizer_of(*pair) for pair in pairs(study)]
    makeable = [names for names in sets if set(study["subset"]["sources"]) - set(names)]
    dedicated = [names for names in sets if study["dedicated"] == "all" or len(names) == 1]
    reference = [_task((), full)]
    predictions = {
        REFERENCE: _prediction(reference, None),
        "dedicated": _prediction([_task(names, segmenter_of(names)) for names in dedicated], None),
        "zero": _prediction([_task(names, full) for names in sets], None),
        "pairwise": _prediction([_task(names, full) for names in makeable], "synthesis", synthesizers),
        "pairwise_from": _prediction(
            [_task((target,), full, source) for source, target in pairs(study)], "synthesis", synthesizers
        ),
        "completion": _prediction([_task(names, full) for names in sets], "completion", ["completion"]),
        "dropout": _prediction([_task(names, "dropout") for names in ((), *sets)], None),
        "synthetic_trained": _prediction(
            [_task(names, "synthetic_trained") for names in ((), *makeable)], "synthesis", synthesizers
        ),
    }
    return {name: predictions[name] for name in (REFERENCE, *study["subset"]["strategies"])}


def _task(missing: Missing, segmenter: str, source: str = "") -> dict[str, Any]:
    return {"missing": list(missing), "segmenter": segmenter, "source": source}


def _prediction(tasks: list[dict[str, Any]], images: str | None, makers: Sequence[str] = ()) -> dict[str, Any]:
    models = list(dict.fromkeys([*(task["segmenter"] for task in tasks), *makers]))
    return {"models": models, "images": images, "tasks": tasks}


def join(missing: Sequence[str]) -> str:
    """Return the name of a missing set in a table: joined by ``+``, empty for nothing."""
    return "+".join(name for name in MODALITIES if name in missing)


def folder_of(task: Mapping[str, Any]) -> str:
    """Return the folder of a task's label maps: the missing set, ``nothing`` for none, and the source if given."""
    name = join(task["missing"]) or "nothing"
    return f"{name}_from_{task['source']}" if task["source"] else name


def strategy_of(strategy: str, task: Mapping[str, Any]) -> str:
    """Return the name of a task's strategy in a table: ``pairwise_from`` includes the source."""
    return f"{strategy}_{task['source']}" if task["source"] else strategy
