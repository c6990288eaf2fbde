"""The page of the augmentation trial: a picture of the presets, and the effect of each."""

from dataclasses import replace
from pathlib import Path

from scanfill.data import load_schema, read_list, write_split
from scanfill.errors import UsageError
from scanfill.metrics.cohort import OVERALL
from scanfill.presets import REFERENCE, presets
from scanfill.report.page import Figure, Part, Section
from scanfill.report.preset_pictures import draw_row, draw_sheet
from scanfill.report.svg import write_svg
from scanfill.studies.commands import recorded_options
from scanfill.studies.figures.boxes import boxes_of
from scanfill.studies.kinds.augmentation import EMPTY, LEFT_BEHIND, trained_presets
from scanfill.studies.kinds.augmentation.curves import draw_curves, read_curves
from scanfill.studies.kinds.augmentation.three_scorings import judge_task, scoring_sections
from scanfill.studies.page_parts import Folded, Layout, NotesOnce, answer
from scanfill.studies.statistics import HELD_OUT
from scanfill.studies.study_scores import EVALUATIONS, HOW, Cell, StudyScores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.costs import read_receipts
from scanfill.studies.tables.effects import effect_tables
from scanfill.studies.tables.long_tables import descriptive_table
from scanfill.studies.tables.study_table import StudyTable
from scanfill.studies.tables.writer import write_table

TITLE = "Which augmentation helps?"

EXPLAINED = (
    "none: a network trained without augmentation, the "
    "reference for every preset: on the same patients, with the same network, seeds and number of steps. empty: the "
    "score of a prediction without any label. Patients are evaluated only on acquired images: a validation or test "
    "list that contains a synthetic image or label is rejected.\n\nVerdicts follow a rule that was set before the "
    "results were seen: see the notes below the table. Undecided does not mean equal. With the same number of steps, "
    "strong augmentation may not have converged: more steps would be a separate trial."
)

REGIONS = {
    "WT": "NC necrotic core, ED edema, CET enhancing tumor, WT all three.",
    OVERALL: "all: the mean over all structures; one that is neither in the truth nor in the prediction has Dice 1.",
}
"""Region -> explanation of regions."""

SHEET_CASES = 4
"""Number of training cases for the picture: one to show, and others that presets take lesions and histograms from."""


def augmentation_closing(scores: StudyScores) -> list[Part]:
    """Show validation curves and the picture sheet, and state whether all trainings had the same number of steps."""
    steps = sorted({int(receipt["steps"]) for receipt in read_receipts(scores, "models") if "steps" in receipt})
    equal = f"Every training had {steps[0]} steps." if len(steps) == 1 else f"TRAININGS DIFFER IN THEIR STEPS: {steps}."
    curves = curve_sections(scores)
    sheet = draw_presets(scores)
    if sheet is None:
        return [*curves, Section("The presets", f"{equal} The cases are not on this machine, so there is no picture.")]
    caption = (
        "A training case of the first fold: as the network sees it without augmentation, then random samples of each "
        "preset that change something. Whole images; labels outlined."
    )
    return [*curves, Section("The presets", equal, figures=[Figure(sheet, caption)])]


def curve_sections(scores: StudyScores) -> list[Part]:
    """Show the validation curve of every arm in one figure; nothing if the trainings were not validated."""
    curves = read_curves(scores)
    order = [name for name in trained_presets(dict(scores.study)) if name in curves]
    if not order:
        return []
    drawing = draw_curves({name: curves[name] for name in order}, "Validation during training")
    path = write_svg(drawing, scores.folder / "figures" / "curves.svg")
    text = (
        "On an inner share of each fold's training patients, which was not trained on; images as they are, with their "
        "own labels. Nothing was selected on the patients that are scored."
    )
    caption = f"Thin: each seed and fold; thick: their mean; dashed: the mean of {REFERENCE}. Score: the bundle's own."
    return [Section("Validation curves", text, figures=[Figure(path, caption)])]


def draw_presets(scores: StudyScores) -> Path | None:
    """Plot the effect of each preset on a training case of the first fold, with the configs of the study.

    Returns:
        ``figures/presets.png``; None if data or configs are not on this machine.
    """
    folder, data = scores.folder, Path(str(scores.about.get("dataset_dir", "")))
    datalist = folder / "folds" / f"fold_{scores.folds[0]}.json"
    model = scores.about.get("models", {}).get(REFERENCE)
    if model is None or not datalist.is_file() or not data.is_dir():
        return None
    configs = folder / "bundles" / model["bundle"] / "configs"
    train = [configs / name for name in ("train.yaml", *model["overlays"])]
    known = presets()
    files = [folder / known[name].config for name in trained_presets(dict(scores.study)) if name in known]
    cases = folder / "figures" / "presets.json"
    cases.parent.mkdir(exist_ok=True)
    options = {**recorded_options(model), "dataset_dir": str(data), "datalist": str(cases), "validation": 0}
    options["labels"] = scores.study["labels"]
    for length in ("max_epochs", "epoch_length"):
        options.pop(length, None)
    try:
        schema = load_schema(scores.about["schema"])
        training = read_list(datalist, data, schema.image_keys, schema=schema)["training"][:SHEET_CASES]
        write_split({"training": training}, cases, schema=schema)
        rows = [draw_row(train, file, **options) for file in files]
    except (UsageError, OSError):  # removed, or on another machine: the report omits it
        return None
    return draw_sheet(rows, folder / "figures" / "presets.png")


def augmentation_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """Create, write and lay out the tables and figures of one evaluation."""
    name, show = EVALUATIONS[evaluation].capitalize(), NotesOnce().show
    judged = judge_task(scores, evaluation, "", methods)
    effects, tests, *others = effect_tables(judged, REFERENCE, "preset", EMPTY)
    if any(cell.task for cell in scores.planned_in(evaluation)):
        others += _left_behind_tables(scores, evaluation, methods)
    described = descriptive_table(scores, evaluation)
    for table in (effects, tests, *others, described):
        write_table(table, scores.folder / "tables")
    there = set(scores.cells(evaluation))
    cells = [cell for cell in map(Cell, trained_presets(dict(scores.study))) if cell in there]
    figures = []
    if cells[:1] == [Cell(REFERENCE)]:
        boxes = boxes_of(scores, evaluation, cells, name)
        path = write_svg(boxes, scores.folder / "figures" / f"boxes_{evaluation}.svg")
        figures.append(Figure(path, f"Dice of each preset, {EVALUATIONS[evaluation]}."))
    regions = " ".join(text for region, text in REGIONS.items() if region in scores.regions)
    texts = (HOW[evaluation], _of_other_data(scores, evaluation), f"{regions} {EXPLAINED}")
    explained = "\n\n".join(filter(None, texts))
    return [
        answer(judged, REFERENCE),
        Section(f"{name}: how to read it", explained),
        *show(effects),
        *map(Folded, (tests, *others, described)),
        Section(f"{name}: pictures", figures=figures),
    ]


def _left_behind_tables(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the tables of the task in which labels are left behind, a family of its own."""
    judged = judge_task(scores, evaluation, LEFT_BEHIND, methods)
    tables = effect_tables(judged, REFERENCE, "preset", name="left_behind")
    return [replace(table, title=f"With {LEFT_BEHIND}. {table.title}") for table in tables]


def _of_other_data(scores: StudyScores, evaluation: str) -> str:
    """Say that the test is another data set."""
    other = scores.study.get("other_dataset_dir")
    return f"These patients are those of another data set, {other}." if other and evaluation == HELD_OUT else ""


LAYOUT = Layout(TITLE, augmentation_parts, augmentation_closing, scoring_sections)
