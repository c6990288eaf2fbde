"""The page of the trial of synthetic lesions: the primary contrast, every arm, and what was painted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from scanfill.report.page import Figure, Part, Section, Table
from scanfill.studies.commands import step_folder
from scanfill.studies.figures.boxes import boxes_of
from scanfill.studies.figures.svg import write_svg
from scanfill.studies.kinds.synthetic_augmentation.arms import (
    EMPTY,
    PAINTER,
    PRIMARY,
    REFERENCE,
    SUMMARY,
    chosen_arms,
    painted_arms,
    step_of,
)
from scanfill.studies.page_parts import Folded, Layout, NotesOnce, answer
from scanfill.studies.statistics import CROSS_VALIDATION
from scanfill.studies.statistics.verdict import Judged
from scanfill.studies.study_scores import EVALUATIONS, HOW, Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods, judge_cells, table_name
from scanfill.studies.tables.costs import read_receipts
from scanfill.studies.tables.effects import effect_tables, judge_effects
from scanfill.studies.tables.long_tables import descriptive_table, p_text, verdict_table
from scanfill.studies.tables.study_table import StudyTable
from scanfill.studies.tables.writer import write_table

TITLE = "Do synthetic lesions help?"

EXPLAINED = (
    "NC necrotic core, ED edema, CET enhancing tumor, WT all three. real: a segmenter trained on the real training "
    "cases alone, the reference. inpainted: also on cases with a lesion painted by a network that was trained on the "
    "same patients. lesion_mixing: lesions of other training patients pasted while it is trained. blob: the lesions of "
    "inpainted, each part filled with its mean and noise. All arms have the same network, augmentation, seeds and "
    "number of steps. empty: the score of a prediction without any lesion. Patients are evaluated only on acquired "
    "images: a validation or test list that contains a synthetic image or label is rejected.\n\nThe training hours of "
    "inpainted and blob include the network that paints, which the blob needs only for its voxel size.\n\nVerdicts "
    "follow a rule that was set before the results were seen: see the notes below the table. Undecided does not mean "
    "equal. An arm with more variety may need more steps than the reference: that would be a separate trial."
)

EXPLORATORY = "Every other result is exploratory; tables that repeat this contrast correct it with all others."

PICTURE_WIDTH = 700
"""CSS pixels of the picture of a painted case."""


def judge_primary(scores: StudyScores, evaluation: str, methods: Methods) -> JudgedCells:
    """Compare the one arm and region that were chosen before the results: a family of a single test.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare; equivalence is not tested.
    """
    arm, region = PRIMARY
    alone = replace(scores, study={**scores.study, "regions": [region]})
    asked = replace(methods, margins={}, paper_level=False)
    return judge_cells(alone, evaluation, {Cell(arm): Cell(REFERENCE)}, asked)


def primary_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """State the primary contrast, and write its table; nothing is stated if its arm is not part of the study.

    It is that of the cross-validation, which has more patients; a held-out test repeats it.
    """
    (arm, region), how = PRIMARY, EVALUATIONS[evaluation]
    if arm not in chosen_arms(dict(scores.study)):
        return [Section("Primary contrast", f"This study has no arm {arm}, so every result is exploratory.")]
    title = "Primary contrast" if evaluation == CROSS_VALIDATION else f"Primary contrast, repeated: {how}"
    judged = judge_primary(scores, evaluation, methods)
    found = judged.judged.get((Cell(arm), region))
    if found is None:
        return [Section(title, "It has not been measured yet.")]
    table = primary_table(judged)
    write_table(table, scores.folder / "tables")
    contrast = f"Dice of {region}, {arm} minus {REFERENCE}, in {how}: {sentence(found)}"
    if evaluation == CROSS_VALIDATION:
        contrast = f"Set before the results. {contrast} {EXPLORATORY}"
    return [Section(title, contrast), Folded(table)]


def sentence(found: Judged) -> str:
    """Return the result of one contrast in a sentence: difference, interval, p, means and verdict."""
    comparison = found.comparison
    low, high = comparison.interval.low, comparison.interval.high
    interval = "no interval" if low is None or high is None else f"95 % interval {low:+.3f} to {high:+.3f}"
    p = comparison.t_test.p
    tested = comparison.t_test.reason if p is None else f"p {p_text(p)} in a single test"
    return (
        f"{comparison.difference.mean:+.3f} ({interval} over {len(comparison.pairs.patients)} resampled patients; "
        f"{tested}; means {comparison.values.mean:.3f} and {comparison.reference_values.mean:.3f}). Verdict: "
        f"{found.verdict} ({found.why})."
    )


def primary_table(judged: JudgedCells) -> StudyTable:
    """Make the table of the primary contrast."""
    cell = Cell(PRIMARY[0])
    name = table_name("primary", judged.evaluation)
    return verdict_table(name, "The primary contrast", judged, {cell: [cell.strategy]}, ["arm"])


def trial_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """Create, write and lay out the tables and figures of one evaluation."""
    name, show = EVALUATIONS[evaluation].capitalize(), NotesOnce().show
    judged = judge_effects(scores, evaluation, REFERENCE, EMPTY, methods)
    effects, tests, *others = effect_tables(judged, REFERENCE, "arm", EMPTY)
    described = descriptive_table(scores, evaluation)
    for table in (effects, tests, *others, described):
        write_table(table, scores.folder / "tables")
    there = set(scores.cells(evaluation))
    cells = [cell for cell in map(Cell, chosen_arms(dict(scores.study))) if cell in there]
    figures = []
    if cells[:1] == [Cell(REFERENCE)]:
        boxes = boxes_of(scores, evaluation, cells, name)
        path = write_svg(boxes, scores.folder / "figures" / f"boxes_{evaluation}.svg")
        figures.append(Figure(path, f"Dice of each arm, {EVALUATIONS[evaluation]}."))
    return [
        *primary_parts(scores, evaluation, methods),
        answer(judged, REFERENCE),
        Section(f"{name}: how to read it", f"{HOW[evaluation]}\n\n{EXPLAINED}"),
        *show(effects),
        *map(Folded, (tests, *others, described)),
        Section(f"{name}: pictures", figures=figures),
    ]


def trial_closing(scores: StudyScores) -> list[Part]:
    """State whether all segmenters had the same number of steps, how many lesions were painted, and show some."""
    trained = [receipt for receipt in read_receipts(scores, "models") if receipt["name"] != PAINTER]
    steps = sorted({int(receipt["steps"]) for receipt in trained if "steps" in receipt})
    equal = (
        f"Every segmenter had {steps[0]} steps." if len(steps) == 1 else f"SEGMENTERS DIFFER IN THEIR STEPS: {steps}."
    )
    painted = read_painted(scores)
    rows = [
        [arm, seed, fold, told["requested"], len(told["made"]), told["seconds"]] for arm, seed, fold, told in painted
    ]
    columns = ("arm", "seed", "fold", "training cases x copies", "with a new lesion", "seconds")
    failed = dict.fromkeys(text for *_, told in painted for text in told["failures"].values())
    why = f"\n\nNo lesion was painted where: {' '.join(failed)}" if failed else ""
    tables = [Table(columns, rows, "New training cases of each fold", digits=0)] if rows else []
    return [Section("The painted lesions", equal + why, tables, pictures_of(scores, painted))]


def read_painted(scores: StudyScores) -> list[tuple[str, int, int, Mapping[str, Any]]]:
    """List what the steps say of their painted cases: arm, seed, fold and the content of ``painted.json``."""
    found = []
    for arm, seed, fold in product(painted_arms(dict(scores.study)), scores.seeds, scores.folds):
        path = painted_folder(scores, arm, seed, fold) / SUMMARY
        if path.is_file():
            found.append((arm, seed, fold, json.loads(path.read_text(encoding="utf-8"))))
    return found


def painted_folder(scores: StudyScores, arm: str, seed: int, fold: int) -> Path:
    """Return the folder of the cases that were painted for an arm in one fold."""
    return scores.folder / step_folder(step_of(arm), f"fold_{fold}", seed)


def pictures_of(scores: StudyScores, painted: list[tuple[str, int, int, Mapping[str, Any]]]) -> list[Figure]:
    """Show a case of the first fold that every filler has painted; nothing if there is no such case or picture."""
    first = {arm: (seed, fold, told["made"]) for arm, seed, fold, told in reversed(painted)}
    common = [case for _, _, made in list(first.values())[:1] for case in made]
    case = next((case for case in common if all(case in made for _, _, made in first.values())), None)
    figures = []
    for arm in painted_arms(dict(scores.study)):
        if arm in first and case is not None:
            seed, fold, _ = first[arm]
            picture = painted_folder(scores, arm, seed, fold) / case / f"{case}_preview.png"
            caption = f"{arm}: a training case of fold {fold} before and after, and the difference."
            figures += [Figure(picture, caption, PICTURE_WIDTH)] if picture.is_file() else []
    return figures


LAYOUT = Layout(TITLE, trial_parts, trial_closing)
