"""The paper's Tables 4 to 6: models dedicated to three inputs, and a synthetic image in place of an original.

Published figures are in ``published_dice.csv`` (Table 6) and ``published_correlations.csv`` (Table 7) next to this
module, and in :py:data:`scanfill.domains.brain_mri.modalities.PUBLISHED_MSE`. Those of Tables 4 and 5 are not available
to us.
"""

from functools import cache
from pathlib import Path

import pandas as pd

from scanfill.studies.kinds.missing_modality.strategies import REFERENCE, WITHOUT
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import (
    NOT_DIFFERENT_NOTE,
    Methods,
    judge_cells,
    not_planned,
    table_name,
)
from scanfill.studies.tables.long_tables import verdict_table
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import MeanSD, StudyTable

COMPLETE = Cell(REFERENCE)
"""The reference: the four originals."""

PAPER_REGIONS = ("NC", "ED", "CET", "WT")
"""Regions of the published figures."""

PAPER = "Raut et al., Frontiers in Radiology 2024, 1336902"

NOT_AVAILABLE = f"The published figures ({PAPER}, Tables 4 and 5) are not available to us and are not shown."

DATA_DIFFER = (
    "Published: BraTS 2021, 1,251 patients (five-fold cross-validation of 1,000, 251 held out), 1 mm, skull-stripped, "
    "DeepMedic with 35 epochs, Pix2PixNIfTI with 100. Ours: the patients, resolution and training lengths of this "
    "study, see its settings. Data and trainings differ, so compare the ranking of the two, not their values."
)


@cache
def published(name: str) -> pd.DataFrame:
    """Read published figures: ``dice`` or ``correlations``; the paper's marks are ``*`` in the column ``marked``."""
    path = Path(__file__).with_name(f"published_{name}.csv")
    return pd.read_csv(path, comment="#", keep_default_na=False)


@cache
def pair_cells() -> dict[Cell, tuple[str, str]]:
    """Map the cell of each single pair to its target and source, in the order of the paper."""
    pairs = published("correlations")[["target", "source"]].drop_duplicates()
    return {
        Cell(f"pairwise_from_{pair.source}", WITHOUT + pair.target): (pair.target, pair.source)
        for pair in pairs.itertuples()
    }


def three_input_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Compare the dedicated three-input models with the four-input model: the paper's Table 6.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.

    Returns:
        Dice next to the published values, and the verdicts; empty if the study trained no dedicated model.
    """
    paper = {
        left_out: [MeanSD(one.mean, one.sd, one.marked) for one in rows.itertuples()]
        for left_out, rows in published("dice").groupby("left_out", sort=False)
    }  # sequence left out (nothing last) -> NC, ED, CET, WT
    planned = {
        cell: name for name in paper if name for cell in [Cell("dedicated", WITHOUT + name)] if scores.was_planned(cell)
    }
    if not planned:
        return []
    judged = judge_cells(scores, evaluation, dict.fromkeys(planned, COMPLETE), methods)
    lines: list[list[TableCell]] = []
    for cell, left_out in {**planned, COMPLETE: ""}.items():
        theirs = dict(zip(PAPER_REGIONS, paper[left_out], strict=True))
        both = [(judged.dice(cell, region), theirs.get(region)) for region in scores.regions]
        lines.append([left_out or "none (four inputs)", *(figure for pair in both for figure in pair)])
    columns = ["left out", *(f"{region} {whose}" for region in scores.regions for whose in ("ours", "published"))]
    notes = [
        *not_planned(f"a model without {name}" for name in paper if name and name not in planned.values()),
        f"Published: {PAPER}, Table 6, where * also means no difference found. {DATA_DIFFER}",
        NOT_DIFFERENT_NOTE,
    ]
    title = "Three-input models: Dice, mean ± SD over patients, next to the published figures"
    name = table_name("three_input_models", evaluation)
    heads = {cell: [left_out] for cell, left_out in planned.items()}
    return [
        StudyTable(name, title, columns, lines, [*notes, *judged.notes()], digits=2),
        verdict_table(f"{name}_verdicts", "Three-input models against four inputs", judged, heads, ["left out"]),
    ]


def replaced_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Compare the four-input model given one synthetic input with itself given the originals: Tables 4 and 5.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.

    Returns:
        Dice, and the verdicts; empty if the study has no single pairs (strategy ``pairwise_from``).
    """
    planned = {cell: pair for cell, pair in pair_cells().items() if scores.was_planned(cell)}
    if not planned:
        return []
    judged = judge_cells(scores, evaluation, dict.fromkeys(planned, COMPLETE), methods)
    cells = {**planned, COMPLETE: ("none", "originals")}
    lines = [[*pair, *(judged.dice(cell, region) for region in scores.regions)] for cell, pair in cells.items()]
    name = table_name("synthetic_for_original", evaluation)
    title = "A synthetic image replaces an original: Dice of the four-input model, mean ± SD over patients"
    notes = [*pairs_not_planned(scores), NOT_AVAILABLE, NOT_DIFFERENT_NOTE, *judged.notes()]
    heads = {cell: list(pair) for cell, pair in planned.items()}
    against, columns = "One synthetic input against four originals", ["target", "made from"]
    return [
        StudyTable(name, title, [*columns, *scores.regions], lines, notes, digits=2),
        verdict_table(f"{name}_verdicts", against, judged, heads, columns),
    ]


def pairs_not_planned(scores: StudyScores) -> list[str]:
    """Return a note with the single pairs that a study does not include; empty if it includes all of them."""
    return not_planned(
        f"{target} from {source}" for cell, (target, source) in pair_cells().items() if not scores.was_planned(cell)
    )
