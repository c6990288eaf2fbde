"""What the study says about each subset of sequences, in one line."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.studies.score_files import acquired_of
from scanfill.studies.statistics import FAMILY_LABELS
from scanfill.studies.strategies import join
from scanfill.studies.tables.comparisons import table_name
from scanfill.studies.tables.study_table import NOT_FINISHED, NOT_TRAINED, StudyTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.studies.score_files import Cell
    from scanfill.studies.tables.comparisons import JudgedCells
    from scanfill.studies.tables.study_table import Cell as TableCell

MISSING_SETS = ("", *(join(names) for number in (1, 2, 3) for names in combinations(MODALITIES, number)))
"""What is missing in each of the fifteen subsets."""

AS_GOOD, WORSE = "as good as complete", "worse"


def subset_verdicts(judged: JudgedCells, gains: JudgedCells, planned: Sequence[Cell]) -> StudyTable:
    """Sum up each subset in one line.

    Strategies are compared with the originals and with zero-filling, not with one another: the one with the highest
    mean is named, and that is no claim that it is better than the next.

    Args:
        judged: All cells against the four originals.
        gains: Those with something missing against zero-filling.
        planned: Cells of the study.
    """
    rows: list[list[TableCell]] = []
    for missing in MISSING_SETS:
        cells = [cell for cell in dict.fromkeys(cell for cell, _ in judged.judged) if cell.missing == missing]
        as_good, worse = (_labels_with(judged, cells, verdict) for verdict in (AS_GOOD, WORSE))
        lower, higher = _significant(judged, cells, -1), _significant(gains, cells, +1)
        acquired = "+".join(acquired_of(missing))
        asked = any(cell.missing == missing for cell in planned)
        highest = _highest(judged, cells)
        verdict = _sentence(cells, as_good, worse, planned=asked, whole_set=not missing)
        rows.append([missing or "nothing", acquired, highest, _join(as_good), _join(lower), _join(higher), verdict])
    columns = ["missing", "acquired", "highest mean Dice", "as good as complete", "lower than complete (t-test)"]
    columns += ["higher than zero-filling (t-test)", "verdict"]
    notes = [
        (
            "Highest mean Dice: over NC, ED, CET and WT. Strategies were tested against the four originals and against "
            "zero-filling, not against one another: the highest mean is no claim to be better than the next."
        ),
        (
            "t-test: what it finds after Holm's correction. The verdict asks more: the interval, and a difference that "
            "exceeds the between-seed SD, without which (one seed) neither better nor worse is said."
        ),
        *([f"Tests against zero-filling: a family of its own of {gains.family.size}."] if gains.judged else []),
        *judged.notes(),
    ]
    return StudyTable(
        table_name("subset_verdicts", judged.evaluation), "A verdict for each subset of sequences", columns, rows, notes
    )


def _labels_with(judged: JudgedCells, cells: list[Cell], verdict: str) -> dict[str, list[str]]:
    """Find strategy -> labels in which the verdict is this one."""
    found = {
        cell.strategy: [
            label
            for label in FAMILY_LABELS
            if (cell, label) in judged.judged and judged.judged[cell, label].verdict == verdict
        ]
        for cell in cells
    }
    return {strategy: labels for strategy, labels in found.items() if labels}


def _significant(judged: JudgedCells, cells: list[Cell], sign: int) -> dict[str, list[str]]:
    """Find strategy -> labels in which the t-test passes in its family and the difference has this sign."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        for label in FAMILY_LABELS:
            one = judged.judged.get((cell, label))
            if one is None or one.comparison.difference.mean * sign <= 0:
                continue
            if judged.family.passes(one.comparison.t_test.p, one.t_test.holm):
                found.setdefault(cell.strategy, []).append(label)
    return found


def _highest(judged: JudgedCells, cells: list[Cell]) -> str | None:
    """Name the strategy with the highest mean over the four labels."""
    means = {
        cell.strategy: sum(judged.mean(cell, label).mean for label in FAMILY_LABELS) / len(FAMILY_LABELS)
        for cell in cells
    }
    if not means:
        return None
    best = max(means, key=lambda strategy: means[strategy])
    return f"{best} ({means[best]:.3f})"


def _sentence(
    cells: list[Cell], as_good: dict[str, list[str]], worse: dict[str, list[str]], *, planned: bool, whole_set: bool
) -> str:
    """Say in a sentence what is shown for a subset."""
    if not cells and whole_set:
        return "The reference."
    if not cells:
        return NOT_FINISHED if planned else NOT_TRAINED
    whole = [strategy for strategy, labels in as_good.items() if len(labels) == len(FAMILY_LABELS)]
    costly = [strategy for strategy in (cell.strategy for cell in cells) if strategy in worse]
    if whole:
        return f"As good as complete in all four labels: {', '.join(whole)}."
    if len(costly) == len(cells):
        return "Every strategy is worse than the complete set in at least one label."
    said = [f"In part as good: {', '.join(as_good)}."] if as_good else []
    said += [f"Worse: {_join(worse)}."] if worse else []
    return " ".join(said) or "Undecided."


def _join(found: dict[str, list[str]]) -> str | None:
    """Write strategies and their labels."""
    whole = len(FAMILY_LABELS)
    texts = {name: "all" if len(labels) == whole else ", ".join(labels) for name, labels in found.items()}
    return "; ".join(f"{name} ({labels})" for name, labels in texts.items()) or None
