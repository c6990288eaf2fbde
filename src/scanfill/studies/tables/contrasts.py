"""Contrasts of several strategies, such as a main effect or an interaction, tested with the patient as the unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanfill.errors import UsageError
from scanfill.studies.statistics import Family, compare, judge, pair_strategies, table_row
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods, table_name
from scanfill.studies.tables.long_tables import p_text
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import Estimate, StudyTable, known

ABOUT = ("case_id", "patient", "seed", "fold", "evaluation")
"""Columns that identify a row."""

NOTHING = "0"
"""What a contrast is compared with."""

COLUMNS = ("region", "patients", "effect [interval]", "p", "seed SD", "smallest", "verdict", "why")


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of the scores of strategies, computed within each patient.

    Attributes:
        head: What it is, one text for each of a table's first columns.
        weights: Strategy -> weight; they sum to 0.
    """

    head: tuple[str, ...]
    weights: Mapping[str, float]

    @property
    def name(self) -> str:
        """Its texts in one."""
        return ", ".join(self.head)


def add(*parts: tuple[float, str, str]) -> dict[str, float]:
    """Sum differences of two strategies.

    Args:
        *parts: Weight, strategy, and the one that is subtracted from it.

    Returns:
        Strategy -> weight; those that cancel out are left out.
    """
    weights: dict[str, float] = {}
    for weight, one, other in parts:
        weights[one] = weights.get(one, 0.0) + weight
        weights[other] = weights.get(other, 0.0) - weight
    return {name: weight for name, weight in weights.items() if abs(weight) > 1e-12}


def contrast_values(
    scores: StudyScores, evaluation: str, contrast: Contrast, score: str
) -> list[dict[str, float | str]]:
    """Compute a contrast in each case and seed.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        contrast: The contrast.
        score: Column such as ``dice_tumor``.

    Returns:
        Rows as those of a strategy, with the contrast as the score.

    Raises:
        UsageError: The strategies were not scored on the same cases.
    """
    found: dict[tuple[str, str], dict[str, float | str]] = {}
    keys: set[tuple[str, str]] = set()
    for number, (strategy, weight) in enumerate(contrast.weights.items()):
        own = {(str(row["case_id"]), str(row["seed"])): row for row in scores.of(evaluation, Cell(strategy))}
        keys = keys if number else set(own)
        if keys != set(own):
            case, seed = min(keys ^ set(own))
            msg = f"Contrast {contrast.name!r}: case {case!r} with seed {seed} was not scored with every strategy."
            raise UsageError(msg)
        for key, row in own.items():
            about: dict[str, float | str] = {name: row[name] for name in ABOUT if name in row}
            line = found.setdefault(key, about | {score: 0.0})
            line[score] = float(line[score]) + weight * float(row[score])
    return list(found.values())


def judge_contrasts(
    scores: StudyScores, evaluation: str, contrasts: Sequence[Contrast], methods: Methods
) -> JudgedCells:
    """Test contrasts of Dice as one family: every planned contrast x the compared regions.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        contrasts: All that were planned; one whose strategies are not all scored counts in the family alone.
        methods: How to test; equivalence is not tested.

    Returns:
        The verdict of each contrast, whose name stands for a strategy, and region.
    """
    there = {cell.strategy for cell in scores.cells(evaluation) if not cell.task}
    family = Family(max(1, len(contrasts) * len(scores.regions)), methods.variant)
    asked, comparisons = [], []
    for contrast in contrasts:
        if not set(contrast.weights) <= there:
            continue
        for region in scores.regions:
            score = f"dice_{region}"
            rows = contrast_values(scores, evaluation, contrast, score)
            zeros = [{**row, score: 0.0} for row in rows]
            (pairs,) = pair_strategies({NOTHING: zeros, contrast.name: rows}, NOTHING, score)
            asked.append((Cell(contrast.name), region))
            comparisons.append(compare(pairs, methods.bootstrap))
    judged = judge(comparisons, family, scores.study.get("least_patients", 0))
    own = Methods(methods.bootstrap, {}, methods.variant, paper_level=False)
    return JudgedCells(dict(zip(asked, judged, strict=True)), family, own, scores, evaluation)


def contrast_table(
    name: str,
    title: str,
    heads: Sequence[str],
    contrasts: Sequence[Contrast],
    tested: JudgedCells,
    *,
    notes: Sequence[str] = (),
) -> StudyTable:
    """Make a table of contrasts, one row for each and each region; the CSV has all figures.

    Args:
        name: File name without the evaluation.
        title: Title of the table.
        heads: Names of the first columns.
        contrasts: The contrasts in order.
        tested: From :py:func:`judge_contrasts`.
        notes: Notes that come before those of the tests.
    """
    rows: list[list[TableCell]] = []
    data: list[dict[str, float | int | str | None]] = []
    for contrast in contrasts:
        for region in tested.scores.regions:
            if (Cell(contrast.name), region) not in tested.judged:
                continue
            found = tested.judged[Cell(contrast.name), region]
            comparison = found.comparison
            low, high = known(comparison.interval.low), known(comparison.interval.high)
            effect = Estimate(comparison.difference.mean, low, high)
            figures = [p_text(found.t_test.holm), known(comparison.seeds.sd), known(found.smallest.value)]
            patients = len(comparison.pairs.patients)
            rows.append([*contrast.head, region, patients, effect, *figures, found.verdict, found.why])
            data.append({**dict(zip(heads, contrast.head, strict=True)), "label": region, **table_row(found)})
    every = [*notes, *tested.notes(), "The p-values are Holm's; the CSV has Bonferroni's and the uncorrected ones too."]
    return StudyTable(table_name(name, tested.evaluation), title, [*heads, *COLUMNS], rows, every, data=data)
