"""Score the predictions of one fold, one row per strategy, task and case, and reject cases used in training.

Where labels overlap, rows also have the mean of each score over all regions, as region ``all``.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.data import load_schema, read_list
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.read import ReadCased
from scanfill.data.schema import CaseSchema
from scanfill.data.truth import read_truth
from scanfill.errors import UsageError
from scanfill.metrics import score_case, score_slices
from scanfill.metrics.cohort import OVERALL, write_table
from scanfill.metrics.slice_scores import axial_axis

from .commands import predicts
from .prediction import FIGURES

Case = dict[str, Any]
Row = dict[str, float | str]
Figures = Mapping[tuple[str, str], Mapping[str, str]]

EVALUATIONS = {"validation": "cross_validation", "test": "held_out"}
"""Part of a fold's list -> the evaluation that its scores belong to; the two are never mixed."""

FIT = "fit"
"""Stands for the evaluation where the training patients are scored, which evaluates nothing."""

PREDICTED = (".nii.gz", ".png", ".tif")
"""How the name of a predicted label map may end; a TIFF has a page per label, and no position in space."""

AVERAGED = ("dice", "precision", "sensitivity", "hd95")
"""Scores whose mean over all regions is added where labels overlap."""


def score_fold(
    datalist: str | Path,
    predictions: Mapping[str, str | Path],
    output: str | Path,
    *,
    dataset_dir: str | Path,
    schema: CaseSchema | str | Mapping[str, Any],
    seed: int,
    fold: int,
    empty: str = "",
    parts: Sequence[str] = ("validation", "test"),
) -> None:
    """Write the scores of one fold and seed.

    Args:
        datalist: Case list of the fold.
        predictions: Strategy -> folder with its label maps and ``receipt.json``.
        output: CSV file, written atomically.
        dataset_dir: Folder of the cases.
        schema: Name of a kind of data, or its schema, with the scored regions.
        seed: Seed, stored in each row.
        fold: Fold, stored in each row.
        empty: Name of the row with the scores of a prediction without any label; "" for no such row.
        parts: Parts of the list that are scored; with ``training``, models may have been trained on them.

    Raises:
        CaseError: A model was trained on a case to be evaluated.
        UsageError: A label map is missing.
    """
    kind = load_schema(schema)
    split = read_list(datalist, dataset_dir, kind.image_keys, schema=kind)
    split = {part: split.get(part, []) for part in parts}
    receipts = _receipts(predictions, split)
    figures = {strategy: read_figures(Path(folder)) for strategy, folder in predictions.items()}
    columns = list(dict.fromkeys(name for own in figures.values() for row in own.values() for name in row))
    rows: list[Row] = []
    for one in _label_maps(split, predictions, receipts, kind, empty):
        own = figures.get(one.prediction, {}).get((one.folder, str(one.case["case_id"])), {})
        more = {name: own.get(name, "") for name in columns}
        about = one.about | {"seed": seed, "fold": fold}
        rows.append({**_row(about, one.case, one.labels, one.truth, kind), **more})
    write_table(rows, Path(output), "")


def score_fold_slices(
    datalist: str | Path,
    predictions: Mapping[str, str | Path],
    output: str | Path,
    *,
    dataset_dir: str | Path,
    schema: CaseSchema | str | Mapping[str, Any],
    seed: int,
    fold: int,
    empty: str = "",
) -> None:
    """Write the scores of every slice of one fold and seed, counted from feet to head.

    Args:
        datalist: Case list of the fold; validation and test are scored.
        predictions: Strategy -> folder with its label maps and ``receipt.json``.
        output: CSV file, written atomically: ``slice``, and the columns of
            :py:func:`scanfill.metrics.score_slices`.
        dataset_dir: Folder of the cases.
        schema: Name of a kind of data, or its schema, with the scored regions.
        seed: Seed, stored in each row.
        fold: Fold, stored in each row.
        empty: Name of the rows of a prediction without any label; "" for no such rows.

    Raises:
        CaseError: A model was trained on a case to be evaluated.
        UsageError: A label map is missing.
    """
    kind = load_schema(schema)
    split = read_list(datalist, dataset_dir, kind.image_keys, schema=kind)
    split = {part: split.get(part, []) for part in EVALUATIONS}
    receipts = _receipts(predictions, split)
    rows: list[Row] = []
    for one in _label_maps(split, predictions, receipts, kind, empty):
        about = one.about | {"seed": seed, "fold": fold}
        about |= {"case_id": str(one.case["case_id"]), "patient": str(one.case["patient"])}
        axis = axial_axis(one.truth.affine)
        rows += [{**about, **row} for row in score_slices(one.labels, one.truth, kind.regions, axis)]
    write_table(rows, Path(output), "")


@dataclass(frozen=True)
class _LabelMap:
    """A predicted label map, or overlapping labels, with its truth.

    ``prediction`` and ``folder`` are empty if nothing was predicted.
    """

    about: Row
    case: Case
    labels: NDArray[np.uint8]
    truth: MetaTensor
    prediction: str = ""
    folder: str = ""


def _receipts(predictions: Mapping[str, str | Path], split: Mapping[str, Sequence[Case]]) -> dict[str, dict[str, Any]]:
    """Read the receipt of each prediction, and refuse cases to be evaluated that a model was trained on."""
    receipts = {strategy: read_receipt(folder) for strategy, folder in predictions.items()}
    scored = [case for part, cases in split.items() if part in EVALUATIONS for case in cases]
    for strategy, receipt in receipts.items():
        for name, model in receipt["models"].items():
            refuse_seen(scored, model["training"], f"Strategy {strategy}: {name}", "or train it again")
    return receipts


def _label_maps(
    split: Mapping[str, Sequence[Case]],
    predictions: Mapping[str, str | Path],
    receipts: Mapping[str, Mapping[str, Any]],
    kind: CaseSchema,
    empty: str,
) -> Iterator[_LabelMap]:
    """Yield every label map that was predicted of the cases of a list, and an empty one of each case if named."""
    for part, cases in split.items():
        evaluation: Row = {"evaluation": EVALUATIONS.get(part, FIT)}
        for case in tqdm(cases, desc=f"Scores, {evaluation['evaluation']}", unit="case"):
            truth = truth_of(case, kind)
            for strategy, receipt in receipts.items():
                for task in (task for task in receipt["tasks"] if predicts(task, part)):
                    folder = str(task["folder"])
                    labels = read_label_map(Path(predictions[strategy]) / folder, case, truth, kind)
                    yield _LabelMap(_names(task) | evaluation, case, labels, truth, strategy, folder)
            if empty:
                names: Row = {"strategy": empty, "task": ""}
                yield _LabelMap(names | evaluation, case, np.zeros(truth.shape, np.uint8), truth)


def score_ensemble(
    datalist: str | Path,
    predictions: Mapping[str, Sequence[str | Path]],
    output: str | Path,
    *,
    dataset_dir: str | Path,
    schema: CaseSchema | str | Mapping[str, Any],
    seed: int,
) -> None:
    """Score the majority vote of all folds' models on the held-out patients, in rows named ``<strategy>_ensemble``.

    Each voxel gets the label predicted by most folds; in a tie the lowest, so background before any label.

    Args:
        datalist: Case list of any fold: the held-out patients are the same.
        predictions: Strategy -> one folder per fold.
        output: CSV file.
        dataset_dir: Folder of the cases.
        schema: Name of a kind of data, or its schema, with the scored regions.
        seed: Seed, stored in each row.

    Raises:
        UsageError: A label map is missing.
    """
    kind = load_schema(schema)
    cases = read_list(datalist, dataset_dir, kind.image_keys, schema=kind).get("test", [])
    tasks = {strategy: read_receipt(folders[0])["tasks"] for strategy, folders in predictions.items()}
    rows: list[Row] = []
    for case in tqdm(cases, desc="Scores of ensembles", unit="case"):
        truth = truth_of(case, kind)
        for strategy, folders in predictions.items():
            for task in (task for task in tasks[strategy] if predicts(task, "test")):
                votes = [read_label_map(Path(folder) / task["folder"], case, truth, kind) for folder in folders]
                about: Row = {"evaluation": "held_out", "seed": seed, "fold": "all"}
                about |= {"strategy": f"{task['strategy']}_ensemble", "task": str(task["task"])}
                rows.append(_row(about, case, majority(votes), truth, kind))
    write_table(rows, Path(output), "")


def _names(task: Mapping[str, Any]) -> Row:
    return {"strategy": str(task["strategy"]), "task": str(task["task"])}


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


def read_figures(folder: Path) -> Figures:
    """Read what was measured of the prepared cases of one prediction: folder of the task and case -> columns."""
    path = folder / FIGURES
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["folder"], row["case_id"]): {key: row[key] for key in row if key not in ("folder", "case_id")}
        for row in rows
    }


def truth_of(case: Case, schema: CaseSchema) -> MetaTensor:
    """Read the label map of a case, ``(1, ...)``, or its overlapping labels, ``(labels, ...)``."""
    key = schema.label.key if schema.label else "label"
    if schema.label and schema.label.kind == "polygons":  # filled on the grid of the image
        read = ReadCased(keys=schema.image_keys, label_key=key, schema=schema)
        truth: MetaTensor = read({name: case[name] for name in case})[key]
        return truth
    return read_truth(case, schema, key)


def read_label_map(folder: Path, case: Case, truth: MetaTensor, schema: CaseSchema) -> NDArray[np.uint8]:
    """Read a predicted label map with the labels of its schema, on the grid of the truth.

    Returns:
        The label map ``(X, Y[, Z])``; of overlapping labels, ``(labels, X, Y)`` of 0 and 1.

    Raises:
        UsageError: The label map is missing, or on another grid.
    """
    stem = folder / str(case["case_id"]) / f"{case['case_id']}_seg"
    path = next((file for end in PREDICTED if (file := stem.with_name(f"{stem.name}{end}")).is_file()), None)
    if path is None:
        msg = f"There is no prediction {stem}: remove receipt.json of that prediction, and run the study again."
        raise UsageError(msg)
    key = schema.label.key if schema.label else "label"
    convention = {"label_convention": case["output_labels"]} if "output_labels" in case else {}
    predicted = read_truth({"case_id": case["case_id"], key: str(path), **convention}, schema, key)
    placed = path.suffix == ".tif" or np.allclose(predicted.affine, truth.affine, atol=1e-3)
    if predicted.shape != truth.shape or not placed:
        msg = (
            f"{path} is not on the grid of {case[key]}: the label map has changed since the prediction. Remove "
            f"receipt.json of that prediction, and run the study again."
        )
        raise UsageError(msg)
    label: NDArray[np.uint8] = convert_to_numpy(predicted)
    return label[0] if is_exclusive(schema) else label


def is_exclusive(schema: CaseSchema) -> bool:
    """Return whether a voxel has one label at most."""
    return schema.label is None or schema.label.exclusive


def voxel_size(truth: MetaTensor) -> list[float]:
    """Return the voxel size of a label map in mm."""
    return [float(size) for size in truth.pixdim[: truth.ndim - 1]]


def _row(about: Row, case: Case, labels: NDArray[Any], truth: MetaTensor, schema: CaseSchema) -> Row:
    """Score one label map of one case."""
    named = ("evaluation", "strategy", "task", "seed", "fold")
    row: Row = {name: about[name] for name in named} | {
        "case_id": str(case["case_id"]),
        "patient": str(case["patient"]),
    }
    exclusive = is_exclusive(schema)
    scores = score_case(labels, truth, voxel_size(truth), schema.regions, exclusive=exclusive)
    return {**row, **({} if exclusive else means_over(scores, list(schema.regions))), **scores}


def means_over(scores: Mapping[str, float], regions: Sequence[str]) -> dict[str, float]:
    """Return the mean of each score over all regions, as in competitions on overlapping bones.

    A region that is neither in the truth nor in the prediction has the scores of a correct prediction, such as Dice 1.
    """
    return {f"{name}_{OVERALL}": float(np.mean([scores[f"{name}_{each}"] for each in regions])) for name in AVERAGED}
