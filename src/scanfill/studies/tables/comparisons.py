"""Shared by the tables of verdicts: compare cells with a reference on the same patients, as one family."""

import math
import statistics as numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from scanfill.metrics.cohort import Row
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.statistics import (
    Bootstrap,
    Family,
    Judged,
    compare,
    describe_methods,
    judge,
    pair_strategies,
)
from scanfill.studies.study_scores import EVALUATIONS, Cell, StudyScores
from scanfill.studies.tables.study_table import NOT_FINISHED, Compared, Estimate, MeanSD, known

SECONDARY = {"hd95": "95 % Hausdorff distance", "precision": "Precision", "sensitivity": "Sensitivity"}
"""Scores that are tested in addition to Dice."""


def secondary_scores(scores: StudyScores) -> dict[str, str]:
    """Return the scores that are tested in addition to Dice, each with its name and unit for readers."""
    return SECONDARY | {"hd95": f"{SECONDARY['hd95']} ({scores.distance_unit})"}


NOT_DIFFERENT = "*"
NOT_DIFFERENT_NOTE = (
    "* the t-test finds no difference from the reference (as in the paper; here after correction for the family). This "
    "does not mean equal: see the verdicts."
)


@dataclass(frozen=True)
class Methods:
    """How cells are compared; set before the results are seen.

    Attributes:
        bootstrap: Draws, seed and level of intervals.
        margins: Equivalence margins, score -> margin; None for those of the study, {} for no test of equivalence.
        variant: ``holm``, or ``paper`` for a fixed level of .0025.
        paper_level: Whether to also report each test at the paper's level.
    """

    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    margins: Mapping[str, float] | None = None
    variant: Literal["holm", "paper"] = "holm"
    paper_level: bool = True


@dataclass(frozen=True)
class JudgedCells:
    """Cells of one table, compared with their references as one family.

    Attributes:
        judged: Cell and label -> comparison of its score, with a verdict.
        family: All planned rows x the compared regions.
        methods: How they were compared.
        scores: Scores of the study.
        evaluation: Cross-validation or held-out test.
        score: The score compared.
        references: Every planned cell -> the one that it is compared with.
    """

    judged: Mapping[tuple[Cell, str], Judged]
    family: Family
    methods: Methods
    scores: StudyScores
    evaluation: str
    score: str = "dice"
    references: Mapping[Cell, Cell] = field(default_factory=dict)

    def mean(self, cell: Cell, label: str) -> MeanSD:
        """Return mean and SD over patients, marked if no difference from the reference was found."""
        found = self.judged[cell, label]
        values = found.comparison.values
        return MeanSD(values.mean, known(values.sd), "" if found.is_significant else NOT_DIFFERENT)

    def dice(self, cell: Cell, label: str) -> MeanSD | str:
        """Return mean and SD of a cell, unmarked for the reference, or the reason there is none."""
        if (cell, label) in self.judged:
            return self.mean(cell, label)
        if cell in self.scores.cells(self.evaluation):
            return mean_sd(patient_means(self.scores.of(self.evaluation, cell), f"dice_{label}"))
        return NOT_FINISHED

    def compared(self, cell: Cell, label: str) -> Compared | str:
        """Return mean and difference of a cell, only the mean for the reference, or the reason there is none."""
        dice = self.dice(cell, label)
        if isinstance(dice, str):
            return dice
        if (cell, label) in self.judged:
            return Compared(dice.mean, dice.sd, self.difference(cell, label), self.judged[cell, label].verdict)
        return Compared(dice.mean, dice.sd, Estimate(math.nan, math.nan, math.nan), "reference")

    def difference(self, cell: Cell, label: str) -> Estimate:
        """Return the mean difference and its bootstrap interval."""
        found = self.judged[cell, label].comparison
        return Estimate(found.difference.mean, known(found.interval.low), known(found.interval.high))

    def notes(self) -> list[str]:
        """Return the notes that the table needs."""
        methods = describe_methods(self.family, self.methods.bootstrap, self.methods.margins)
        least = self.scores.study.get("least_patients", 0)
        withheld = [f"No verdict on fewer than {least} different patients, set before the run."] if least else []
        return [about(self.scores, self.evaluation), *methods, *withheld, self._smallest()]

    def _smallest(self) -> str:
        """Describe the smallest difference that the table could have detected, for each label."""
        said = []
        for label in self.scores.regions:
            judged = [found for (_, name), found in self.judged.items() if name == label]
            values = [found.smallest.value for found in judged if found.smallest.value is not None]
            if values:
                middle = numbers.median(values)
                span = f" ({min(values):.3f} to {max(values):.3f} over the rows)" if len(values) > 1 else ""
                said.append(f"{label} {middle:.3f}{span}")
        return f"Smallest detectable difference of {self.score}: {'; '.join(said) or 'unknown'}."


def judge_cells(
    scores: StudyScores,
    evaluation: str,
    references: Mapping[Cell, Cell],
    methods: Methods | None = None,
    score: str = "dice",
) -> JudgedCells:
    """Compare the scores of cells with those of their references, on the same patients, as one family.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        references: Cell -> its reference, for every planned row of the table. Cells without scores count in the
            family's size, but are not in the result.
        methods: How to compare.
        score: ``dice``, ``hd95``, ``precision`` or ``sensitivity``.

    Raises:
        UsageError: Two cells were not scored on the same patients.
    """
    methods = methods or Methods()
    margins = scores.margins if methods.margins is None else methods.margins
    methods = replace(methods, margins=margins)
    there = set(scores.cells(evaluation))
    family = Family(max(1, len(references) * len(scores.regions)), methods.variant)
    cells: dict[str, Cell] = {}
    comparisons = []
    for reference in dict.fromkeys(references.values()):
        others = [cell for cell, own in references.items() if own == reference and cell in there]
        if not others or reference not in there:
            continue
        cells |= {cell.name: cell for cell in others}
        rows = {cell.name: scores.of(evaluation, cell) for cell in (reference, *others)}
        for label in scores.regions:
            pairs = pair_strategies(rows, reference.name, f"{score}_{label}")
            comparisons += [compare(each, methods.bootstrap, margins) for each in pairs]
    found = {
        (cells[each.comparison.pairs.strategy], each.comparison.pairs.score.removeprefix(f"{score}_")): each
        for each in judge(comparisons, family, scores.study.get("least_patients", 0))
    }
    return JudgedCells(found, family, methods, scores, evaluation, score, references)


def about(scores: StudyScores, evaluation: str) -> str:
    """Describe the data of the results: patients, folds, seeds, and whether results are missing."""
    (first, *_) = scores.cells(evaluation)
    rows = scores.of(evaluation, first)
    patients = len({row["patient"] for row in rows})
    cases = len({row["case_id"] for row in rows})
    folds = ", ".join(map(str, scores.folds))
    seeds = ", ".join(map(str, scores.seeds))
    how = "pooled over the folds" if evaluation == "cross_validation" else "averaged over the models of the folds"
    unfinished = " NOT FINISHED: results are missing, see the page." if scores.absent else ""
    return (
        f"{EVALUATIONS[evaluation].capitalize()}, {how} {folds}; {patients} patients, {cases} cases; seeds {seeds}; "
        f"{kind_of_study(scores.study).describe(scores.study)}.{unfinished}"
    )


def not_planned(names: Iterable[str]) -> list[str]:
    """Return a note with what a study does not include; empty if it includes everything."""
    listed = ", ".join(names)
    return [f"Not part of this study: {listed}."] if listed else []


def table_name(base: str, evaluation: str) -> str:
    """Return a table's file name, which differs for cross-validation and held-out test."""
    return f"{base}_{evaluation}"


def patient_means(rows: Sequence[Row], key: str) -> list[float]:
    """Average a value over the visits and seeds of each patient; patients without it are excluded."""
    values: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(key)
        if isinstance(value, float | int) and not math.isnan(value):
            values.setdefault(str(row["patient"]), []).append(float(value))
    return [numbers.fmean(each) for each in values.values()]


def mean_sd(values: Sequence[float]) -> MeanSD:
    """Return mean and SD of one value per patient; NaN if there are none."""
    if not values:
        return MeanSD(math.nan, math.nan)
    return MeanSD(numbers.fmean(values), numbers.stdev(values) if len(values) > 1 else math.nan)
