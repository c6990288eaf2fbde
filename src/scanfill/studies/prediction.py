"""Predict every task of one strategy for the patients of one fold, with one seed, in one process.

Below the output folder each task has a folder with one subfolder per case. ``figures.csv`` has what is measured of the
cases that were changed before they were predicted, if any; ``receipt.json`` is written last.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from scanfill.data import load_schema, read_list
from scanfill.data.evaluation_cases import check_judged, provenance_columns
from scanfill.data.provenance import PROVENANCE
from scanfill.data.schema import CaseSchema
from scanfill.engines.checkpoint_files import read_record
from scanfill.files import writing
from scanfill.metrics.cohort import write_table

from .commands import predicts
from .predictor import Predictor
from .trained import Trained, trained_from
from .training import job_facts

Case = dict[str, Any]
Task = Mapping[str, Any]

TRAINING = "training"
"""Part of a list that networks were trained on; it is predicted only to see how well they fit it."""

FIGURES = "figures.csv"
"""File with further columns for the scores, by ``folder`` of the task and ``case_id``."""


@dataclass(frozen=True)
class Prepared:
    """The cases of a task, as they are predicted.

    Attributes:
        cases: The cases, without their truth, with their ``provenance``.
        figures: One row per case with ``case_id``, and columns that its score row also gets; or none.
        seconds: Mean seconds per case that the preparation took.
    """

    cases: list[Case]
    figures: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


class Preparation(Protocol):
    """Changes the cases of a task before they are predicted."""

    def __call__(self, cases: Sequence[Case], task: Task, predictor: Predictor) -> Prepared:
        """Return the cases as the predictor gets them.

        Args:
            cases: Cases with the paths of all their files.
            task: The task.
            predictor: The network that will predict them.
        """

    def clear(self) -> None:
        """Remove what is no longer needed once the task is predicted."""

    def close(self) -> None:
        """Remove what is no longer needed once all tasks are predicted."""


class AsTheyAre:
    """The preparation that changes nothing.

    Args:
        schema: The kind of data.
    """

    def __init__(self, schema: CaseSchema) -> None:
        self.schema = schema

    def __call__(self, cases: Sequence[Case], task: Task, predictor: Predictor) -> Prepared:
        """Return the cases without their truth.

        Raises:
            CaseError: A case must not be used for evaluation.
        """
        del task, predictor
        return Prepared([as_given(case, self.schema) for case in cases])

    def clear(self) -> None:
        """Remove nothing."""

    def close(self) -> None:
        """Remove nothing."""


def as_given(case: Case, schema: CaseSchema) -> Case:
    """Return a case that may be evaluated without its truth, and with its ``provenance``.

    Raises:
        CaseError: It must not be used for evaluation.
    """
    check_judged(case, schema, "the evaluation")
    truth = schema.label.key if schema.label else None
    kept = {key: value for key, value in case.items() if key != truth}
    return kept | {PROVENANCE: provenance_columns(kept, schema)}


def predict(
    datalist: str | Path,
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    about: Mapping[str, Any],
    tasks: Sequence[Task],
    models: Mapping[str, str],
    schema: CaseSchema | str | Mapping[str, Any],
    prepare: Preparation | None = None,
    parts: Sequence[str] = ("validation", "test"),
    inference: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> None:
    """Predict cases of a fold with one strategy.

    Args:
        datalist: Case list of the fold.
        output_dir: Output folder; results of an earlier run are removed first.
        dataset_dir: Folder of the cases.
        about: Strategy, seed and fold, for the receipt.
        tasks: Tasks, see :py:class:`scanfill.studies.kind.Kind`.
        models: Name -> folder of the bundle written by its training.
        schema: Name of a kind of data, or its schema.
        prepare: Changes the cases of a task; by default they are predicted as they are.
        parts: Parts of the list that are predicted; with ``training``, networks may have been trained on them.
        inference: Further options of the bundle's inference.
        device: Device to run the networks on.

    Raises:
        CaseError: A network was trained on a case to be evaluated, or a case could not be predicted.
    """
    folder, kind = Path(output_dir), load_schema(schema)
    shutil.rmtree(folder, ignore_errors=True)
    split = read_list(datalist, dataset_dir, kind.image_keys, schema=kind)
    trained = trained_from(models)
    prepare = prepare or AsTheyAre(kind)
    predictors: dict[str, Predictor] = {}
    figures, costs = [], []
    names: set[str] = set()
    for task in tqdm(tasks, desc=str(about.get("strategy", "")), unit="task"):
        cases = [case for part in parts if predicts(task, part) for case in split.get(part, ())]
        if not cases:
            continue
        names.update(str(case["case_id"]) for case in cases)
        name = task["model"]
        if name not in predictors:
            predictors[name] = Predictor(trained[name], device, inference, seen=TRAINING in parts)
        prepared = prepare(cases, task, predictors[name])
        seconds = predictors[name].run(prepared.cases, folder / task["folder"])
        figures += [{"folder": task["folder"], **row} for row in prepared.figures]
        costs.append({**task, "seconds_a_case": seconds + prepared.seconds, "of_them_preparing": prepared.seconds})
        prepare.clear()
    prepare.close()
    if figures:
        write_table(figures, folder / FIGURES, "")
    receipt = {
        **about,
        "models": {name: _model_facts(model) for name, model in trained.items()},
        "tasks": costs,
        "cases": len(names),
        **job_facts(device),
    }
    with writing(folder / "receipt.json") as temporary:
        temporary.write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")


def _model_facts(model: Trained) -> dict[str, Any]:
    """Return the weights and the patients they were trained on, so that these are never scored."""
    receipt = json.loads((model.folder / "receipt.json").read_text(encoding="utf-8"))
    return {"sha256": receipt["sha256"], "training": read_record(model.checkpoint)["training"]}
