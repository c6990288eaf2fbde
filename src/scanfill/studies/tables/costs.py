"""The cost of a strategy: hours of training, and seconds to segment a case, from the receipts of a study."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from scanfill.studies.strategies import folder_of, segmenter_of, synthesizer_of
from scanfill.studies.study_scores import ENSEMBLE, Cell, StudyScores, acquired_of

COST_NOTE = (
    "Training: hours for all networks that the strategy needs for this set, for one fold and one seed, on their device "
    "(mean over folds and seeds); shared networks are counted for each strategy. Inference: seconds per case, "
    "including image synthesis. An ensemble costs the sum of all fold models."
)


@dataclass(frozen=True)
class Costs:
    """Measured seconds of a study.

    Attributes:
        training: Model -> mean seconds of its training.
        inference: Strategy and folder of its task -> mean seconds per case.
        folds: Number of fold models, all of which an ensemble needs.
    """

    training: Mapping[str, float]
    inference: Mapping[tuple[str, str], float]
    folds: int = 1

    def training_hours(self, cell: Cell) -> float:
        """Return the total training hours of all networks that a cell needs; NaN if one has no receipt."""
        seconds = [self.training.get(model, math.nan) for model in models_of(cell, self.training)]
        return sum(seconds) / 3600 * (self.folds if cell.strategy.endswith(ENSEMBLE) else 1)

    def seconds_a_case(self, cell: Cell) -> float:
        """Return the seconds that the strategy takes per case; NaN if there is no receipt."""
        strategy, task = _task_of(cell)
        seconds = self.inference.get((strategy, folder_of(task)), math.nan)
        return seconds * (self.folds if cell.strategy.endswith(ENSEMBLE) else 1)


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
            inference.setdefault((receipt["name"], folder_of(task)), []).append(float(task["seconds_a_case"]))
    return Costs(
        {model: statistics.fmean(values.values()) for model, values in training.items()},
        {task: statistics.fmean(values) for task, values in inference.items()},
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


def models_of(cell: Cell, trained: Sequence[str] | Mapping[str, Any] = ()) -> list[str]:
    """Return the names of all networks that a strategy needs for a missing set.

    Pairwise synthesis needs all synthesizers that it chooses from; ``synthetic_trained`` also needs those that made its
    training images.

    Args:
        cell: Strategy and missing set.
        trained: Networks of the study: only these synthesizers can be chosen.
    """
    strategy = cell.strategy.removesuffix(ENSEMBLE)
    missing = [name for name in cell.missing.split("+") if name]
    pairs = [synthesizer_of(source, target) for target in missing for source in acquired_of(cell.missing)]
    synthesizers = [name for name in pairs if name in trained]
    if strategy.startswith("pairwise_from_"):
        return [segmenter_of(), synthesizer_of(strategy.removeprefix("pairwise_from_"), cell.missing)]
    return {
        "dedicated": [segmenter_of(missing)],
        "pairwise": [segmenter_of(), *synthesizers],
        "completion": [segmenter_of(), "completion"],
        "dropout": ["dropout"],
        "synthetic_trained": [
            "synthetic_trained",
            *(name for name in trained if name.startswith("inner_synthesis")),
            *synthesizers,
        ],
    }.get(strategy, [segmenter_of()])


def _task_of(cell: Cell) -> tuple[str, dict[str, Any]]:
    """Return the strategy's folder of predictions, and the task in it."""
    strategy, pairwise_from, source = cell.strategy.removesuffix(ENSEMBLE).partition("pairwise_from_")
    task = {"missing": [name for name in cell.missing.split("+") if name], "source": source}
    return pairwise_from.removesuffix("_") or strategy, task
