"""The cost of a strategy: hours of training, and seconds to predict a case, from the receipts of a study."""

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from scanfill.studies.study_scores import ENSEMBLE, Cell, StudyScores

COST_NOTE = (
    "Training: hours for all networks that the strategy needs for this task, for one fold and one seed, on their "
    "device (mean over folds and seeds); shared networks are counted for each strategy. Inference: seconds per case, "
    "including what is done to it before. An ensemble costs the sum of all fold models."
)


@dataclass(frozen=True)
class Costs:
    """Measured seconds of a study.

    Attributes:
        training: Model -> mean seconds of its training.
        inference: Prediction and folder of its task -> mean seconds per case.
        tasks: Cell -> its prediction and task.
        folds: Number of fold models, all of which an ensemble needs.
    """

    training: Mapping[str, float]
    inference: Mapping[tuple[str, str], float]
    tasks: Mapping[Cell, tuple[str, Mapping[str, Any]]]
    folds: int = 1

    def training_hours(self, cell: Cell) -> float:
        """Return the total training hours of all networks that a cell needs; NaN if one has no receipt."""
        _, task = self._planned(cell)
        seconds = [self.training.get(model, math.nan) for model in task["models"]]
        return sum(seconds) / 3600 * (self.folds if cell.strategy.endswith(ENSEMBLE) else 1)

    def seconds_a_case(self, cell: Cell) -> float:
        """Return the seconds that the strategy takes per case; NaN if there is no receipt."""
        prediction, task = self._planned(cell)
        seconds = self.inference.get((prediction, task["folder"]), math.nan)
        return seconds * (self.folds if cell.strategy.endswith(ENSEMBLE) else 1)

    def _planned(self, cell: Cell) -> tuple[str, Mapping[str, Any]]:
        return self.tasks[cell._replace(strategy=cell.strategy.removesuffix(ENSEMBLE))]


def read_costs(scores: StudyScores) -> Costs:
    """Read the costs from the receipts of trainings and predictions, for the reported seeds and folds."""
    training: dict[str, dict[str, float]] = {}
    for receipt in read_receipts(scores, "models"):
        fold = receipt["place"].partition("_inner_")[0]  # a network for each inner fold: all are needed
        own = training.setdefault(receipt["name"], {})
        own[fold] = own.get(fold, 0.0) + float(receipt.get("seconds", math.nan))
    inference: dict[tuple[str, str], list[float]] = {}
    for receipt in read_receipts(scores, "predictions"):
        for task in receipt.get("tasks", ()):
            inference.setdefault((receipt["name"], task["folder"]), []).append(float(task["seconds_a_case"]))
    return Costs(
        {model: statistics.fmean(values.values()) for model, values in training.items()},
        {task: statistics.fmean(values) for task, values in inference.items()},
        scores.tasks,
        len(scores.folds),
    )


def read_receipts(scores: StudyScores, kind: str) -> list[dict[str, Any]]:
    """List the receipts of ``models`` or ``predictions`` for the reported seeds and folds.

    Each has the ``name`` of the model or strategy, and its ``place`` in the study's folder.
    """
    root = scores.folder / kind
    found = []
    for seed, fold in product(scores.seeds, scores.folds):
        places = [*root.glob(f"*/seed_{seed}/fold_{fold}"), *root.glob(f"*/seed_{seed}/fold_{fold}_inner_*")]
        for place in sorted(place for place in places if (place / "receipt.json").is_file()):
            about = {"name": place.relative_to(root).parts[0], "place": str(place.relative_to(scores.folder))}
            found.append({**about, **json.loads((place / "receipt.json").read_text(encoding="utf-8"))})
    return found
