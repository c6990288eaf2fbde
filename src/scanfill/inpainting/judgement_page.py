"""The page of a judgement of filled holes: the answer, what it looks like, and the figures behind it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.data import MetaTensor

from scanfill.metrics.patient_means import interval_of
from scanfill.report.fillings import draw_filling
from scanfill.report.page import Figure, Mark, Page, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.inpainting.collect import Hole
    from scanfill.inpainting.judged import Judged

SHOWN = 4
"""Holes in the pictures: the largest, the smallest, and those between."""

ABOUT_JUDGES = (
    "Segmenter and classifiers are small networks, trained on the real lesions of other patients, whom the inpainter "
    "has not seen either. A lesion is found if at least half of it is marked. AUC: of a classifier that sees crops of "
    "a real lesion and of the same lesion filled anew, one classifier per row; 0.5 is chance. It is computed within "
    "each patient and then averaged."
)
ABOUT_LOOKS = (
    "Contrast: mean of a part minus its surroundings, in SD of the brain; the table gives the mean absolute "
    "distance from that of the real lesion. SD and grain (difference of a voxel to its neighbors): ratio to "
    "the real lesion's; 1 is alike."
)
ABOUT_ERRORS = (
    "In the hole alone; intensities of -4 to 4 SD of the brain are 0 to 1. A lesion can be right without being the "
    "real one, so for lesions errors are not to be minimized."
)


def write_page(
    judged: Judged, path: str | Path, *, holes: Sequence[Hole], modalities: Sequence[str], note: str = ""
) -> Path:
    """Write the page.

    Args:
        judged: What was found.
        path: The page.
        holes: With their fillings.
        modalities: Names of the channels.
        note: Caveat, shown at the top.
    """
    patients = len({line["patient"] for line in judged.rows})
    answer = f"{len(holes)} holes in {patients} patients whom the network has not seen. " + " ".join(
        f"{'Passed' if passed else 'Not passed'}: {gate} ({reason})." for gate, (passed, reason) in judged.gates.items()
    )
    gates = Table(
        ["gate", "passed", "figures"],
        [
            [gate, Mark("yes" if passed else "no", "good" if passed else "bad"), reason]
            for gate, (passed, reason) in judged.gates.items()
        ],
    )
    sections = [
        Section("Answer", answer, [gates]),
        Section("What it looks like", "", figures=_pictures(holes, modalities)),
    ]
    if judged.looks:
        sections.append(Section("Are they found, and told?", ABOUT_JUDGES, [_scores(judged, ("found", "dice", "auc"))]))
        sections.append(Section("Contrast and texture", ABOUT_LOOKS, [_looks(judged)]))
    sections.append(Section("Errors", ABOUT_ERRORS, [_scores(judged, ("mse", "psnr", "ssim"), 4)]))
    return Page("Filled holes, judged", sections, note, wide=True).write(path)


def _scores(judged: Judged, scores: Sequence[str], digits: int = 3) -> Table:
    rows = []
    for row in judged.names():
        cells: list[Any] = [row]
        for score in scores:
            values = list(judged.values(row, score).values())
            interval = interval_of(values)
            told = "" if interval is None else f" ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"
            cells.append(f"{np.mean(values):.{digits}f}{told}" if values else None)
        rows.append(cells)
    return Table(
        ["row", *scores], rows, "Means over patients; from 6 patients on with 95 % interval, patients resampled."
    )


def _looks(judged: Judged) -> Table:
    parts = list(dict.fromkeys((line["part"], line["modality"]) for line in judged.looks))
    rows = []
    for row in judged.names():
        for part in dict.fromkeys(part for part, _ in parts):
            own = [line for line in judged.looks if line["row"] == row and line["part"] == part]
            cells: list[Any] = [row, part]
            for modality in dict.fromkeys(name for _, name in parts):
                lines = [line for line in own if line["modality"] == modality]
                values = [np.mean([line[key] for line in lines]) for key in ("contrast_off", "sd_ratio", "grain_ratio")]
                cells.append(" / ".join(f"{value:.2f}" for value in values))
            rows.append(cells)
    columns = ["row", "part", *dict.fromkeys(name for _, name in parts)]
    return Table(columns, rows, "Distance of the contrast / ratio of SD / ratio of grain.")


def _pictures(holes: Sequence[Hole], modalities: Sequence[str]) -> list[Figure]:
    by_size = sorted(holes, key=lambda hole: -int(hole.inside.sum()))
    chosen = [by_size[round(index)] for index in np.linspace(0, len(by_size) - 1, min(SHOWN, len(by_size)))]
    figures = []
    with TemporaryDirectory() as folder:
        for number, hole in enumerate(chosen):
            dims = hole.label.ndim - 1
            affine = torch.eye(4, dtype=torch.float64)
            shown = {row: _channels(image, modalities) for row, image in hole.fillings.items()}
            before = {
                name: MetaTensor(plane, affine=affine) for name, plane in _channels(hole.image, modalities).items()
            }
            path = draw_filling(
                before, shown, hole.label, Path(folder, f"{number}.png"), title=hole.case_id, spatial_dims=dims
            )
            figures.append(Figure(path.read_bytes(), f"{hole.case_id}: {int(hole.inside.sum())} voxels.", 1200))
    return figures


def _channels(image: torch.Tensor, modalities: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return each channel as a gray image from 0, the background, upward."""
    background = (image == 0).all(dim=0)
    return {name: torch.where(background, 0, plane + 1)[None] for name, plane in zip(modalities, image, strict=True)}
