"""Long tables, mostly for programs: every test of a family, and every score of every strategy."""

import statistics
from collections.abc import Mapping, Sequence

from scanfill.metrics.cohort import Row
from scanfill.studies.statistics import PAPER_ALPHA, Judged, table_row
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, about, mean_sd, patient_means, table_name
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import StudyTable, known

DESCRIBED = ("dice", "hd95", "precision", "sensitivity")
"""Scores that are summarized."""


def verdict_table(
    name: str, title: str, judged: JudgedCells, heads: Mapping[Cell, Sequence[str]], columns: Sequence[str]
) -> StudyTable:
    """Make a table of every test of a family: one row per cell and label; the CSV has all figures.

    Args:
        name: File name of the table.
        title: Title of the table.
        judged: The family.
        heads: Cell -> first entries of its rows, in the order of the table.
        columns: Names of the columns of these entries.
    """
    rows: list[list[TableCell]] = []
    data: list[dict[str, float | int | str | None]] = []
    for cell, head in heads.items():
        for label in judged.scores.regions:
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
    """Format a p-value as in papers."""
    return None if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def descriptive_table(scores: StudyScores, evaluation: str) -> StudyTable:
    """Summarize each score of each strategy, task and region: mean, SD and median over patients, without tests.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
    """
    rows: list[list[TableCell]] = []
    for cell in scores.cells(evaluation):
        own = scores.of(evaluation, cell)
        for score in DESCRIBED:
            for region in _scored(own, score):
                if values := patient_means(own, f"{score}_{region}"):
                    found = mean_sd(values)
                    figures = [found.mean, found.sd, statistics.median(values)]
                    rows.append([cell.task or None, cell.strategy, score, region, len(values), *figures])
    columns = ["task", "strategy", "score", "region", "patients", "mean", "SD", "median"]
    note = "Visits and seeds of a patient are averaged first. Distances (hd95) are in "
    note += f"{scores.distance_unit}, all others from 0 to 1."
    notes = [about(scores, evaluation), f"{note} For tests, see the tables of verdicts."]
    return StudyTable(table_name("all_scores", evaluation), "Every score of every strategy", columns, rows, notes)


def _scored(rows: Sequence[Row], score: str) -> list[str]:
    """List the regions that have a score."""
    return [key.removeprefix(f"{score}_") for key in rows[0] if key.startswith(f"{score}_")]
