"""Build the command line of each job of a study: its configs and its options.

All paths are relative to the study's output folder, where the jobs run, so that a study stays finished if it or its
Python environment is moved. Only the standard library is needed: the scheduler imports this module for every job.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

Plan = dict[str, Any]
"""Content of ``study.json``: ``study`` (all options), ``models``, ``steps``, ``predictions``, and further information.

See :py:class:`scanfill.studies.kind.Kind` for their entries.
"""

JOBS = "configs/studies"


def cli_args(options: Mapping[str, Any]) -> str:
    """Format options for MONAI's command line, quoted for a shell.

    The scheduler reads JSON into its own dictionary type, whose text could not be read back as a dictionary.
    """
    plain = json.loads(json.dumps(options))
    return shlex.join([word for name, value in plain.items() for word in (f"--{name}", str(value))])


def recorded_options(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a training in ``study.json`` or a receipt; scanfill 0.1 called them ``knobs``."""
    return dict(record["options"] if "options" in record else record["knobs"])


def filled(planned: Any, fold: str, seed: int | str) -> Any:
    """Replace ``{fold}``, ``{outer}`` and ``{seed}`` in every text of something planned.

    Args:
        planned: Text, list or mapping; keys are not changed.
        fold: ``fold_0``, or ``fold_0_inner_1``, whose outer fold is ``fold_0``.
        seed: The seed.
    """
    if isinstance(planned, str):
        outer = fold.partition("_inner")[0]
        return planned.replace("{fold}", fold).replace("{outer}", outer).replace("{seed}", str(seed))
    if isinstance(planned, Mapping):
        return {key: filled(value, fold, seed) for key, value in planned.items()}
    return [filled(value, fold, seed) for value in planned] if isinstance(planned, Sequence) else planned


def config_files(model: Mapping[str, Any]) -> list[str]:
    """List the configs of a training that exist from the start, in the order in which they are merged."""
    names = ["train.yaml", *model["overlays"]]
    files = [f"bundles/{model['bundle']}/configs/{name}" for name in names]
    return [*files, *model.get("more", []), f"{JOBS}/training.yaml"]


def made_configs(model: Mapping[str, Any], fold: str, seed: int | str) -> list[str]:
    """List the configs of a training that a step writes; they are merged last."""
    return list(filled(model.get("made_configs", []), fold, seed))


def case_list(plan: Plan, model: Mapping[str, Any], fold: str, seed: int | str) -> str:
    """Return the list of cases that a network is trained on; ``fold`` is ``fold_0``, or ``fold_0_inner_1``."""
    if "made_list" in model:
        return str(filled(model["made_list"], fold, seed))
    own = f"{fold}_inner_share" if model["cases"] == "inner_share" else fold
    return real_list(plan, model, fold, seed) if model["cases"] == "outer" else f"folds/{own}.json"


def real_list(plan: Plan, planned: Mapping[str, Any], fold: str, seed: int | str) -> str:
    """Return the list of a fold's acquired training cases, with an inner validation if the best weights are chosen.

    Args:
        plan: The plan.
        planned: A model or step, with the share of the patients under ``patients`` if it does not learn from all.
        fold: The fold.
        seed: The seed, which a share of the patients depends on.
    """
    part = share_part(planned["patients"], seed) if "patients" in planned else ""
    return f"folds/{fold}{part}_{'inner_share' if plan['study']['checkpoint'] == 'best' else 'outer'}.json"


def share_part(share: float, seed: int | str) -> str:
    """Return the part of a list's name that states a share of the patients, such as ``_p25_seed_0`` for 0.25."""
    return f"_{share_name(share)}_seed_{seed}"


def share_name(share: float) -> str:
    """Return the name of a share of the patients, such as ``p25`` for 0.25."""
    return f"p{100 * share:g}".replace(".", "_")


def is_tested(study: Mapping[str, Any]) -> bool:
    """Return whether a study has a test: held-out patients, or another data set."""
    return bool(study["held_out"] or study.get("other_dataset_dir"))


def predicts(task: Mapping[str, Any], part: str) -> bool:
    """Return whether the cases of a part of a fold's list, such as ``validation``, are predicted for a task."""
    return part in task.get("parts", (part,))


def training_options(plan: Plan, name: str, fold: str, seed: int | str) -> dict[str, Any]:
    """Collect the options of a training that affect its weights.

    Without validation, the best weights cannot be chosen; if the last weights are kept, one validation at the end is
    enough, unless the model states how often.
    """
    study, model = plan["study"], plan["models"][name]
    options = dict(model["options"])
    validated = model["cases"] == "inner_share" or (study["checkpoint"] == "best" and model["cases"] != "inner_folds")
    if not validated:
        options |= {"validation": 0, "val_interval": 10**9}
    elif "validate_every" in model:
        options |= {"val_interval": model["validate_every"]}
    elif study["checkpoint"] == "last":
        options |= {"val_interval": options.get("max_epochs", "@max_epochs")}
    about = {"model": name, "bundle": model["bundle"], "seed": int(seed), "fold": fold}
    about |= {"overlays": model["overlays"], "options": model["options"]}
    one_meaning = model["bundle"] in plan.get("without_labels_option", ())
    return {
        **options,
        **({} if one_meaning else {"labels": study["labels"]}),
        "seed": seed,
        "weights": study["checkpoint"] if validated else "last",
        "about": about,
    }


def trained_folder(name: str, fold: str, seed: int | str) -> str:
    """Return the folder of the bundle that a training writes."""
    return f"models/{name}/seed_{seed}/{fold}"


def receipts(names: Sequence[str], fold: str, seed: int | str) -> list[str]:
    """List the receipts of some trainings, which are written when these are finished."""
    return [f"{trained_folder(name, fold, seed)}/receipt.json" for name in names]


def step_folder(name: str, fold: str, seed: int | str) -> str:
    """Return the folder with the results of a step."""
    return f"{name}/seed_{seed}/{fold}"


def prediction_options(plan: Plan, strategy: str, fold: str, seed: int | str) -> dict[str, Any]:
    """Collect the options of a prediction."""
    prediction = plan["predictions"][strategy]
    return {
        "about": {"strategy": strategy, "seed": int(seed), "fold": fold},
        "tasks": prediction["tasks"],
        "models": {name: trained_folder(name, fold, seed) for name in prediction["models"]},
        "schema": plan["schema"],
        "prepare": filled(prediction.get("prepare"), fold, seed),
        "inference": prediction.get("inference", {}),
    }


def inner_folds(plan: Plan, fold: str) -> list[str]:
    """List the names of a fold's inner folds."""
    return [f"{fold}_inner_{number}" for number in range(plan["study"]["inner_folds"])]


def trainings(plan: Plan) -> list[tuple[str, int, str]]:
    """List every training of a study: model, seed and fold."""
    return [
        (name, seed, fold)
        for seed in plan["study"]["seeds"]
        for number in plan["study"]["subset"]["folds"]
        for name, model in plan["models"].items()
        for fold in (inner_folds(plan, f"fold_{number}") if model["cases"] == "inner_folds" else [f"fold_{number}"])
    ]


def scores(plan: Plan) -> list[str]:
    """List the files of a complete study: receipts of its trainings, scores, and results of steps that its page shows.

    Without the receipts, a training that failed when it was repeated would be left out: its files are deleted then, but
    predictions by the earlier one are there, and nothing else would need it.
    """
    study = plan["study"]
    folds = study["subset"]["folds"]
    files = [receipt for name, seed, fold in trainings(plan) for receipt in receipts([name], fold, seed)]
    files += [f"scores/seed_{seed}/fold_{fold}.csv" for seed in study["seeds"] for fold in folds]
    if is_tested(study) and len(folds) > 1:
        files += [f"scores/seed_{seed}/ensemble.csv" for seed in study["seeds"]]
    more = [place for place in ("slices", "fit") if study.get(place)]
    files += [f"{place}/seed_{seed}/fold_{fold}.csv" for place in more for seed in study["seeds"] for fold in folds]
    return files + [
        f"{step_folder(name, f'fold_{fold}', seed)}/{result}"
        for name, step in plan.get("steps", {}).items()
        if step.get("shown")
        for result in step["results"]
        for seed in study["seeds"]
        for fold in folds
    ]


def scoring_options(plan: Plan, fold: str, seed: int | str) -> dict[str, Any]:
    """Collect the options of the job that scores a fold."""
    folders = {name: own[0] for name, own in predicted(plan, seed, [fold]).items()}
    options = {"predictions": folders, "schema": plan["schema"], "seed": seed, "fold": fold.removeprefix("fold_")}
    return options | ({"empty": plan["empty"]} if plan.get("empty") else {})


def fit_options(plan: Plan, fold: str, seed: int | str) -> dict[str, Any]:
    """Collect the options of the job that scores a fold's training patients."""
    folders = {name: fit_folder(name, fold, seed) for name in fitted(plan)}
    return {"predictions": folders, "schema": plan["schema"], "seed": seed, "fold": fold.removeprefix("fold_")}


def fitted(plan: Plan) -> list[str]:
    """List the predictions that are also made for the training patients: those of networks that learn from all."""
    models = plan["models"]
    return [
        name
        for name, own in plan["predictions"].items()
        if not any("patients" in models[model] for model in own["models"])
    ]


def fit_folder(name: str, fold: str, seed: int | str) -> str:
    """Return the folder of the predictions of a fold's training patients by one strategy."""
    return f"fit/predictions/{name}/seed_{seed}/{fold}"


def ensemble_options(plan: Plan, folds: Sequence[str], seed: int | str) -> dict[str, Any]:
    """Collect the options of the job that scores the majority vote of all folds."""
    return {"predictions": predicted(plan, seed, folds), "schema": plan["schema"], "seed": seed}


def predicted(plan: Plan, seed: int | str, folds: Sequence[str]) -> dict[str, list[str]]:
    """Return the folders of all strategies' predictions in some folds."""
    return {name: [f"predictions/{name}/seed_{seed}/{fold}" for fold in folds] for name in plan["predictions"]}
