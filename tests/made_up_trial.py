"""A finished trial of synthetic cases with made-up scores, for any kind of data and any crossing of its arms."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.metrics import METRICS
from scanfill.studies.bundle_facts import schema_of
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.kinds.synthetic_augmentation.arms import EMPTY, combinations

if TYPE_CHECKING:
    from pathlib import Path

GAIN = {"synthetic": 0.05, "painted": -0.05}
"""Arm -> gain in Dice; 0 for arms not listed."""


def write_trial(folder: Path, study: dict[str, Any], patients: int = 12) -> Path:
    """Write ``study.json``, scores and receipts of a cross-validation, and return the folder.

    Args:
        folder: Output folder.
        study: Options of the study, without held-out patients.
        patients: Number of patients.
    """
    kind = kind_of_study(study)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"study": study, "schema": schema_of(kind.find_bundles(study).values()), "command": "python -m scanfill"}
    (folder / "study.json").write_text(json.dumps(about))
    for seed in study["seeds"]:
        for fold in study["subset"]["folds"]:
            rows = [
                row
                for number in range(fold, patients, study["folds"])
                for row in _rows(study, seed, fold, f"p{number:02}")
            ]
            path = folder / "scores" / f"seed_{seed}" / f"fold_{fold}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                table = csv.DictWriter(file, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
            for name in kind.find_models(study):
                place = folder / "models" / name / f"seed_{seed}" / f"fold_{fold}"
                place.mkdir(parents=True)
                (place / "receipt.json").write_text(json.dumps({"model": name, "steps": 300, "seconds": 60.0}))
    return folder


def _rows(study: dict[str, Any], seed: int, fold: int, patient: str) -> list[dict[str, Any]]:
    about = {"evaluation": "cross_validation", "task": "", "seed": seed, "fold": fold}
    about |= {"case_id": f"{patient}_1", "patient": patient}
    hard = np.random.default_rng([*patient.encode()]).uniform(0.1, 0.3)
    rows: list[dict[str, Any]] = []
    for name, one in combinations(study).items():
        noise = np.random.default_rng([seed, *f"{patient}{name}".encode()]).normal(0, 0.01)
        dice = float(np.clip(1 - hard + GAIN.get(one.arm, 0.0) + noise, 0, 1))
        rows.append({**about, "strategy": name, **_figures(study, dice)})
    return [*rows, {**about, "strategy": EMPTY, **_figures(study, 0.0)}]


def _figures(study: dict[str, Any], dice: float) -> dict[str, float]:
    return {f"{metric}_{region}": dice for metric in METRICS for region in study["regions"]}
