"""Every score of every strategy summed up: mean, SD and median over patients."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from scanfill.domains.brain_mri.regions import REGIONS
from scanfill.studies.tables.comparisons import about, patient_means, table_name
from scanfill.studies.tables.study_table import StudyTable

if TYPE_CHECKING:
    from scanfill.studies.score_files import StudyScores
    from scanfill.studies.tables.study_table import Cell as TableCell

DESCRIBED = ("dice", "hd95", "precision", "sensitivity")
"""What is summed up; HD95 in mm."""


def descriptive_table(scores: StudyScores, evaluation: str) -> StudyTable:
    """Sum up each score of each strategy, missing set and region; nothing is tested.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
    """
    rows: list[list[TableCell]] = []
    for cell in scores.cells(evaluation):
        own = scores.of(evaluation, cell)
        for score in DESCRIBED:
            for region in REGIONS:
                values = patient_means(own, f"{score}_{region}")
                if values:
                    sd = statistics.stdev(values) if len(values) > 1 else float("nan")
                    figures = [statistics.fmean(values), sd, statistics.median(values)]
                    rows.append([cell.missing or "nothing", cell.strategy, score, region, len(values), *figures])
    columns = ["missing", "strategy", "score", "region", "patients", "mean", "SD", "median"]
    note = "Visits and seeds of a patient are averaged first. Distances (hd95) are in mm, all else is from 0 to 1."
    notes = [about(scores, evaluation), f"{note} Nothing is tested here: see the tables of verdicts."]
    return StudyTable(table_name("all_scores", evaluation), "Every score of every strategy", columns, rows, notes)
