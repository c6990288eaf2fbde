"""Score the predictions of one fold, one row per strategy, missing set and case, and reject cases used in training."""

import csv
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.data import read_list
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.image import read_image
from scanfill.domains.brain_mri.labels import REGIONS, to_internal
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.metrics import score_case
from scanfill.metrics.cohort import write_table

from .images import FIGURES
from .strategies import folder_of, join, strategy_of

Case = dict[str, Any]
Row = dict[str, float | str]

EVALUATIONS = {"validation": "cross_validation", "test": "held_out"}
"""Part of a fold's list -> the evaluation that its scores belong to; the two are never mixed."""


def score_fold(
    datalist: str | Path,
    predictions: Mapping[str, str | Path],
    output: str | Path,
    *,
    dataset_dir: str | Path,
    seed: int,
    fold: int,
    empty: str = "",
) -> None:
    """Write the scores of one fold and seed.

    Args:
        datalist: Case list of the fold.
        predictions: Strategy -> folder with its label maps and ``receipt.json``.
        output: CSV file, written atomically.
        dataset_dir: Folder of the cases.
        seed: Seed, stored in each row.
        fold: Fold, stored in each row.
        empty: Name of the row with the scores of a prediction without any lesion; "" for no such row.

    Raises:
        CaseError: A model was trained on a case to be scored.
        UsageError: A label map is missing.
    """
    split = read_list(datalist, dataset_dir, MODALITIES, schema=SCHEMA)
    receipts = {strategy: read_receipt(folder) for strategy, folder in predictions.items()}
    scored = [case for part in EVALUATIONS for case in split.get(part, ())]
    for strategy, receipt in receipts.items():
        for name, model in receipt["models"].items():
            refuse_seen(scored, model["training"], f"Strategy {strategy}: {name}", "or train it again")
    qualities = {strategy: read_figures(Path(folder)) for strategy, folder in predictions.items()}
    rows: list[Row] = []
    for part, evaluation in EVALUATIONS.items():
        for case in tqdm(split.get(part, ()), desc=f"Scores, {evaluation}", unit="case"):
            truth = read_truth(case)
            for strategy, receipt in receipts.items():
                for task in receipt["tasks"]:
                    place = Path(predictions[strategy]) / folder_of(task)
                    figures = qualities[strategy].get((join(task["missing"]), task["source"], str(case["case_id"])), {})
                    source = figures.get("source", "") if strategy.startswith("pairwise") else ""
                    about: Row = {"evaluation": evaluation, "strategy": strategy_of(strategy, task)}
                    about |= {"missing": join(task["missing"]), "source": source, "seed": seed, "fold": fold}
                    rows.append(_row(about, case, read_label_map(place, case, truth), truth, figures))
            if empty:
                about = {"evaluation": evaluation, "strategy": empty, "missing": "", "source": "", "seed": seed}
                rows.append(_row({**about, "fold": fold}, case, np.zeros(truth.shape, np.uint8), truth, {}))
    write_table(rows, Path(output), "")


def score_ensemble(
    datalist: str | Path,
    predictions: Mapping[str, Sequence[str | Path]],
    output: str | Path,
    *,
    dataset_dir: str | Path,
    seed: int,
) -> None:
    """Score the majority vote of all folds' models on the held-out patients, in rows named ``<strategy>_ensemble``.

    Each voxel gets the label predicted by most folds; in a tie the lowest, so background before tumor.

    Args:
        datalist: Case list of any fold: the held-out patients are the same.
        predictions: Strategy -> one folder per fold.
        output: CSV file.
        dataset_dir: Folder of the cases.
        seed: Seed, stored in each row.

    Raises:
        UsageError: A label map is missing.
    """
    cases = read_list(datalist, dataset_dir, MODALITIES, schema=SCHEMA).get("test", [])
    tasks = {strategy: read_receipt(folders[0])["tasks"] for strategy, folders in predictions.items()}
    rows: list[Row] = []
    for case in tqdm(cases, desc="Scores of ensembles", unit="case"):
        truth = read_truth(case)
        for strategy, folders in predictions.items():
            for task in tasks[strategy]:
                votes = [read_label_map(Path(folder) / folder_of(task), case, truth) for folder in folders]
                about: Row = {"evaluation": "held_out", "strategy": f"{strategy_of(strategy, task)}_ensemble"}
                about |= {"missing": join(task["missing"]), "source": task["source"], "seed": seed, "fold": "all"}
                rows.append(_row(about, case, majority(votes), truth, {}))
    write_table(rows, Path(output), "")


def majority(votes: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the most frequent label in each voxel of label maps of the same shape; in a tie the lowest."""
    labels = range(1 + max(int(vote.max()) for vote in votes))
    counts = np.stack([np.sum([vote == label for vote in votes], axis=0) for label in labels])
    winners: NDArray[np.uint8] = counts.argmax(axis=0).astype(np.uint8)
    return winners


def read_receipt(folder: str | Path) -> dict[str, Any]:
    """Read the receipt of a prediction."""
    receipt: dict[str, Any] = json.loads((Path(folder) / "receipt.json").read_text(encoding="utf-8"))
    return receipt


def read_figures(folder: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Average the quality of the synthetic sequences used in one prediction.

    Returns:
        (missing set, source as given in the task, case) -> ``source`` (several joined by ``+``) and
        :py:data:`~scanfill.studies.images.FIGURES`.
    """
    path = folder / "image_quality.csv"
    if not path.is_file():
        return {}
    stated = any(task["source"] for task in read_receipt(folder)["tasks"])
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for row in lines:
        groups.setdefault((row["missing"], row["source"] if stated else "", row["case_id"]), []).append(row)
    return {
        key: {"source": "+".join(dict.fromkeys(row["source"] for row in rows))}
        | {name: statistics.fmean(float(row[name] or math.nan) for row in rows) for name in FIGURES}
        for key, rows in groups.items()
    }


def read_truth(case: Case) -> MetaTensor:
    """Read a case's label map, 1 NC, 2 ED, 3 CET, ``(1, X, Y, Z)``."""
    where = f"Case {case['case_id']!r}: label"
    return to_internal(read_image(case["label"], where), case["label_convention"], where)


def read_label_map(folder: Path, case: Case, truth: MetaTensor) -> NDArray[np.uint8]:
    """Read a predicted label map with scanfill's internal labels, on the grid of the ground truth.

    Raises:
        UsageError: The label map is missing, or on another grid.
    """
    path = folder / str(case["case_id"]) / f"{case['case_id']}_seg.nii.gz"
    if not path.is_file():
        msg = f"There is no prediction {path}: remove receipt.json of that prediction, and run the study again."
        raise UsageError(msg)
    predicted = read_image(path, f"Case {case['case_id']!r}: prediction")
    if not np.allclose(predicted.affine, truth.affine, atol=1e-3):
        msg = (
            f"{path} is not on the grid of {case['label']}: the label map has changed since the prediction. Remove "
            f"receipt.json of that prediction, and run the study again."
        )
        raise UsageError(msg)
    label: NDArray[np.uint8] = convert_to_numpy(to_internal(predicted, case["output_labels"], str(path)))[0]
    return label


def voxel_size(truth: MetaTensor) -> list[float]:
    """Return the voxel size of a label map in mm."""
    return [float(size) for size in truth.pixdim]


def _row(about: Row, case: Case, labels: NDArray[Any], truth: MetaTensor, figures: Mapping[str, Any]) -> Row:
    """Score one label map of one case; the row includes the quality of its synthetic sequences, NaN if none."""
    row = {**about, "case_id": str(case["case_id"]), "patient": str(case["patient"])}
    quality = {name: figures.get(name, math.nan) for name in FIGURES}
    return {**row, **score_case(labels, truth, voxel_size(truth), REGIONS), **quality}
