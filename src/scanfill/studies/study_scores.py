"""Read the scores of a study, and list the missing ones.

A study's folder contains ``study.json`` and ``scores/seed_<s>/fold_<k>.csv``, with one row per strategy, task,
evaluation and case. Tables are made from complete results; incomplete results must be requested, and are marked.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError
from scanfill.metrics.cohort import Row, as_number, is_score
from scanfill.studies.commands import is_tested, predicts
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.statistics import CROSS_VALIDATION, HELD_OUT, average_fold_models, mark_ensemble, pool_folds

ENSEMBLE = "_ensemble"
"""Suffix of the fold models' ensemble."""

EVALUATIONS: Mapping[str, str] = {CROSS_VALIDATION: "cross-validation", HELD_OUT: "held-out test"}
"""Name of each evaluation in score files -> its name for readers."""

PARTS: Mapping[str, str] = {CROSS_VALIDATION: "validation", HELD_OUT: "test"}
"""Evaluation -> part of a fold's list that it is about."""

HOW: Mapping[str, str] = {
    "cross_validation": "Each patient was predicted by the one fold model that was not trained on that patient; folds "
    "are pooled.",
    "held_out": "Patients that no fold was trained on. A patient's score is the mean over the models of all folds; "
    "their ensemble has separate rows.",
}
"""Explanation of each evaluation."""

IDENTITY = ("evaluation", "strategy", "task", "seed", "fold", "case_id", "patient")


class Cell(NamedTuple):
    """A strategy, and its task: how the cases were changed before they were predicted; empty for cases as they are."""

    strategy: str
    task: str = ""

    @property
    def name(self) -> str:
        """Both in words."""
        return f"{self.strategy}, {self.task}" if self.task else self.strategy


@dataclass(frozen=True)
class StudyScores:
    """Every score of a study that can be compared.

    Attributes:
        folder: Folder of the study.
        study: Its options.
        about: The other entries of ``study.json``: versions, command, checksums.
        rows: Rows of the files of ``seeds`` and ``folds``.
        seeds: Seeds used.
        folds: Folds used, the same for each seed.
        absent: Missing results, in words; empty if the results are complete.
    """

    folder: Path
    study: Mapping[str, Any]
    about: Mapping[str, Any]
    rows: Sequence[Row]
    seeds: tuple[int, ...]
    folds: tuple[int, ...]
    absent: tuple[str, ...] = ()

    @cached_property
    def _by_cell(self) -> dict[tuple[str, Cell], list[Row]]:
        found: dict[tuple[str, Cell], list[Row]] = {}
        for row in self.rows:
            cell = Cell(str(row["strategy"]), str(row["task"]))
            found.setdefault((str(row["evaluation"]), cell), []).append(row)
        return found

    @cached_property
    def predictions(self) -> Mapping[str, Mapping[str, Any]]:
        """What each strategy predicts, as planned by the study's kind."""
        return kind_of_study(self.study).find_predictions(dict(self.study))

    @cached_property
    def tasks(self) -> Mapping[Cell, tuple[str, Mapping[str, Any]]]:
        """Cell -> the prediction that it belongs to, and its task."""
        return {
            Cell(task["strategy"], task["task"]): (name, task)
            for name, prediction in self.predictions.items()
            for task in prediction["tasks"]
        }

    @property
    def regions(self) -> tuple[str, ...]:
        """Scored regions that are compared."""
        return tuple(self.study["regions"])

    @property
    def margins(self) -> Mapping[str, float]:
        """Equivalence margins of Dice: score -> largest difference too small to matter."""
        return {f"dice_{region}": float(margin) for region, margin in self.study["margins"].items()}

    @property
    def planned_evaluations(self) -> list[str]:
        """Evaluations that the study requires."""
        return [name for name in EVALUATIONS if name != HELD_OUT or is_tested(self.study)]

    @property
    def distance_unit(self) -> str:
        """Unit of distances: pixels if the kind of data is pictures whose pixels have no known size, else mm."""
        schema = load_schema(self.about["schema"])
        return "pixels" if schema.spatial_dims == 2 and schema.pixel_size is None else "mm"

    @property
    def evaluations(self) -> list[str]:
        """Evaluations that were scored: ``cross_validation``, ``held_out``."""
        return [name for name in EVALUATIONS if any(name == found for found, _ in self._by_cell)]

    def cells(self, evaluation: str) -> list[Cell]:
        """List the strategies and tasks that were scored in all folds and seeds used."""
        return [cell for found, cell in self._by_cell if found == evaluation and self._is_whole(evaluation, cell)]

    @cached_property
    def planned(self) -> list[Cell]:
        """List the strategies and tasks that the study requires, and the empty prediction if it has one."""
        kind = kind_of_study(self.study)
        return [*self.tasks, *([Cell(kind.empty)] if kind.empty else [])]

    def planned_in(self, evaluation: str) -> list[Cell]:
        """List the strategies and tasks that the study requires in one evaluation."""
        cells = [(cell, self.tasks[cell][1] if cell in self.tasks else {}) for cell in self.planned]
        return [cell for cell, task in cells if predicts(task, PARTS[evaluation])]

    def was_planned(self, cell: Cell) -> bool:
        """Return whether the study requires a cell: a required cell without scores is unfinished."""
        return cell in self.planned

    def of(self, evaluation: str, cell: Cell) -> list[dict[str, float | str]]:
        """Return the rows of one cell, one per case and seed, marked with their evaluation.

        Cross-validation: folds are pooled. Held-out test: fold models are averaged; their ensemble, already a single
        prediction, is unchanged.

        Raises:
            UsageError: The cell was not scored, or its rows contradict each other.
        """
        rows = self._by_cell.get((evaluation, cell))
        if not rows:
            known = ", ".join(sorted(each.name for each in self.cells(evaluation)))
            msg = f"There are no scores of {cell.name} in {EVALUATIONS[evaluation]}; scored: {known or 'none'}."
            raise UsageError(msg)
        if evaluation == CROSS_VALIDATION:
            return pool_folds(rows, self.folds)
        return mark_ensemble(rows) if cell.strategy.endswith(ENSEMBLE) else average_fold_models(rows, self.folds)

    def _is_whole(self, evaluation: str, cell: Cell) -> bool:
        """Return whether a cell is complete: each seed has every fold (an ensemble has no folds: each seed)."""
        rows = self._by_cell[evaluation, cell]
        found = {(str(row["seed"]), "" if cell.strategy.endswith(ENSEMBLE) else str(row["fold"])) for row in rows}
        folds = [""] if cell.strategy.endswith(ENSEMBLE) else [str(fold) for fold in self.folds]
        return found == {(str(seed), fold) for seed in self.seeds for fold in folds}


def read_study_scores(folder: Path, *, partial: bool = False) -> StudyScores:
    """Read a study's scores.

    Args:
        folder: Folder of the study.
        partial: Whether to accept incomplete results: then only folds that are available for every seed are used.

    Raises:
        UsageError: There is no study; results are missing without ``partial``; nothing was scored; or a file does not
            have the columns of scores.
    """
    study, about = _read_study(folder)
    figures = kind_of_study(study).figures
    seeds, folds = study["seeds"], study["subset"]["folds"]
    files = {(s, k): folder / "scores" / f"seed_{s}" / f"fold_{k}.csv" for s in seeds for k in folds}
    absent = [f"scores/seed_{s}/fold_{k}.csv" for (s, k), path in files.items() if not path.is_file()]
    there = {s: [k for k in folds if files[s, k].is_file()] for s in seeds}
    used_seeds, used_folds = _usable(there)
    rows = [row for s in used_seeds for k in used_folds for row in read_score_file(files[s, k], figures)]
    if is_tested(study) and len(folds) > 1:
        ensembles = {s: folder / "scores" / f"seed_{s}" / "ensemble.csv" for s in seeds}
        absent += [f"scores/seed_{s}/ensemble.csv" for s, path in ensembles.items() if not path.is_file()]
        rows += [row for s in used_seeds if ensembles[s].is_file() for row in read_score_file(ensembles[s], figures)]
    scores = StudyScores(folder, study, about, rows, used_seeds, used_folds, tuple(absent))
    if rows:
        absent += [
            f"{cell.name}, {EVALUATIONS[evaluation]}: not in every file of scores"
            for evaluation in scores.planned_evaluations
            for cell in scores.planned_in(evaluation)
            if cell not in scores.cells(evaluation)
        ]
    if not rows or (absent and not partial):
        shown = [*absent[:12], *([f"and {len(absent) - 12} more"] if len(absent) > 12 else [])]
        listed = "\n".join(f"  {each}" for each in shown)
        remedy = "Run the study again to finish it" + (", or pass --partial for a report." if rows else ".")
        msg = f"The study in {folder} is not finished; {len(absent)} results are missing:\n{listed}\n{remedy}"
        raise UsageError(msg)
    return StudyScores(folder, study, about, rows, used_seeds, used_folds, tuple(absent))


def read_score_file(path: Path, figures: Sequence[str] = ()) -> list[dict[str, float | str]]:
    """Read one score file: scores and figures as numbers, every other column as text.

    Args:
        path: The file.
        figures: Further columns of numbers.

    Raises:
        UsageError: An identifying column is missing.
    """
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(line for line in file if not line.startswith("#"))
        lacking = [name for name in IDENTITY if name not in (table.fieldnames or ())]
        if lacking:
            msg = f"{path} has no column {', '.join(lacking)}; it has {table.fieldnames}. Run the study again."
            raise UsageError(msg)
        rows = list(table)
    if cut := next((number for number, row in enumerate(rows, 1) if None in row.values()), None):
        msg = f"{path} is truncated in row {cut}. Remove it, and run the study again."
        raise UsageError(msg)
    return [
        {key: as_number(value) if is_score(key) or key in figures else value for key, value in row.items()}
        for row in rows
    ]


def _usable(there: Mapping[int, Sequence[int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose the most seeds and folds such that every seed has every fold; in a tie, those with more folds."""
    choices = []
    for folds in {tuple(found) for found in there.values() if found}:
        seeds = tuple(seed for seed, found in there.items() if set(folds) <= set(found))
        choices.append((len(seeds) * len(folds), len(folds), seeds, folds))
    if not choices:
        return (), ()
    *_, seeds, folds = max(choices)
    return seeds, folds


def _read_study(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read ``study.json``: the options, and its other entries."""
    path = folder / "study.json"
    if not path.is_file():
        msg = f"There is no study in {folder}: {path.name} is missing. Pass the folder given to the study as --out."
        raise UsageError(msg)
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return about.pop("study"), about
