"""What every picture of a volume shares: three planes, right way up, in one scale, with sides and stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from monai.data import MetaTensor
from nibabel.affines import voxel_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = npt.NDArray[Any]

STAMP = "#F0E442"
"""Colour of the stamp "synthetic": yellow, which no grey image holds."""

TOP, BOTTOM = 0.45, 0.65
"""Room for texts above and below the panels, in inches."""


@dataclass(frozen=True)
class Plane:
    """How one plane is cut from a volume whose axes point to the patient's left, front and head.

    Args:
        name: Name of the plane.
        normal: The axis that it cuts.
        flip: Whether its horizontal axis is reversed.
        sides: Letters at the left and right rim of the picture.
    """

    name: str
    normal: int
    flip: bool
    sides: tuple[str, str]

    def cut(self, volume: Array, index: int) -> Array:
        """Take the slice ``index`` as rows from bottom to top."""
        picture: Array = volume.take(index, self.normal).T
        return picture[:, ::-1] if self.flip else picture


# Radiological convention: the patient's left is on the right of the picture.
PLANES = (
    Plane("axial", 2, flip=False, sides=("R", "L")),
    Plane("coronal", 1, flip=False, sides=("R", "L")),
    Plane("sagittal", 0, flip=True, sides=("A", "P")),
)


def affine_of(volume: npt.ArrayLike, spacing: Sequence[float] | None) -> Array:
    """Find the affine ``(4, 4)`` of a volume, or make one from the voxel size."""
    if isinstance(volume, MetaTensor):
        return np.asarray(volume.affine.cpu(), float)
    if spacing is None:
        msg = "The voxel size is unknown: the volume has no affine. Pass a MetaTensor, or spacing in mm."
        raise ValueError(msg)
    return np.diag([*spacing, 1.0])


def turn_to_patient(volumes: Mapping[str, Array], affine: Array) -> tuple[dict[str, Array], Array]:
    """Turn volumes ``(X, Y, Z)`` so that their axes point to the patient's left, front and head.

    Returns:
        The turned volumes, and their voxel size in mm.
    """
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LAS"))
    sizes: Array = voxel_sizes(affine)[np.argsort(turn[:, 0])]
    return {name: nib.apply_orientation(volume, turn) for name, volume in volumes.items()}, sizes


def fullest_slices(covered: Array) -> list[int]:
    """Choose the slice along each axis that a mask ``(X, Y, Z)`` covers most."""
    return [int(covered.sum(axis=tuple({0, 1, 2} - {axis})).argmax()) for axis in range(3)]


def view_of(shown: Array) -> tuple[slice, ...]:
    """Cut away the empty rim of a mask ``(X, Y, Z)``, so that the patient fills the picture."""
    view = []
    for axis in range(3):
        inside = np.flatnonzero(shown.any(axis=tuple({0, 1, 2} - {axis})))
        length = shown.shape[axis]
        view.append(slice(max(inside[0] - 2, 0), min(inside[-1] + 3, length)) if inside.size else slice(0, length))
    return tuple(view)


def lay_out(rows: int, shape: Sequence[int], sizes: Array) -> tuple[Figure, Array, list[Plane]]:
    """Prepare a black figure with one row a volume and one column a plane, all in one scale.

    Args:
        rows: How many.
        shape: Of the volumes, ``(X, Y, Z)``, axes to the patient's left, front and head.
        sizes: Voxel size in mm.

    Returns:
        The figure, its axes ``(rows, planes)``, and the planes: those across an axis of length 1 are left out.
    """
    planes = [plane for plane in PLANES if min(np.delete(shape, plane.normal)) > 1]
    extent = np.multiply(shape, sizes)  # mm
    widths, heights = zip(*(np.delete(extent, plane.normal) for plane in planes), strict=True)
    figure = Figure(figsize=(10, max(heights) * 10 / sum(widths) * rows + TOP + BOTTOM), dpi=110, facecolor="black")
    height = figure.get_size_inches()[1]
    axes = figure.subplots(
        rows,
        len(planes),
        squeeze=False,
        width_ratios=widths,
        gridspec_kw={
            "left": 0,
            "right": 1,
            "bottom": BOTTOM / height,
            "top": 1 - TOP / height,
            "wspace": 0.03,
            "hspace": 0,
        },
    )
    return figure, axes, planes


def placed(plane: Plane, shape: Sequence[int], sizes: Array) -> dict[str, Any]:
    """Say how ``imshow`` places a slice in millimetres, rows from bottom to top."""
    width, height = np.delete(np.multiply(shape, sizes), plane.normal)
    return {"origin": "lower", "extent": (0, width, 0, height)}


def mark_panel(axis: Any, plane: Plane, row: str) -> None:
    """Write the plane's name, the patient's sides, and what the row shows into a picture."""
    axis.set_axis_off()
    style = {"transform": axis.transAxes, "color": "white", "fontsize": 9}
    axis.text(0.5, 0.99, plane.name, ha="center", va="top", **style)
    axis.text(0.01, 0.5, plane.sides[0], ha="left", va="center", **style)
    axis.text(0.99, 0.5, plane.sides[1], ha="right", va="center", **style)
    axis.text(0.01, 0.99, row, ha="left", va="top", parse_math=False, **style)


def stamp_panel(axis: Any, text: str = "synthetic") -> None:
    """Stamp a panel whose image was made by a network."""
    box = {"boxstyle": "round,pad=0.25", "facecolor": STAMP, "edgecolor": "none"}
    axis.text(
        *(0.98, 0.03, text.upper()),
        transform=axis.transAxes,
        color="black",
        fontsize=8,
        fontweight="bold",
        ha="right",
        va="bottom",
        bbox=box,
    )
