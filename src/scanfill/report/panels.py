"""Common parts of all image pictures: correctly oriented planes on one scale, rows of panels, side letters, stamps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms.utils import generate_spatial_bounding_box
from nibabel.affines import voxel_sizes

from scanfill.files import writing
from scanfill.replacing import SOFTWARE
from scanfill.report.page import RESEARCH_ONLY
from scanfill.report.palette import blend, palette

Array = npt.NDArray[Any]

STAMP = "#F0E442"
"""Color of the stamp "synthetic": yellow, which does not occur in a gray image."""

TOP, BOTTOM = 0.45, 0.65
"""Space for text above and below the panels, in inches."""

WIDE, TALL, ABREAST = 10.0, 6.0, 4
"""For 2-D images: maximum figure width and panel height in inches, and the number of panels side by side."""

NARROWEST = 0.7
"""Minimum figure width as a fraction of that width, to leave space for text."""


@dataclass(frozen=True)
class Plane:
    """How one plane is cut from a volume whose axes point to the patient's left, front and head.

    Args:
        name: Name of the plane.
        normal: The axis perpendicular to the plane.
        flip: Whether its horizontal axis is reversed.
        sides: Letters at the left and right edge of the picture.
    """

    name: str
    normal: int
    flip: bool
    sides: tuple[str, str]

    def cut(self, volume: Array, index: int) -> Array:
        """Return slice ``index`` as rows from bottom to top."""
        picture: Array = volume.take(index, self.normal).T
        return picture[:, ::-1] if self.flip else picture


# Radiological convention: the patient's left is on the right of the picture.
PLANES = (
    Plane("axial", 2, flip=False, sides=("R", "L")),
    Plane("coronal", 1, flip=False, sides=("R", "L")),
    Plane("sagittal", 0, flip=True, sides=("A", "P")),
)


AS_STORED = Plane("", 2, flip=False, sides=("", ""))
"""A picture without patient sides: its first row is on top."""

BACKGROUND = 0.1
"""Minimum fraction of zero voxels for 0 to count as the outside of the body rather than as an ordinary value."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an image are in space, which determines how it is oriented.

    Args:
        affine: ``(4, 4)``, from voxel to the patient's right, front and head in mm.
        spatial_dims: 2 or 3.
        as_stored: Whether it is a picture without a stated size: it is shown as stored.
    """

    affine: Array
    spatial_dims: int = 3
    as_stored: bool = False

    @classmethod
    def of(cls, image: npt.ArrayLike, spacing: Sequence[float] | None, spatial_dims: int) -> Grid:
        """Determine the grid of an image; without an affine, from the voxel size.

        A 2-D image is shown as stored if it has no affine, or if its file had only the identity, like a PNG; rounded,
        because an image that was resized and brought back has it only to rounding errors. A 2-D slice with an affine is
        oriented like a volume.
        """
        if spatial_dims == 3:
            return cls(affine_of(image, spacing))
        if not isinstance(image, MetaTensor):
            return cls(np.diag([*(spacing or (1.0, 1.0)), 1.0, 1.0]), 2, as_stored=True)
        affine = np.asarray(to_affine_nd(3, image.affine.cpu().numpy()), float)
        of_file = np.asarray(image.meta.get("original_affine", affine), float)
        identity = np.allclose(of_file[:-1, :-1], np.eye(len(of_file) - 1), rtol=0, atol=1e-6)
        return cls(affine, 2, as_stored=identity)

    @property
    def sizes(self) -> list[float]:
        """Voxel size along each axis of the image."""
        return [float(size) for size in voxel_sizes(self.affine)[: self.spatial_dims]]

    def turn(self, volumes: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
        """Orient images ``(X, Y[, Z])``, optionally with further axes at the end, so that planes can be cut from them.

        Returns:
            Volumes ``(X, Y, Z)``, a 2-D image as one voxel deep, and their voxel size.
        """
        if self.spatial_dims == 2:
            volumes = {name: volume[:, :, None] for name, volume in volumes.items()}
        if self.as_stored:
            return {name: volume[:, ::-1] for name, volume in volumes.items()}, voxel_sizes(self.affine)
        return turn_to_patient(volumes, self.affine)

    def view(self, shown: Array) -> tuple[slice, ...]:
        """Return the crop that removes the empty margin of an oriented volume; a 2-D image is shown whole."""
        return view_of(shown) if self.spatial_dims == 3 else tuple(slice(0, length) for length in shown.shape)

    def lay_out(
        self, rows: int, shape: Sequence[int], sizes: Array, bottom: float = BOTTOM
    ) -> tuple[Figure, Array, list[Plane]]:
        """Prepare a figure for oriented volumes; see :py:func:`lay_out`. Rows of 2-D images are placed side by side."""
        if self.spatial_dims == 3:
            return lay_out(rows, shape, sizes, bottom)
        planes = [AS_STORED] if self.as_stored else [plane for plane in PLANES if shape[plane.normal] == 1][:1]
        width, height = np.delete(np.multiply(shape, sizes), planes[0].normal)
        columns = min(rows, ABREAST)
        lines = math.ceil(rows / columns)
        across = min(WIDE / columns, TALL * width / height)
        size = max(across * columns, NARROWEST * WIDE), across * height / width * lines + TOP + bottom
        figure, axes = black_figure(lines, columns, size, bottom, hspace=0.03)
        for axis in axes.ravel()[rows:]:
            axis.set_axis_off()
        return figure, axes.ravel()[:rows, None], planes


def affine_of(volume: npt.ArrayLike, spacing: Sequence[float] | None) -> Array:
    """Return the affine ``(4, 4)`` of a volume, or create one from the voxel size."""
    if isinstance(volume, MetaTensor):
        return np.asarray(volume.affine.cpu(), float)
    if spacing is None:
        msg = "The voxel size is unknown: the volume has no affine. Pass a MetaTensor, or spacing in mm."
        raise ValueError(msg)
    return np.diag([*spacing, 1.0])


def turn_to_patient(volumes: Mapping[str, Array], affine: Array) -> tuple[dict[str, Array], Array]:
    """Orient volumes ``(X, Y, Z, ...)`` so that their axes point to the patient's left, front and head.

    Returns:
        The oriented volumes, and their voxel size in mm.
    """
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LAS"))
    sizes: Array = voxel_sizes(affine)[np.argsort(turn[:, 0])]
    return {name: nib.apply_orientation(volume, turn) for name, volume in volumes.items()}, sizes


def fullest_slices(covered: Array) -> list[int]:
    """Return the slice along each axis in which a mask ``(X, Y, Z)`` covers the largest area."""
    return [int(covered.sum(axis=tuple({0, 1, 2} - {axis})).argmax()) for axis in range(3)]


def view_of(shown: Array) -> tuple[slice, ...]:
    """Return the crop that removes the empty margin of a mask ``(X, Y, Z)``, so that the patient fills the picture."""
    start, stop = (0, 0, 0), shown.shape
    if shown.any():
        start, stop = generate_spatial_bounding_box(shown[None], margin=2, allow_smaller=True)
    return tuple(slice(int(first), int(end)) for first, end in zip(start, stop, strict=True))


def lay_out(rows: int, shape: Sequence[int], sizes: Array, bottom: float = BOTTOM) -> tuple[Figure, Array, list[Plane]]:
    """Prepare a black figure with one row per volume and one column per plane, all on one scale.

    Args:
        rows: Number of rows.
        shape: Shape of the volumes, ``(X, Y, Z)``, axes to the patient's left, front and head.
        sizes: Voxel size in mm.
        bottom: Space for text below the panels, in inches.

    Returns:
        The figure, its axes ``(rows, planes)``, and the planes; planes across an axis of length 1 are left out.
    """
    planes = [plane for plane in PLANES if min(np.delete(shape, plane.normal)) > 1]
    extent = np.multiply(shape, sizes)  # mm
    widths, heights = zip(*(np.delete(extent, plane.normal) for plane in planes), strict=True)
    size = WIDE, max(heights) * WIDE / sum(widths) * rows + TOP + bottom
    return *black_figure(rows, len(planes), size, bottom, width_ratios=widths), planes


def black_figure(
    rows: int, columns: int, size: tuple[float, float], bottom: float = BOTTOM, hspace: float = 0.0, **ratios: Any
) -> tuple[Figure, Array]:
    """Create a black figure of ``size`` inches, filled with axes except for the text space above and below."""
    figure = Figure(figsize=size, dpi=110, facecolor="black")
    room = {"left": 0, "right": 1, "bottom": bottom / size[1], "top": 1 - TOP / size[1], "wspace": 0.03}
    return figure, figure.subplots(rows, columns, squeeze=False, gridspec_kw=room | {"hspace": hspace} | ratios)


def placed(plane: Plane, shape: Sequence[int], sizes: Array) -> dict[str, Any]:
    """Return the ``imshow`` arguments that place a slice in millimeters, rows from bottom to top."""
    width, height = np.delete(np.multiply(shape, sizes), plane.normal)
    return {"origin": "lower", "extent": (0, width, 0, height)}


def blacken(image: Array, low: float) -> Array:
    """Set the outside of the body to the lowest shown value, so that it is black even if 0 is mid-range."""
    outside = image == 0
    darkened: Array = np.where(outside, low, image) if outside.mean() >= BACKGROUND else image
    return darkened


def mark_panel(axis: Any, plane: Plane, row: str) -> None:
    """Write the name of the plane, the patient's sides, and the row's description into a panel."""
    axis.set_axis_off()
    style = {"transform": axis.transAxes, "color": "white", "fontsize": 9}
    axis.text(0.5, 0.99, plane.name, ha="center", va="top", **style)
    axis.text(0.01, 0.5, plane.sides[0], ha="left", va="center", **style)
    axis.text(0.99, 0.5, plane.sides[1], ha="right", va="center", **style)
    axis.text(0.01, 0.99, row, ha="left", va="top", parse_math=False, **style)


def stamp_panel(axis: Any, text: str = "synthetic") -> None:
    """Stamp a panel with an image generated by a network."""
    box = {"boxstyle": "round,pad=0.25", "facecolor": STAMP, "edgecolor": "none"}
    style = {"transform": axis.transAxes, "color": "black", "fontsize": 8, "fontweight": "bold", "bbox": box}
    axis.text(0.98, 0.03, text.upper(), ha="right", va="bottom", **style)


@dataclass(frozen=True)
class Row:
    """Content of one row of a picture.

    Args:
        text: Text in the first panel.
        image: Gray image ``(X, Y, Z)``; if omitted, the masks are shown on black.
        window: Lowest and highest intensity shown.
        cmap: Colormap of the image.
        masks: One mask per label ``(X, Y, Z)``, drawn over the image in the colors of the palette.
        opacity: Opacity of the masks.
        outlines: Color -> mask to outline in that color.
        stamp: Text stamped on every panel; none if empty.
    """

    text: str
    image: Array | None = None
    window: tuple[float, float] = (0.0, 1.0)
    cmap: str | Colormap = "gray"
    masks: Sequence[Array] = ()
    opacity: float = 0.8
    outlines: Mapping[str, Array] = field(default_factory=dict)
    stamp: str = ""

    def draw(self, axis: Any, plane: Plane, index: int, place: Mapping[str, Any], linewidth: float) -> None:
        """Draw one slice into a panel: image, masks over it (or on black), outlines."""
        if self.image is not None:
            low, high = self.window
            picture = plane.cut(self.image, index)
            axis.imshow(picture, cmap=self.cmap, vmin=low, vmax=high, interpolation="bilinear", **place)
        if self.masks:
            cut = [plane.cut(mask, index) for mask in self.masks]
            colours = blend(cut, palette(len(cut)), self.opacity)
            on_black = colours[..., :3] * colours[..., 3:]
            axis.imshow(on_black if self.image is None else colours, interpolation="nearest", **place)
        for colour, mask in self.outlines.items():
            outlined = plane.cut(mask, index)
            if outlined.any() and not outlined.all():
                axis.contour(outlined.astype(float), levels=[0.5], colors=colour, linewidths=linewidth, **place)


def draw_rows(
    rows: Sequence[Row],
    grid: Grid,
    sizes: Array,
    centre: Sequence[int],
    *,
    bottom: float = BOTTOM,
    linewidth: float = 0.8,
) -> Figure:
    """Draw one row per image and one column per plane.

    Args:
        rows: On one grid, axes to the patient's left, front and head.
        grid: The grid from which they were oriented.
        sizes: Voxel size of the oriented images.
        centre: Index of the slice shown along each axis.
        bottom: Space for text below the panels, in inches.
        linewidth: Line width of outlines, in points.
    """
    shape = (rows[0].masks[0] if rows[0].image is None else rows[0].image).shape
    figure, axes, planes = grid.lay_out(len(rows), shape, sizes, bottom)
    for line, row in zip(axes, rows, strict=True):
        for axis, plane in zip(line, planes, strict=True):
            row.draw(axis, plane, centre[plane.normal], placed(plane, shape, sizes), linewidth)
            mark_panel(axis, plane, row.text if plane is planes[0] else "")
            if row.stamp:
                stamp_panel(axis, row.stamp)
    return figure


def finish(figure: Figure, title: str, path: str | Path, below: float = TOP / 2) -> Path:
    """Write the title, ``below`` inches under the edge, and the research-only notice; save the figure as PNG."""
    height = figure.get_size_inches()[1]
    figure.text(0.01, 1 - below / height, title, color="white", fontsize=12, va="center", parse_math=False)
    figure.text(0.5, 0.12 / height, RESEARCH_ONLY, color="0.7", fontsize=7, ha="center", va="center")
    path = Path(path)
    with writing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": SOFTWARE})
    return path
