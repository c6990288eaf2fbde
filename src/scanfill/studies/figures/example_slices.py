"""One slice of one patient: the truth, and what each strategy makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch

from scanfill.domains.brain_mri.labels import TUMOUR
from scanfill.report.page import RESEARCH_ONLY
from scanfill.report.panels import PLANES, fullest_slices, mark_panel, placed, stamp_panel, turn_to_patient, view_of
from scanfill.report.preview import COLOURS
from scanfill.studies.figures.svg import panels

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

AXIAL = PLANES[0]
ABREAST = 4
"""Panels in a row."""


def draw_example_slices(
    image: NDArray[np.float64],
    maps: Mapping[str, NDArray[np.int64]],
    affine: NDArray[np.float64],
    *,
    title: str = "",
    synthetic: Collection[str] = (),
) -> Figure:
    """Draw the axial slice that holds most of the first label map, once for each label map, in one scale.

    Args:
        image: Acquired image under all of them, ``(X, Y, Z)``.
        maps: Heading -> label map ``(X, Y, Z)``: the truth first, then what each strategy found.
        affine: Of all of them, ``(4, 4)``.
        title: The case, and what was missing.
        synthetic: Headings of the label maps for which a synthetic image was used; their panels are stamped.

    Raises:
        ValueError: A label map is on another grid than the image, or there is none.
    """
    shapes = {name: each.shape for name, each in maps.items() if each.shape != image.shape}
    if shapes or not maps:
        msg = f"Label maps must be on the image's grid {image.shape} to be drawn; others: {shapes or 'there is none'}."
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
    """Colour a slice of labels ``(rows, columns)`` half transparently; background is left clear."""
    table = np.array([(0.0, 0.0, 0.0, 0.0), *(to_rgba(colour, 0.55) for colour in COLOURS)])
    picture: NDArray[np.float64] = table[labels.astype(int)]
    return picture
