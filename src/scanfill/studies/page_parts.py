"""Parts of a study's page: its layout, tables with notes, and the answer at the top."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scanfill.report.page import Figure, FromTemplate, Part, Section
from scanfill.report.svg import write_svg
from scanfill.studies.figures.score_plots import draw_differences
from scanfill.studies.study_scores import EVALUATIONS, Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods
from scanfill.studies.tables.study_table import StudyTable

NAMED = 3
"""Maximum number of strategies that the answer names for each verdict; the others are counted."""


@dataclass(frozen=True)
class Layout:
    """Layout of the results page of a kind of study.

    Attributes:
        title: Title of the page.
        evaluation: Creates, writes and lays out the tables and figures of one evaluation.
        opening: Lays out the sections above all evaluations.
        closing: Lays out the sections below all evaluations.
    """

    title: str
    evaluation: Callable[[StudyScores, str, Methods], list[Part]]
    closing: Callable[[StudyScores], list[Part]] = lambda _: []
    opening: Callable[[StudyScores, Methods], list[Part]] = lambda *_: []


@dataclass(frozen=True)
class Notes(FromTemplate):
    """Notes on the table above.

    Args:
        notes: Notes of one or a few sentences each.
    """

    notes: Sequence[str]


@dataclass(frozen=True)
class Folded(FromTemplate):
    """A long table that is collapsed until its title is clicked; empty if it has no rows.

    Args:
        table: The table, with its notes.
    """

    table: StudyTable

    @property
    def notes(self) -> Notes:
        """The notes of the table."""
        return Notes(self.table.notes)


class NotesOnce:
    """Show tables with their notes, each note only below the first table that has it."""

    def __init__(self) -> None:
        self.notes: set[str] = set()

    def show(self, table: StudyTable) -> list[Part]:
        """Return a table, followed by the notes that no earlier table had."""
        fresh = [note for note in table.notes if note not in self.notes]
        self.notes.update(fresh)
        return [table.on_page(), Notes(fresh)]


def answer(judged: JudgedCells, reference: str, is_shown: Callable[[Cell], bool] = lambda _: True) -> Section:
    """Summarize an evaluation in one sentence and one figure.

    Args:
        judged: Every comparison of the table that answers the study's question.
        reference: The strategy that the others were compared with.
        is_shown: Whether a cell is in the figure; by default each is.
    """
    scores, how = judged.scores, EVALUATIONS[judged.evaluation]
    caption = f"Mean difference of Dice from {reference}, with its 95 % interval: {how}."
    shown = dict.fromkeys(cell for cell, _ in judged.judged if is_shown(cell))
    figures = []
    if shown:
        differences = {
            cell.name: {region: judged.difference(cell, region) for region in scores.regions} for cell in shown
        }
        drawing = draw_differences(differences, f"Difference from {reference}, {how}")
        path = write_svg(drawing, scores.folder / "figures" / f"differences_{judged.evaluation}.svg")
        figures.append(Figure(path, caption))
    return Section(how.capitalize(), _sentence(judged, reference), figures=figures)


def _sentence(judged: JudgedCells, reference: str) -> str:
    """Count the verdicts, and name their strategies."""
    if not judged.judged:
        return f"Nothing has been compared with {reference} yet."
    found: dict[str, dict[str, list[str]]] = {}
    for (cell, label), one in judged.judged.items():
        found.setdefault(one.verdict, {}).setdefault(cell.name, []).append(label)
    parts = []
    for verdict in ("better", "as good as the reference", "worse", "undecided", "withheld"):
        if cells := found.get(verdict):
            every = len(judged.scores.regions)
            texts = {name: "all" if len(labels) == every else ", ".join(labels) for name, labels in cells.items()}
            named = [f"{name}: {text}" for name, text in list(texts.items())[:NAMED]]
            named += [f"and {len(cells) - NAMED} more"] if len(cells) > NAMED else []
            listed = "" if verdict in ("undecided", "withheld") else f" ({'; '.join(named)})"
            parts.append(f"{sum(map(len, cells.values()))} {verdict}{listed}")
    return f"Of {len(judged.judged)} comparisons of Dice with {reference}: {', '.join(parts)}."
