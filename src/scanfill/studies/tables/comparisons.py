"""What the tables of verdicts share: cells compared with a reference on the same patients, judged as one family."""

from __future__ import annotations

import statistics as numbers
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from scanfill.studies.score_files import EVALUATIONS, Cell
from scanfill.studies.statistics import (
    FAMILY_LABELS,
    MARGINS,
    PAPER_ALPHA,
    Bootstrap,
    Family,
    Judged,
    compare,
    describe_methods,
    judge,
    pair_strategies,
    table_row,
)
from scanfill.studies.strategies import REFERENCE
from scanfill.studies.tables.study_table import Estimate, MeanSD, StudyTable, known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.metrics.cohort import Row
    from scanfill.studies.score_files import StudyScores
    from scanfill.studies.tables.study_table import Cell as TableCell

COMPLETE = Cell(REFERENCE)
"""The four originals."""

SECONDARY = {"hd95": "95 % Hausdorff distance (mm)", "precision": "Precision", "sensitivity": "Sensitivity"}
"""Scores that are judged beside Dice."""

NOT_DIFFERENT = "*"
NOT_DIFFERENT_NOTE = (
    "* the t-test finds no difference from the reference (as in the paper; here after correction for the family): that "
    "is not the same as equal, for which see the verdicts."
)


@dataclass(frozen=True)
class Methods:
    """How cells are compared; set before the results are seen.

    Attributes:
        bootstrap: Draws, seed and level of intervals.
        margins: Of equivalence.
        variant: ``holm``, or ``paper`` for a fixed level of .0025.
        paper_level: Whether to say beside each test what that level would have said.
    """

    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    margins: Mapping[str, float] = field(default_factory=lambda: MARGINS)
    variant: Literal["holm", "paper"] = "holm"
    paper_level: bool = True


@dataclass(frozen=True)
class JudgedCells:
    """Cells of one table, compared with their references and judged as one family.

    Attributes:
        judged: Cell and label -> judged comparison of its score.
        family: All rows that were planned x four labels.
        methods: How they were compared.
        scores: Whose they are.
        evaluation: Cross-validation or held-out test.
        score: What was compared.
    """

    judged: Mapping[tuple[Cell, str], Judged]
    family: Family
    methods: Methods
    scores: StudyScores
    evaluation: str
    score: str = "dice"

    def mean(self, cell: Cell, label: str) -> MeanSD:
        """Give mean and SD over patients, marked where no difference from the reference was found."""
        found = self.judged[cell, label]
        p = found.comparison.t_test.p
        mark = "" if self.family.passes(p, found.t_test.holm) else NOT_DIFFERENT
        return MeanSD(found.comparison.values.mean, known(found.comparison.values.sd), mark)

    def difference(self, cell: Cell, label: str) -> Estimate:
        """Give the mean difference and its bootstrap interval."""
        found = self.judged[cell, label].comparison
        return Estimate(found.difference.mean, known(found.interval.low), known(found.interval.high))

    def notes(self) -> list[str]:
        """Say what a reader of the table must know."""
        methods = describe_methods(self.family, self.methods.bootstrap, self.methods.margins)
        return [about(self.scores, self.evaluation), *methods, self._smallest()]

    def _smallest(self) -> str:
        """Say label by label which difference the table could have shown."""
        said = []
        for label in FAMILY_LABELS:
            judged = [found for (_, name), found in self.judged.items() if name == label]
            values = [found.smallest.value for found in judged if found.smallest.value is not None]
            if values:
                middle = numbers.median(values)
                span = f" ({min(values):.3f} to {max(values):.3f} over the rows)" if len(values) > 1 else ""
                said.append(f"{label} {middle:.3f}{span}")
        return f"Smallest difference of {self.score} that it could have shown: {'; '.join(said) or 'not known'}."


def judge_cells(
    scores: StudyScores,
    evaluation: str,
    references: Mapping[Cell, Cell],
    methods: Methods | None = None,
    score: str = "dice",
) -> JudgedCells:
    """Compare the scores of cells with that of their references, on the same patients, as one family.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        references: Cell -> what it is compared with: every row that the table was planned to have. Those that are not
            scored count in the family's size, and are not in the result.
        methods: How to compare.
        score: ``dice``, ``hd95``, ``precision`` or ``sensitivity``.

    Raises:
        UsageError: A cell and another one were not scored on the same patients.
    """
    methods = methods or Methods()
    there = set(scores.cells(evaluation))
    family = Family(max(1, len(references) * len(FAMILY_LABELS)), methods.variant)
    cells: dict[str, Cell] = {}
    comparisons = []
    for reference in dict.fromkeys(references.values()):
        others = [cell for cell, own in references.items() if own == reference and cell in there]
        if not others or reference not in there:
            continue
        cells |= {cell.name: cell for cell in others}
        rows = {cell.name: scores.of(evaluation, cell) for cell in (reference, *others)}
        for label in FAMILY_LABELS:
            pairs = pair_strategies(rows, reference.name, f"{score}_{label}")
            comparisons += [compare(each, methods.bootstrap, methods.margins) for each in pairs]
    found = {
        (cells[each.comparison.pairs.strategy], each.comparison.pairs.score.removeprefix(f"{score}_")): each
        for each in judge(comparisons, family)
    }
    return JudgedCells(found, family, methods, scores, evaluation, score)


def about(scores: StudyScores, evaluation: str) -> str:
    """Say whose results they are: patients, folds, seeds, and whether something is not there."""
    (first, *_) = scores.cells(evaluation)
    rows = scores.of(evaluation, first)
    patients = len({row["patient"] for row in rows})
    cases = len({row["case_id"] for row in rows})
    folds = ", ".join(map(str, scores.folds))
    seeds = ", ".join(map(str, scores.seeds))
    how = "pooled over the folds" if evaluation == "cross_validation" else "averaged over the models of the folds"
    unfinished = " NOT FINISHED: results are absent, see the page." if scores.absent else ""
    return (
        f"{EVALUATIONS[evaluation].capitalize()}, {how} {folds}; {patients} patients, {cases} cases; seeds {seeds}; "
        f"segmenter {scores.study['segmenter']}.{unfinished}"
    )


def table_name(base: str, evaluation: str) -> str:
    """Name a table so that cross-validation and held-out test never share a file."""
    return f"{base}_{evaluation}"


def verdict_table(
    name: str, title: str, judged: JudgedCells, heads: Mapping[Cell, Sequence[str]], columns: Sequence[str]
) -> StudyTable:
    """Write every test of a family: one row a cell and label; for programs with every figure there is.

    Args:
        name: Of the files.
        title: Of the table.
        judged: The family.
        heads: Cell -> what stands at the beginning of its rows, in the order of the table.
        columns: Names of these.
    """
    rows: list[list[TableCell]] = []
    data: list[dict[str, float | int | str | None]] = []
    for cell, head in heads.items():
        for label in FAMILY_LABELS:
            if (cell, label) not in judged.judged:
                continue
            found = judged.judged[cell, label]
            rows.append([*head, label, *_tests(found), judged.difference(cell, label), *_verdict(found)])
            data.append({**dict(zip(columns, head, strict=True)), "label": label, **table_row(found)})
    asked = {"p equivalence": bool(judged.methods.margins), f"p < {PAPER_ALPHA}": judged.methods.paper_level}
    own = [judged.score, "reference", "p", "p Wilcoxon", "p equivalence", "difference [interval]"]
    names = [*columns, "label", *own, "seed SD", "smallest", f"p < {PAPER_ALPHA}", "verdict", "why"]
    kept = [index for index, column in enumerate(names) if asked.get(column, True)]
    notes = [*judged.notes(), "The p-values are Holm's; the CSV has Bonferroni's and the uncorrected ones too."]
    shown = [[row[index] for index in kept] for row in rows]
    return StudyTable(name, title, [names[index] for index in kept], shown, notes, data=data)


def _tests(found: Judged) -> list[TableCell]:
    comparison = found.comparison
    means = [comparison.values.mean, comparison.reference_values.mean]
    return [*means, *(p_text(each.holm) for each in (found.t_test, found.signed_rank, found.equivalence))]


def _verdict(found: Judged) -> list[TableCell]:
    p = found.comparison.t_test.p
    as_paper = "" if p is None else "yes" if p < PAPER_ALPHA else "no"
    return [known(found.comparison.seeds.sd), known(found.smallest.value), as_paper, found.verdict, found.why]


def p_text(p: float | None) -> str | None:
    """Write a p-value as papers do."""
    return None if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def patient_means(rows: Sequence[Row], key: str) -> list[float]:
    """Average a figure over the visits and seeds of each patient; patients without it are left out."""
    values: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(key)
        if isinstance(value, float | int) and not np.isnan(value):
            values.setdefault(str(row["patient"]), []).append(float(value))
    return [numbers.fmean(each) for each in values.values()]


def mean_sd(values: Sequence[float], mark: str = "") -> MeanSD:
    """Sum up one value a patient; NaN for nothing."""
    if not values:
        return MeanSD(float("nan"), float("nan"), mark)
    return MeanSD(numbers.fmean(values), numbers.stdev(values) if len(values) > 1 else float("nan"), mark)
