"""Pictures of generated images: some of each row, those nearest to a training image, and how near all of them are."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

GRAY = {"cmap": "gray", "vmin": -1, "vmax": 1}


def draw_sheet_of_rows(rows: Mapping[str, Tensor], shown: int) -> Figure:
    """Draw some images of each row.

    Args:
        rows: Name -> images ``(N, 1, X, Y)`` in -1 to 1, or colored ones ``(N, 3, X, Y)`` in 0 to 1.
        shown: Images of each row.
    """
    figure = Figure(figsize=(1.15 * shown, 1.35 * len(rows)), dpi=110, layout="tight")
    grid = figure.subplots(len(rows), shown, squeeze=False)
    for axes, (name, pixels) in zip(grid, rows.items(), strict=True):
        for axis in axes:
            axis.set_axis_off()
        for axis, image in zip(axes, pixels[:shown], strict=False):
            if len(image) == 3:
                axis.imshow(image.permute(2, 1, 0).numpy())
            else:
                axis.imshow(image[0].numpy().T, **GRAY)
        axes[0].set_title(name, fontsize=8, loc="left")
    return figure


def draw_closest(pairs: Sequence[tuple[int, int, float]], images: Tensor, training: Tensor) -> Figure:
    """Draw generated images (top) and the training images that are nearest to them (below).

    Args:
        pairs: Number of the image, that of the training image, and their distance.
        images: ``(N, 1, X, Y)`` in -1 to 1.
        training: ``(M, 1, X, Y)`` in -1 to 1.
    """
    figure = Figure(figsize=(1.5 * len(pairs), 3.3), dpi=110, layout="tight")
    grid = figure.subplots(2, len(pairs), squeeze=False)
    for column, (image, index, distance) in enumerate(pairs):
        for axis, pixels in zip(grid[:, column], (images[image], training[index]), strict=True):
            axis.imshow(pixels[0].numpy().T, **GRAY)
            axis.set_axis_off()
        grid[0, column].set_title(f"{distance:.1f}", fontsize=8)
    return figure


def draw_distances(distances: Mapping[str, Sequence[float]], label: str) -> Figure:
    """Draw histograms of distances.

    Args:
        distances: Name of a set of images -> distance of each.
        label: What is measured.
    """
    figure = Figure(figsize=(6, 2.6), dpi=110, layout="tight")
    axis = figure.subplots()
    top = max(max(each) for each in distances.values())
    for name, each in distances.items():
        axis.hist(each, bins=np.linspace(0, top or 1, 40).tolist(), alpha=0.6, label=name, density=True)
    axis.set_xlabel(label)
    axis.set_yticks([])
    axis.legend()
    return figure
