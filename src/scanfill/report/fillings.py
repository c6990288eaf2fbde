"""Draw a filled hole: before, mask, after and difference, in every modality."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from monai.data import MetaTensor

from scanfill.metrics.label_arrays import as_image
from scanfill.report.panels import (
    AS_STORED,
    BOTTOM,
    PLANES,
    Grid,
    Row,
    black_figure,
    blacken,
    finish,
    fullest_slices,
    mark_panel,
    placed,
    stamp_panel,
)
from scanfill.report.synthesis import DARKER_BRIGHTER, OUTLINE, WINDOW

NOTE = "difference: orange brighter than before, blue darker, palest at half of the gray window; black: unchanged"

Array = npt.NDArray[Any]


def draw_filling(
    before: Mapping[str, MetaTensor],
    after: Mapping[str, Mapping[str, npt.ArrayLike]],
    lesion: npt.ArrayLike,
    path: str | Path,
    *,
    title: str = "",
    spatial_dims: int = 3,
) -> Path:
    """Draw one row per modality: the image before, its hole, the image after, and their difference.

    In the axial slice that has most of the hole; each modality has the gray window of the image before.

    Args:
        before: Modality -> image, ``(1, X, Y[, Z])`` on one grid.
        after: What filled it -> modality -> filled image; one pair of columns (after, difference) for each.
        lesion: Label map ``(1, X, Y[, Z])``: the hole and its parts.
        path: The PNG file.
        title: Title, such as the case.
        spatial_dims: 2 or 3.

    Returns:
        The path.
    """
    grid = Grid.of(next(iter(before.values())), None, spatial_dims)
    named = {f"before {name}": image for name, image in before.items()} | {"lesion": lesion}
    named |= {f"{filler} {name}": image for filler, images in after.items() for name, image in images.items()}
    volumes, sizes = grid.turn({name: as_image(image, name, spatial_dims) for name, image in named.items()})
    parts = volumes["lesion"]
    index = fullest_slices(parts != 0)
    plane = AS_STORED if grid.as_stored else PLANES[0]
    masks = [parts == part for part in np.unique(parts[parts != 0])]
    lines = []
    for name in before:
        image = volumes[f"before {name}"].astype(np.float64)
        inside = image[image != 0]
        window = tuple(float(value) for value in np.percentile(inside, WINDOW)) if inside.size else (0.0, 1.0)
        window = (min(window[0], 0.0), max(window[1], window[0] + 1e-6))
        shown = blacken(image, window[0])
        line = [
            Row(name, shown, window),
            Row("mask", shown, window, masks=masks, opacity=0.6),
        ]
        for filler in after:
            made = volumes[f"{filler} {name}"].astype(np.float64)
            spread = (window[1] - window[0]) / 2
            line += [
                Row(filler, blacken(made, window[0]), window, stamp="synthetic"),
                Row("difference", made - image, (-spread, spread), DARKER_BRIGHTER, outlines={OUTLINE: parts != 0}),
            ]
        lines.append(line)
    return _save(lines, plane, index[plane.normal], sizes, path, title=title)


def _save(
    lines: Sequence[Sequence[Row]], plane: Any, index: int, sizes: Array, path: str | Path, *, title: str
) -> Path:
    image = lines[0][0].image
    assert image is not None
    width, height = np.delete(np.multiply(image.shape, sizes), plane.normal)
    columns, across = len(lines[0]), 2.2
    size = columns * across, len(lines) * across * height / width + 2 * BOTTOM
    figure, axes = black_figure(len(lines), columns, size, BOTTOM, hspace=0.03)
    for line, panels in zip(lines, axes, strict=True):
        for row, axis in zip(line, panels, strict=True):
            row.draw(axis, plane, index, placed(plane, image.shape, sizes), 0.8)
            mark_panel(axis, plane, "")
            axis.text(0.01, 0.99, row.text, transform=axis.transAxes, color="white", fontsize=9, ha="left", va="top")
            if row.stamp:
                stamp_panel(axis, row.stamp)
    figure.text(0.5, 0.42 / size[1], NOTE, color="white", fontsize=8, ha="center", va="center")
    return finish(figure, title, path)
