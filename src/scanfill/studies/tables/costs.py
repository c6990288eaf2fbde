"""What a strategy costs: hours of training, and seconds to segment a case, from the receipts of a study."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanfill.studies.score_files import ENSEMBLE, Cell, acquired_of
from scanfill.studies.strategies import folder_of, segmenter_of, strategy_of, synthesizer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scanfill.studies.score_files import StudyScores

COST_NOTE = (
    "Training: hours of every network that the strategy needs for this set, of one fold and one seed, on the study's "
    "device (mean over folds and seeds); what strategies share is counted in each. Inference: seconds a case, making of "
    "images included; an ensemble needs those of each fold model."
)


@dataclass(frozen=True)
class Costs:
    """Measured seconds of a study.

    Attributes:
        training: Model -> mean seconds of its training.
        inference: Strategy and folder of its task -> mean seconds a case; under an empty folder, of all tasks.
    """

    training: Mapping[str, float]
    inference: Mapping[tuple[str, str], float]

    def training_hours(self, cell: Cell) -> float:
        """Add up the training of all networks that a cell needs; NaN where one has no receipt."""
        seconds = [self.training.get(model, math.nan) for model in models_of(cell, self.training)]
        return sum(seconds) / 3600 if seconds else math.nan

    def seconds_a_case(self, cell: Cell) -> float:
        """Tell how long the strategy takes for a case; NaN where there is no receipt."""
        strategy, task = _task_of(cell)
        found = self.inference.get((strategy, folder_of(task)), self.inference.get((strategy, ""), math.nan))
        return found if not cell.strategy.endswith(ENSEMBLE) else math.nan


def read_costs(scores: StudyScores) -> Costs:
    """Read the receipts of the trainings and predictions of the seeds and folds that are reported."""
    training: dict[str, list[float]] = {}
    for model, _, receipt in _receipts(scores, "models"):
        training.setdefault(model, []).append(float(receipt.get("seconds", math.nan)))
    inference: dict[tuple[str, str], list[float]] = {}
    for strategy, _, receipt in _receipts(scores, "predictions"):
        seconds = receipt.get("seconds_a_case", math.nan)
        for folder, value in (seconds if isinstance(seconds, dict) else {"": seconds}).items():
            inference.setdefault((strategy, folder), []).append(float(value))
    return Costs(
        {model: statistics.fmean(values) for model, values in training.items()},
        {task: statistics.fmean(values) for task, values in inference.items()},
    )


def read_receipts(scores: StudyScores, kind: str) -> list[dict[str, Any]]:
    """List the receipts of ``models`` or ``predictions``, each with its ``place`` in the study's folder."""
    return [{"place": place, **receipt} for _, place, receipt in _receipts(scores, kind)]


def models_of(cell: Cell, trained: Sequence[str] | Mapping[str, Any] = ()) -> list[str]:
    """Name every network that a strategy needs for a missing set.

    Pairwise synthesis needs all synthesizers among which it chooses; ``synthetic_trained`` also those that made the
    images it learned from.

    Args:
        cell: Strategy and missing set.
        trained: Networks of the study: synthesizers that it did not train cannot be chosen.
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
    """Find the strategy's folder of predictions, and the task in it."""
    strategy, _, source = cell.strategy.partition("pairwise_from_")
    task = {"missing": [name for name in cell.missing.split("+") if name], "source": source}
    name = "pairwise_from" if source else strategy
    assert strategy_of(name, task) == cell.strategy
    return name.removesuffix(ENSEMBLE), task


def _receipts(scores: StudyScores, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Find the receipts of the seeds and folds that are reported: name, place, content."""
    root: Path = scores.folder / kind
    for seed in scores.seeds:
        for fold in scores.folds:
            for path in sorted(root.glob(f"*/seed_{seed}/fold_{fold}/receipt.json")):
                name = path.relative_to(root).parts[0]
                yield name, str(path.parent.relative_to(scores.folder)), json.loads(path.read_text(encoding="utf-8"))
