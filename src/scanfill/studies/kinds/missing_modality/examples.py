"""Choose a representative patient, and plot each strategy's prediction on one slice."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from scanfill.data import read_list
from scanfill.data.image import read_image
from scanfill.domains.brain_mri.labels import TUMOUR
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.report.page import RESEARCH_ONLY
from scanfill.report.palette import COLOURS
from scanfill.report.panels import PLANES, fullest_slices, mark_panel, placed, stamp_panel, turn_to_patient, view_of
from scanfill.report.svg import panels
from scanfill.studies.fold_scores import read_label_map, truth_of
from scanfill.studies.kinds.missing_modality.strategies import REFERENCE, missing_of
from scanfill.studies.statistics import CROSS_VALIDATION
from scanfill.studies.study_scores import Cell, StudyScores

WITH_IMAGES = ("pairwise", "completion", "synthetic_trained")
"""Strategies that replace missing sequences with synthetic images."""

AXIAL = PLANES[0]
ABREAST = 4
"""Number of panels per row."""

BACKGROUNDS = ("flair", "t1ce", "t2", "t1")
"""Sequences for the background, the one that best shows the whole tumor first."""


def draw_example(scores: StudyScores, evaluation: str, cells: Sequence[Cell]) -> tuple[Figure, str] | None:
    """Plot one patient of the first fold and seed: the one with the median Dice (whole tumor, four originals).

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        cells: The four originals first, then strategies with the same missing sequences.

    Returns:
        The figure and its caption; None if data or label maps are not on this machine.
    """
    seed, fold, missing = scores.seeds[0], scores.folds[0], missing_of(cells[-1].task)
    case = _median_case(scores, evaluation, fold)
    if case is None:
        return None
    shown = next(name for name in BACKGROUNDS if name not in missing.split("+"))
    try:
        truth = truth_of(case, SCHEMA)
        maps = {"truth": np.asarray(truth)[0].astype(int)}
        for cell in cells:
            place = missing_of(cell.task) or "nothing"
            folder = scores.folder / "predictions" / cell.strategy / f"seed_{seed}" / f"fold_{fold}"
            if folder.is_dir():  # an ensemble has none: it is computed during scoring
                maps[cell.strategy] = read_label_map(folder / place, case, truth, SCHEMA).astype(int)
        image = np.asarray(read_image(case[shown], shown), dtype=float)[0]
    except (UsageError, OSError):  # removed, or on another machine: the report omits it
        return None
    title = f"{case['case_id']}, without {missing}"
    caption = (
        f"{title}: the slice with the most tumor, on {shown}. The case has the median Dice (whole tumor, four "
        f"originals) of fold {fold}, seed {seed}."
    )
    affine = np.asarray(truth.affine, dtype=float)
    return draw_example_slices(image, maps, affine, title=title, synthetic=WITH_IMAGES), caption


def _median_case(scores: StudyScores, evaluation: str, fold: int) -> dict[str, Any] | None:
    """Find the case with the median Dice in the list of its fold; None if the list or its images are missing."""
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


def draw_example_slices(
    image: NDArray[np.float64],
    maps: Mapping[str, NDArray[np.int64]],
    affine: NDArray[np.float64],
    *,
    title: str = "",
    synthetic: Collection[str] = (),
) -> Figure:
    """Plot the axial slice with the most of the first label map, once for each label map, at the same scale.

    Args:
        image: Acquired image for the background, ``(X, Y, Z)``.
        maps: Heading -> label map ``(X, Y, Z)``: the ground truth first, then each strategy's prediction.
        affine: Affine matrix of the image and all label maps, ``(4, 4)``.
        title: The case, and what was missing.
        synthetic: Headings of the label maps predicted from a synthetic image; their panels are stamped.

    Raises:
        ValueError: A label map is on another grid than the image, or there is none.
    """
    shapes = {name: each.shape for name, each in maps.items() if each.shape != image.shape}
    if shapes or not maps:
        msg = f"Label maps must be on the image's grid {image.shape}; found {shapes or 'none'}."
        raise ValueError(msg)
    turned, sizes = turn_to_patient({**maps, "": image}, affine)
    grey = turned.pop("")
    view = view_of(grey != 0)
    cut = {name: each[view] for name, each in turned.items()}
    grey = grey[view]
    first = next(iter(cut.values()))
    index = fullest_slices(first > 0 if first.any() else grey != 0)[AXIAL.normal]
    window = np.percentile(grey[grey != 0], [1, 99.5]) if grey.any() else (0.0, 1.0)
    grey = np.where(grey == 0, min(window[0], 0), grey)  # black outside the brain, also of z-scores
    figure, grid = panels(-(-(len(cut) + 1) // ABREAST), ABREAST, height=3.0)
    axes = [axis for row in grid for axis in row]
    place = placed(AXIAL, grey.shape, sizes)
    for axis, heading in zip(axes, ("image", *cut), strict=False):
        axis.imshow(
            AXIAL.cut(grey, index), cmap="gray", vmin=window[0], vmax=window[1], interpolation="bilinear", **place
        )
        mark_panel(axis, AXIAL, "")
        axis.set_title(heading, fontsize=9)
        if heading in cut:
            axis.imshow(_coloured(AXIAL.cut(cut[heading], index)), interpolation="nearest", **place)
        if heading in synthetic:
            stamp_panel(axis, "synthetic input")
    for axis in axes[len(cut) + 1 :]:
        axis.set_axis_off()
    names = [Patch(color=colour, label=name) for colour, name in zip(COLOURS, TUMOUR.legend.values(), strict=False)]
    figure.legend(handles=names, loc="outside lower center", ncols=len(names), fontsize=8, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_ONLY}", fontsize=9)
    return figure


def _coloured(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Color a slice of labels ``(rows, columns)`` half-transparently; the background is fully transparent."""
    table = np.array([(0.0, 0.0, 0.0, 0.0), *(to_rgba(colour, 0.55) for colour in COLOURS)])
    picture: NDArray[np.float64] = table[labels.astype(int)]
    return picture
