"""Choose the patient who stands for a study in its pictures, and draw what each strategy makes of him."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanfill.data import read_list
from scanfill.data.image import read_image
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.studies.figures.example_slices import draw_example_slices
from scanfill.studies.study_scores import Cell
from scanfill.studies.fold_scores import read_label_map, read_truth
from scanfill.studies.statistics import CROSS_VALIDATION
from scanfill.studies.strategies import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from matplotlib.figure import Figure

    from scanfill.studies.study_scores import StudyScores

WITH_IMAGES = ("pairwise", "completion", "synthetic_trained")
"""Strategies that segment with a synthetic image in the place of what is missing."""

BACKGROUNDS = ("flair", "t1ce", "t2", "t1")
"""Sequences to draw on, the one that shows most of a tumour first."""


def draw_example(scores: StudyScores, evaluation: str, cells: Sequence[Cell]) -> tuple[Figure, str] | None:
    """Draw one patient of the first fold and seed: the one with the median Dice (whole tumour, four originals).

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        cells: The four originals first, then strategies that all lack the same.

    Returns:
        The figure and its caption; None where data or label maps are not on this machine.
    """
    seed, fold, missing = scores.seeds[0], scores.folds[0], cells[-1].missing
    case = _median_case(scores, evaluation, fold)
    if case is None:
        return None
    shown = next(name for name in BACKGROUNDS if name not in missing.split("+"))
    try:
        truth = read_truth(case)
        maps = {"truth": np.asarray(truth)[0].astype(int)}
        for cell in cells:
            folder = scores.folder / "predictions" / cell.strategy / f"seed_{seed}" / f"fold_{fold}"
            if folder.is_dir():  # an ensemble has none: it is voted while it is scored
                maps[cell.strategy] = read_label_map(folder / (cell.missing or "nothing"), case, truth).astype(int)
        image = np.asarray(read_image(case[shown], shown), dtype=float)[0]
    except (UsageError, OSError):  # tidied away, or elsewhere: a report does without
        return None
    title = f"{case['case_id']}, without {missing}"
    caption = (
        f"{title}: the slice with most tumour, on {shown}. The case has the median Dice (whole tumour, four originals) "
        f"of fold {fold}, seed {seed}."
    )
    affine = np.asarray(truth.affine, dtype=float)
    return draw_example_slices(image, maps, affine, title=title, synthetic=WITH_IMAGES), caption


def _median_case(scores: StudyScores, evaluation: str, fold: int) -> dict[str, Any] | None:
    """Find the case in the list of its fold; None where the list or its images are not there."""
    part = "validation" if evaluation == CROSS_VALIDATION else "test"
    path, data = scores.folder / "folds" / f"fold_{fold}.json", Path(str(scores.about.get("dataset_dir", "")))
    if not path.is_file() or not data.is_dir():
        return None
    try:
        cases = {str(case["case_id"]): case for case in read_list(path, data, MODALITIES, schema=SCHEMA).get(part, [])}
    except UsageError:
        return None
    judged = [row for row in scores.of(evaluation, Cell(REFERENCE)) if row["case_id"] in cases]
    ranked = sorted(judged, key=lambda row: float(row["dice_WT"]))
    return cases[str(ranked[(len(ranked) - 1) // 2]["case_id"])] if ranked else None
