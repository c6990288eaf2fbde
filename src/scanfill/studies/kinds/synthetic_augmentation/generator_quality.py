"""Does a better generator help more? Its figures of each fold beside what its cases have added there."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from scanfill.studies.commands import step_folder
from scanfill.studies.kinds.synthetic_augmentation.arms import JUDGEMENT, combinations, primary_of
from scanfill.studies.kinds.synthetic_augmentation.jobs import generator_name, judgement_name, painting_arms
from scanfill.studies.statistics import CROSS_VALIDATION, spearman
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import Methods, table_name
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import Estimate, StudyTable, known

NOTES = (
    (
        "Figures of the network, or of the straw man of the same evaluation, on the patients that a fold evaluates, "
        "drawn from their own masks; see judgement.html in the folder of each fold. They choose nothing. Of a fold "
        "with few slices, the kernel distance (kid) is mostly noise."
    ),
    (
        "Gain: mean difference of the arm from real cases alone, over the patients of the fold. Folds differ in how "
        "hard they are, so differences of a few folds say little."
    ),
    (
        "Correlation: Spearman's, of a figure with the gain over folds and seeds, with the interval of Bonett and "
        "Wright. The seeds of a fold share its patients, so the interval is too narrow."
    ),
)

FEWEST = 5
"""Folds and seeds below which no correlation is shown."""


def quality_table(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the table of a generator's figures and of the gain by its cases; none if no generator was judged.

    Args:
        scores: Scores of the study; the figures lie in the folders of the steps that judge.
        evaluation: Only ``cross_validation``, whose patients are those that a generator is judged on.
        methods: Nothing is tested here.
    """
    del methods
    study, figures = dict(scores.study), list(scores.study.get("judged", ()))
    primary = primary_of(study)
    if evaluation != CROSS_VALIDATION or not figures or primary is None:
        return []
    names = {one: name for name, one in combinations(study).items()}
    stated = next(one for one, name in names.items() if name == primary[0])
    rows: list[list[TableCell]] = []
    for arm in painting_arms(study):
        judged = judgement_name(generator_name(study, arm, stated.patients))
        compared = names[replace(stated, arm=arm.name)], names[stated.reference]
        points = [
            (seed, fold, [found.get(name) for name in figures], gain)
            for seed, fold in product(scores.seeds, scores.folds)
            if (found := figures_of(scores, judged, seed, fold, arm.filled_by))
            and (gain := gain_of(scores, *compared, primary[2], (seed, fold))) is not None
        ]
        rows += [[arm.name, seed, fold, *values, gain] for seed, fold, values, gain in points]
        rows += _summary(arm.name, [[*values, gain] for *_, values, gain in points])
    columns = ["arm", "seed", "fold", *map(_readable, figures), f"gain in Dice of {primary[2]}"]
    title = "The generator's own figures, and what its cases have added"
    return [StudyTable(table_name("generator_quality", evaluation), title, columns, rows, NOTES)] if rows else []


def figures_of(scores: StudyScores, step: str, seed: int, fold: int, filled_by: str) -> Mapping[str, Any]:
    """Return the figures of what has filled the new cases, from a judgement; empty if there is none."""
    path = scores.folder / step_folder(step, f"fold_{fold}", seed) / JUDGEMENT
    if not path.is_file():
        return {}
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["rows"].get(filled_by, {})
    return found


def gain_of(scores: StudyScores, strategy: str, reference: str, region: str, place: tuple[int, int]) -> float | None:
    """Return the mean difference of a strategy from its reference over the patients of a fold; None if unknown.

    Args:
        scores: Scores of the study.
        strategy: Name of the strategy.
        reference: Name of its reference.
        region: Region of which the Dice is compared.
        place: Seed and fold.
    """
    means = [patient_dice(scores, name, region, place) for name in (strategy, reference)]
    differences = [means[0][patient] - means[1][patient] for patient in means[0] if patient in means[1]]
    return statistics.fmean(differences) if differences else None


def patient_dice(scores: StudyScores, strategy: str, region: str, place: tuple[int, int]) -> dict[str, float]:
    """Return patient -> mean Dice over cases, by the network of one seed and fold; empty if it is not finished."""
    if Cell(strategy) not in scores.cells(CROSS_VALIDATION):
        return {}
    cases: dict[str, list[float]] = {}
    for row in scores.of(CROSS_VALIDATION, Cell(strategy)):
        if (str(row["seed"]), str(row["fold"])) == tuple(map(str, place)):
            cases.setdefault(str(row["patient"]), []).append(float(row[f"dice_{region}"]))
    return {patient: statistics.fmean(values) for patient, values in cases.items()}


def _summary(arm: str, points: Sequence[Sequence[float | None]]) -> list[list[TableCell]]:
    """Return the mean of each figure and of the gain, and the correlation of each figure with the gain."""
    if not points:
        return []
    columns = list(zip(*points, strict=True))
    found = [[value for value in column if value is not None] for column in columns]
    rows: list[list[TableCell]] = [[arm, "mean", "", *(statistics.fmean(own) if own else None for own in found)]]
    if len(points) >= FEWEST:
        gains = [float(gain) for gain in columns[-1] if gain is not None]
        rows += [[arm, "correlation", "", *(_correlation(column, gains) for column in columns[:-1]), None]]
    return rows


def _correlation(figures: Sequence[float | None], gains: Sequence[float]) -> TableCell:
    found = spearman([float("nan") if value is None else value for value in figures], gains)
    return None if found.r is None else Estimate(found.r, known(found.low), known(found.high))


def _readable(figure: str) -> str:
    """Return the name of a figure for readers: ``dice_tumor`` is the Dice of the tumor against the mask drawn."""
    return f"Dice of {figure.removeprefix('dice_')} drawn" if figure.startswith("dice_") else figure.replace("_", "-")
