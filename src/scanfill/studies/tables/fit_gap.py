"""How much better networks are on the patients that they were trained on: a sign that they learn by heart."""

import statistics
from collections.abc import Mapping, Sequence

from scanfill.metrics.cohort import Row
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.statistics import CROSS_VALIDATION, bootstrap_interval
from scanfill.studies.study_scores import StudyScores, read_score_file
from scanfill.studies.tables.comparisons import Methods, table_name
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import Estimate, StudyTable, known

NOTE = (
    "In cross-validation, each patient is a training patient of all folds but one. Gap: Dice by the models that were "
    "trained on a patient (mean over folds and seeds) minus Dice by the one that was not, mean over patients with "
    "bootstrap interval. Some gap is usual; one that grows with the network while the test does not is learning by "
    "heart."
)


def fit_table(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the table of the gap between training and test of each strategy; none if the training was not scored.

    Args:
        scores: Scores of the study; those of training patients lie in ``fit``.
        evaluation: Only ``cross_validation`` has the same patients on both sides.
        methods: Draws, seed and level of the interval.
    """
    if evaluation != CROSS_VALIDATION:
        return []
    fit = read_fit_rows(scores)
    rows: list[list[TableCell]] = []
    for cell in scores.cells(evaluation):
        trained = [row for row in fit if row["strategy"] == cell.strategy and row["task"] == cell.task]
        tested = scores.of(evaluation, cell)
        folds = {str(row["patient"]): str(row["fold"]) for row in tested}
        for region in scores.regions if trained else ():
            seen, unseen = (by_patient(each, f"dice_{region}") for each in (trained, tested))
            both = [patient for patient in unseen if patient in seen]
            if not both:
                continue
            gaps = [round(seen[patient] - unseen[patient], 9) for patient in both]
            interval = bootstrap_interval(gaps, [folds[patient] for patient in both], methods.bootstrap)
            gap = Estimate(statistics.fmean(gaps), known(interval.low), known(interval.high))
            means = [statistics.fmean(each[patient] for patient in both) for each in (seen, unseen)]
            rows.append([cell.name, region, len(both), *means, gap])
    columns = ["strategy", "region", "patients", "Dice, training", "Dice, test", "gap [interval]"]
    title = "Training and test: what is only learned by heart"
    return [StudyTable(table_name("fit", evaluation), title, columns, rows, [NOTE])] if rows else []


def by_patient(rows: Sequence[Row], score: str) -> Mapping[str, float]:
    """Return patient -> mean of a score over cases, then over folds and seeds."""
    cases: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        key = str(row["patient"]), str(row["seed"]), str(row.get("fold", ""))
        cases.setdefault(key, []).append(float(row[score]))
    models: dict[str, list[float]] = {}
    for (patient, *_), values in cases.items():
        models.setdefault(patient, []).append(statistics.fmean(values))
    return {patient: statistics.fmean(values) for patient, values in models.items()}


def read_fit_rows(scores: StudyScores) -> list[Row]:
    """Read the scores of the training patients of the seeds and folds that are used; empty if there are none."""
    figures = kind_of_study(scores.study).figures
    paths = [
        scores.folder / "fit" / f"seed_{seed}" / f"fold_{fold}.csv" for seed in scores.seeds for fold in scores.folds
    ]
    return [row for path in paths if path.is_file() for row in read_score_file(path, figures)]
