"""A finished study with random scores and a known effect of each strategy, without trained networks."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.metrics import METRICS
from scanfill.presets import REFERENCE
from scanfill.studies.commands import is_tested, predicts
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.kinds.augmentation import LEFT_BEHIND
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import read_study

if TYPE_CHECKING:
    from pathlib import Path

LOSS = {"dedicated": 0.01, "dropout": 0.004, "completion": 0.03, "pairwise": 0.06, "pairwise_from": 0.06, "zero": 0.3}
"""Loss of Dice from a missing sequence with each strategy; 0 for strategies not listed."""

GAIN = {"mri": 0.05, "strong_elastic": -0.05, "inpainted": 0.05, "blob": -0.05}
"""Gain in Dice from an augmentation preset or from synthetic lesions; 0 for those not listed."""

LEFT = 0.3
"""Loss of Dice of every preset with labels left behind."""

SMALL = ("segmenter=unet", "folds=3", "held_out=0", "seeds=[0]", "most_missing=1")


def study_of(*settings: str, file: str = "missing_modality.yaml") -> dict[str, Any]:
    """Options of a study: the full protocol with these changes."""
    return read_study(studies_folder() / file, settings)


def write_study(
    folder: Path, *settings: str, patients: int = 12, seed: int = 0, file: str = "missing_modality.yaml"
) -> Path:
    """Write ``study.json``, scores and receipts of a study, and return its folder.

    Args:
        folder: Output folder.
        settings: Options, as after ``--set``.
        patients: Number of patients in the folds; for a held-out test, half as many are held out.
        seed: Seed of the scores.
        file: The study file.
    """
    study = study_of(*settings, file=file)
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "study": study,
        "schema": "brain_mri",
        "command": "python -m scanfill study missing_modality.yaml --out runs/x",
        "cases": "ab12",
    }
    (folder / "study.json").write_text(json.dumps(about))
    for own in study["seeds"]:
        for fold in study["subset"]["folds"]:
            _write_scores(folder, own, f"fold_{fold}", _draw(study, (seed, own, fold), patients))
            _write_receipts(folder, study, own, fold)
        if is_tested(study):
            voted = [row for row in _draw(study, (seed, own, 99), patients) if row["evaluation"] == "held_out"]
            _write_scores(folder, own, "ensemble", [_of_ensemble(row) for row in voted])
    return folder


def _of_ensemble(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"strategy": f"{row['strategy']}_ensemble", "fold": "all"}


def _draw(study: dict[str, Any], numbers: tuple[int, int, int], patients: int) -> list[dict[str, Any]]:
    seed, own, fold = numbers
    rows: list[dict[str, Any]] = []
    for evaluation in ("cross_validation", "held_out")[: 2 if is_tested(study) else 1]:
        validated = [f"p{number:02}" for number in range(patients) if number % study["folds"] == fold]
        names = validated if evaluation == "cross_validation" else [f"h{number:02}" for number in range(patients // 2)]
        for name in names:
            hard = np.random.default_rng([seed, *name.encode()]).uniform(
                0.05, 0.3, len(REGIONS)
            )  # the same for all strategies
            for strategy, prediction in kind_of_study(study).find_predictions(study).items():
                part = "validation" if evaluation == "cross_validation" else "test"
                for task in (task for task in prediction["tasks"] if predicts(task, part)):
                    key = strategy if strategy == REFERENCE else f"{strategy}{task}"  # the same, whatever the task
                    noise = np.random.default_rng([seed, own, fold, *f"{name}{key}".encode()])
                    row = {"evaluation": evaluation, "strategy": task["strategy"], "task": task["task"]}
                    row |= {
                        "source": task.get("source", ""),
                        "seed": own,
                        "fold": fold,
                        "case_id": f"{name}_1",
                        "patient": name,
                    }
                    lost = LEFT if task["task"] == LEFT_BEHIND and strategy != REFERENCE else LOSS.get(strategy, 0.0)
                    loss = lost * bool(task["task"]) - GAIN.get(strategy, 0.0)
                    rows.append(row | _figures(noise, hard, loss, task))
            if empty := kind_of_study(study).empty:
                nothing = {key: 0.0 for key in rows[-1] if key.partition("_")[0] in METRICS}
                rows.append({**rows[-1], **nothing, "strategy": empty, "task": ""})
    return rows


def _figures(noise: np.random.Generator, hard: Any, loss: float, task: dict[str, Any]) -> dict[str, float | str]:
    dice = np.clip(1 - hard - loss * noise.uniform(0.5, 1.5) + noise.normal(0, 0.01, len(REGIONS)), 0, 1)
    row: dict[str, float | str] = {}
    for index, region in enumerate(REGIONS):
        true_ml = 100 * float(hard[index]) * (index + 1)
        values = {
            "dice": dice[index],
            "precision": dice[index],
            "sensitivity": dice[index],
            "hd95": 30 * (1 - dice[index]),
        }
        values |= {"volume_ml": true_ml, "predicted_ml": true_ml * noise.normal(1, 0.1)}
        row |= {f"{metric}_{region}": float(values[metric]) for metric in METRICS}
    synthetic = bool(task.get("source"))
    for name, value in (("mse_brain", 0.4), ("mse_tumour", 0.8), ("ssim_tumour", 0.7)):
        row[name] = float(value * noise.uniform(0.7, 1.3)) if synthetic else ""
    return row


def _write_scores(folder: Path, seed: int, name: str, rows: list[dict[str, Any]]) -> None:
    path = folder / "scores" / f"seed_{seed}" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _write_receipts(folder: Path, study: dict[str, Any], seed: int, fold: int) -> None:
    place = f"seed_{seed}/fold_{fold}"
    receipts: dict[str, dict[str, Any]] = {
        f"models/{name}/{place}": {"model": name, "bundle": model["bundle"], "steps": 300, "seconds": 3600.0}
        | {"seconds_a_step": 12.0, "device": "cpu", "threads": 1, "scanfill": "0.1.0", "sha256": "ab" * 32}
        | {"command": f"python -m monai.bundle run --seed {seed}"}
        | ({"validation": [[epoch, 0.2 * epoch] for epoch in (1, 2, 3)]} if "validate_every" in model else {})
        for name, model in kind_of_study(study).find_models(study).items()
    }
    for strategy, prediction in kind_of_study(study).find_predictions(study).items():
        tasks = [{**task, "seconds_a_case": 2.5} for task in prediction["tasks"]]
        receipts[f"predictions/{strategy}/{place}"] = {"strategy": strategy, "tasks": tasks}
    for name, content in receipts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "receipt.json").write_text(json.dumps(content))
