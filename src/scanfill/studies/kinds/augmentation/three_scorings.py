"""The same networks, scored in up to three ways: honestly, with labels left behind, and on another data set."""

from collections.abc import Mapping
from dataclasses import dataclass

from scanfill.presets import REFERENCE
from scanfill.report.page import Figure, Part, Section
from scanfill.report.svg import write_svg
from scanfill.studies.figures.score_plots import draw_differences
from scanfill.studies.kinds.augmentation import EMPTY, LEFT_BEHIND, trained_presets
from scanfill.studies.page_parts import NotesOnce
from scanfill.studies.statistics import CROSS_VALIDATION, HELD_OUT
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods
from scanfill.studies.tables.effects import judge_effects
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import Estimate, StudyTable
from scanfill.studies.tables.writer import write_table

MEANING = {
    "honest": "Honest: validation images as they are, with their own labels; cross-validation.",
    LEFT_BEHIND: (
        "Labels left behind: the mistake of some pipelines, reproduced on purpose. The same validation images are "
        "augmented as in the preset's training, and their labels are not. If all presets seem to lower the score here, "
        "and honestly they do not, the mistake explains such a finding. Presets that change intensities alone move "
        "nothing: their validation images are only harder."
    ),
    "other data": (
        "Other data: images as they are, from a set that differs from the training (poses, exposures, devices). If "
        "presets lower the score here, a test set that differs explains the finding, too."
    ),
}
"""Name of each way of scoring -> what it does and what it tells."""


@dataclass(frozen=True)
class Scoring:
    """One way of scoring, and the comparison of all presets with none.

    Attributes:
        name: A key of :py:data:`MEANING`.
        judged: The comparisons, a family of their own.
    """

    name: str
    judged: JudgedCells


def references_of(scores: StudyScores, task: str = "") -> dict[Cell, Cell]:
    """Return the cell of each preset in a task -> that of no augmentation in the same task."""
    names = trained_presets(dict(scores.study))
    return {Cell(name, task): Cell(REFERENCE, task) for name in names if name != REFERENCE}


def judge_task(scores: StudyScores, evaluation: str, task: str, methods: Methods) -> JudgedCells:
    """Compare all presets with none, in one task of one evaluation."""
    return judge_effects(scores, evaluation, REFERENCE, EMPTY, methods, references=references_of(scores, task))


def find_scorings(scores: StudyScores, methods: Methods) -> list[Scoring]:
    """Compare all presets with none in every way in which the study scores them."""
    asked = {"honest": (CROSS_VALIDATION, "")}
    asked |= {LEFT_BEHIND: (CROSS_VALIDATION, LEFT_BEHIND)} if scores.study.get("with_bug") else {}
    asked |= {"other data": (HELD_OUT, "")} if scores.study.get("other_dataset_dir") else {}
    return [
        Scoring(name, judge_task(scores, evaluation, task, methods))
        for name, (evaluation, task) in asked.items()
        if Cell(REFERENCE, task) in scores.cells(evaluation)
    ]


def scoring_sections(scores: StudyScores, methods: Methods) -> list[Part]:
    """Lay out all ways of scoring side by side; nothing if there is only one."""
    found = find_scorings(scores, methods)
    if len(found) < 2:
        return []
    title = f"The same networks, scored in {'two' if len(found) == 2 else 'three'} ways"
    how = "Every network was trained once; only the scoring differs."
    text = [summarize(found), *(MEANING[each.name] for each in found), how, sanity(scores)]
    drawing = draw_differences(_differences(found), f"Difference from {REFERENCE}", one_scale=True)
    path = write_svg(drawing, scores.folder / "figures" / "scorings.svg")
    caption = f"Mean difference of Dice from {REFERENCE}, scored in the same way, with its 95 % interval over patients."
    table = scoring_table(found)
    write_table(table, scores.folder / "tables")
    shown = NotesOnce().show(table)
    return [Section(title, "\n\n".join(filter(None, text)), figures=[Figure(path, caption)]), *shown]


def summarize(found: list[Scoring]) -> str:
    """Say of each way of scoring how many presets are below none, and how many of them by their verdict."""
    said = []
    for each in found:
        cells = list(each.judged.references)
        below = {cell for cell, label in each.judged.judged if each.judged.difference(cell, label).value < 0}
        verdicts = [(cell, one.verdict) for (cell, _), one in each.judged.judged.items()]
        worse, better = (
            [cell.strategy for cell in dict.fromkeys(c for c, verdict in verdicts if verdict == word)]
            for word in ("worse", "better")
        )
        parts = [
            f"{len(below)} of {len(cells)} presets are below {REFERENCE}",
            f"{len(worse)} are worse{_listed(worse)}",
        ]
        parts += [f"{len(better)} are better{_listed(better)}"]
        said.append(f"{each.name.capitalize()}: {', '.join(parts)}.")
    return " ".join(said)


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def sanity(scores: StudyScores) -> str:
    """Say whether the network without augmentation has the same scores with labels left behind: nothing moved."""
    cells = [Cell(REFERENCE), Cell(REFERENCE, LEFT_BEHIND)]
    if not set(cells) <= set(scores.cells(CROSS_VALIDATION)):
        return ""
    first, second = ([_scores_of(row) for row in scores.of(CROSS_VALIDATION, cell)] for cell in cells)
    if first == second:
        return f"Check: the scores of {REFERENCE} are identical with and without labels left behind."
    return f"SOMETHING IS WRONG: {REFERENCE} has other scores with labels left behind, although nothing was augmented."


def _scores_of(row: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key != "task"}


def _differences(found: list[Scoring]) -> dict[str, dict[str, Estimate]]:
    """Return preset -> way of scoring (and region, if there are several) -> difference."""
    drawn: dict[str, dict[str, Estimate]] = {}
    for each in found:
        regions = each.judged.scores.regions
        for cell, label in each.judged.judged:
            panel = each.name if len(regions) == 1 else f"{each.name}: {label}"
            drawn.setdefault(cell.strategy, {})[panel] = each.judged.difference(cell, label)
    return drawn


def scoring_table(found: list[Scoring]) -> StudyTable:
    """Make a table with a row for each preset and, for each way of scoring, its Dice and verdict."""
    scores = found[0].judged.scores
    columns, rows = ["preset"], []
    for each in found:
        for label in scores.regions:
            where = each.name if len(scores.regions) == 1 else f"{each.name}, {label}"
            columns += [where, f"verdict, {where}"]
    for name in trained_presets(dict(scores.study)):
        row: list[TableCell] = [name]
        for each in found:
            task = next(iter(each.judged.references)).task
            for label in scores.regions:
                one = each.judged.judged.get((Cell(name, task), label))
                row += [each.judged.compared(Cell(name, task), label), one.verdict if one else None]
        rows.append(row)
    title = f"Dice in each way of scoring: mean, difference from {REFERENCE} [95 % interval]"
    notes = [f"{each.name.capitalize()}: {note}" for each in found for note in each.judged.notes()[:1]]
    notes += found[0].judged.notes()[1:-1]
    return StudyTable("scorings", title, columns, rows, notes)
