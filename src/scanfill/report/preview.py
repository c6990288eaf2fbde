"""A picture of a label map on its image: three planes through the tumour, right way up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from monai.data import MetaTensor
from monai.transforms import SpatialResample, Transform
from nibabel.affines import voxel_sizes
from torch import Tensor

from scanfill.files import writing
from scanfill.metrics import region_volumes
from scanfill.report.page import RESEARCH_ONLY

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

Array = npt.NDArray[Any]

LEGEND: Mapping[int, str] = {1: "NC necrotic core", 2: "ED edema", 3: "CET enhancing tumour"}
"""What each label of a brain tumour is called."""

# Of Okabe and Ito's palette, which colour-blind people can tell apart; the brightest for the outermost.
COLOURS = ("#0072B2", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")


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


def draw_preview(
    image: npt.ArrayLike,
    label: npt.ArrayLike,
    path: str | Path,
    *,
    spacing: Sequence[float] | None = None,
    truth: npt.ArrayLike | None = None,
    title: str = "",
    legend: Mapping[int, str] = LEGEND,
) -> Path:
    """Draw a label map over its image as a PNG: axial, coronal and sagittal, in radiological convention.

    Each plane is the one in which the truth (without one the label map, or else the image) covers most.

    Args:
        image: Grey image ``(X, Y, Z)`` or ``(1, X, Y, Z)``; shown from its 1st to 99.5th percentile where not zero.
        label: Label map on the same grid. The affine of a MetaTensor turns the picture; without one the axes are taken
            to point to the patient's right, front and head.
        path: The PNG file, written whole or not at all.
        spacing: Voxel size in mm; needed where ``label`` has no affine.
        truth: True label map on the same grid, drawn in a second row.
        title: Heading, for instance the case.
        legend: Name of each label that may occur.

    Returns:
        The path.

    Raises:
        ValueError: The grids differ, the voxel size is unknown, or a label has no name.
    """
    affine = _affine(label, spacing)
    maps = {"prediction": _volume(label)} | ({} if truth is None else {"truth": _volume(truth)})
    grey = _volume(image)
    for name, labels in maps.items():
        if labels.shape != grey.shape:
            msg = f"{name} {labels.shape} and image {grey.shape} must be on one grid to be drawn as {path}."
            raise ValueError(msg)
    sizes = voxel_sizes(affine)
    regions = {name: (value,) for value, name in legend.items()}
    volumes = {name: region_volumes(labels, sizes, regions) for name, labels in maps.items()}
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LAS"))
    sizes = sizes[np.argsort(turn[:, 0])]
    grey = nib.apply_orientation(grey, turn)
    maps = {name: nib.apply_orientation(labels, turn) for name, labels in maps.items()}
    figure = _draw_planes(grey, maps, sizes, list(legend))
    _write_texts(figure, title, volumes)
    path = Path(path)
    with writing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


class SavePreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_preview.png`` for each case and pass the case on untouched.

    An image on another grid than the label map (because only the prediction was brought back to the input's own grid)
    is resampled for the picture. See :py:func:`draw_preview`.

    Args:
        image_key: Key of the image ``(C, X, Y, Z)``.
        label_key: Key of the predicted label map ``(1, X, Y, Z)``, a MetaTensor.
        output_dir: Folder of the results.
        case_key: Key of the case's name.
        truth_key: Key of the true label map ``(1, X, Y, Z)``; drawn where a case has it.
        channel: The channel of the image to show.
        legend: Name of each label that may occur.
    """

    def __init__(
        self,
        image_key: str,
        label_key: str,
        output_dir: str | Path,
        case_key: str = "case_id",
        *,
        truth_key: str | None = None,
        channel: int = 0,
        legend: Mapping[int, str] = LEGEND,
    ) -> None:
        self.image_key, self.label_key, self.truth_key = image_key, label_key, truth_key
        self.case_key, self.channel = case_key, channel
        self.output_dir = Path(output_dir)
        self.legend = dict(legend)

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        absent = [key for key in (self.image_key, self.label_key, self.case_key) if key not in data]
        if absent:
            msg = f"SavePreviewd finds no {absent} among {sorted(map(str, data))}. Keep these keys, or name others."
            raise ValueError(msg)
        case, label = str(data[self.case_key]), data[self.label_key]
        image = data[self.image_key][self.channel : self.channel + 1]
        if isinstance(image, MetaTensor) and isinstance(label, MetaTensor) and not _same_grid(image, label):
            plain = MetaTensor(image.as_tensor(), image.affine)
            image = SpatialResample(mode="bilinear", padding_mode="zeros")(plain, label.affine, label.shape[1:])
        truth = data.get(self.truth_key) if self.truth_key is not None else None
        path = self.output_dir / case / f"{case}_preview.png"
        draw_preview(image, label, path, truth=truth, title=case, legend=self.legend)
        return data


def _same_grid(image: MetaTensor, label: MetaTensor) -> bool:
    """Tell whether two volumes ``(C, X, Y, Z)`` have the same voxels in space."""
    return image.shape[1:] == label.shape[1:] and np.allclose(image.affine, label.affine, atol=1e-3)


def _affine(label: npt.ArrayLike, spacing: Sequence[float] | None) -> Array:
    """Find the affine ``(4, 4)`` of the label map, or make one from the voxel size."""
    if isinstance(label, MetaTensor):
        return np.asarray(label.affine.cpu(), float)
    if spacing is None:
        msg = "The voxel size is unknown: the label map has no affine. Pass a MetaTensor, or spacing in mm."
        raise ValueError(msg)
    return np.diag([*spacing, 1.0])


def _volume(values: npt.ArrayLike) -> Array:
    """Take ``(X, Y, Z)`` or ``(1, X, Y, Z)``, array or tensor, as an array ``(X, Y, Z)``."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    array = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if array.ndim != 3:
        msg = f"A preview shows one volume (X, Y, Z) or (1, X, Y, Z), found shape {array.shape}. Choose one channel."
        raise ValueError(msg)
    return array


def _fullest(maps: Mapping[str, Array], grey: Array) -> list[int]:
    """Choose the slice along each axis that the truth covers most; without one the prediction, or else the image."""
    shown = [maps[name] for name in ("truth", "prediction") if name in maps]
    covered = next((labels > 0 for labels in shown if labels.any()), grey != 0)
    return [int(covered.sum(axis=tuple({0, 1, 2} - {axis})).argmax()) for axis in range(3)]


def _view(shown: Array) -> list[slice]:
    """Cut away the empty rim, so that the patient fills the picture."""
    view = []
    for axis in range(3):
        inside = np.flatnonzero(shown.any(axis=tuple({0, 1, 2} - {axis})))
        view.append(slice(max(inside[0] - 2, 0), inside[-1] + 3) if inside.size else slice(None))
    return view


def _draw_planes(grey: Array, maps: Mapping[str, Array], sizes: Array, values: list[int]) -> Figure:
    """Draw one row a label map and one column a plane, all in one scale; the grid's axes are left, front, head."""
    centre = _fullest(maps, grey)
    view = _view((grey != 0) | np.any([labels > 0 for labels in maps.values()], axis=0))
    starts = [part.indices(length)[0] for part, length in zip(view, grey.shape, strict=True)]
    centre = [index - start for index, start in zip(centre, starts, strict=True)]
    grey, maps = grey[*view], {name: labels[*view] for name, labels in maps.items()}
    low, high = np.percentile(grey[grey != 0], [1, 99.5]) if grey.any() else (0, 1)
    grey = np.where(grey == 0, min(low, 0), grey)  # outside the brain is black, also where images are z-scored
    high += 0.25 * (high - low)  # white becomes light grey, on which the colours are still told apart
    planes = [plane for plane in PLANES if min(np.delete(grey.shape, plane.normal)) > 1]
    extent = np.multiply(grey.shape, sizes)  # mm
    widths, heights = zip(*(np.delete(extent, plane.normal) for plane in planes), strict=True)
    inches = 10 / sum(widths)
    figure = Figure(figsize=(10, max(heights) * inches * len(maps) + 1.1), dpi=110, facecolor="black")
    height = figure.get_size_inches()[1]
    axes = figure.subplots(
        len(maps),
        len(planes),
        squeeze=False,
        width_ratios=widths,
        gridspec_kw={
            "left": 0,
            "right": 1,
            "bottom": 0.65 / height,
            "top": 1 - 0.45 / height,
            "wspace": 0.03,
            "hspace": 0,
        },
    )
    for row, (name, labels) in zip(axes, maps.items(), strict=True):
        for axis, plane in zip(row, planes, strict=True):
            width_mm, height_mm = np.delete(extent, plane.normal)
            place = {"origin": "lower", "extent": (0, width_mm, 0, height_mm)}
            slice_of = plane.cut(grey, centre[plane.normal])
            axis.imshow(slice_of, cmap="gray", vmin=low, vmax=high, interpolation="bilinear", **place)
            overlay = _coloured(plane.cut(labels, centre[plane.normal]), values)
            axis.imshow(overlay, interpolation="nearest", **place)
            _mark(axis, plane, name if len(maps) > 1 and plane is planes[0] else "")
    return figure


def _coloured(labels: Array, values: list[int]) -> Array:
    """Colour a slice of labels ``(rows, columns)`` as RGBA in [0, 1], half transparent."""
    picture = np.zeros((*labels.shape, 4))
    for value, colour in zip(values, _colours(len(values)), strict=True):
        picture[labels == value] = (*to_rgb(colour), 0.55)
    return picture


def _colours(number: int) -> list[str]:
    """Take as many colours as there are labels, from the start again where they run out."""
    return [COLOURS[index % len(COLOURS)] for index in range(number)]


def _mark(axis: Any, plane: Plane, row: str) -> None:
    """Write the plane's name, the patient's sides, and what the row shows into a picture."""
    axis.set_axis_off()
    style = {"transform": axis.transAxes, "color": "white", "fontsize": 9}
    axis.text(0.5, 0.99, plane.name, ha="center", va="top", **style)
    axis.text(0.01, 0.5, plane.sides[0], ha="left", va="center", **style)
    axis.text(0.99, 0.5, plane.sides[1], ha="right", va="center", **style)
    axis.text(0.01, 0.99, row, ha="left", va="top", **style)


def _write_texts(figure: Figure, title: str, volumes: Mapping[str, Mapping[str, float]]) -> None:
    """Write the heading, the legend with volumes in ml, and what the picture is not for."""
    names = list(volumes["prediction"])
    lines = [f"{name}  {volumes['prediction'][name]:.1f} ml" for name in names]
    if "truth" in volumes:
        lines = [f"{line} (truth {volumes['truth'][name]:.1f})" for line, name in zip(lines, names, strict=True)]
    patches = [Patch(color=colour, label=line) for colour, line in zip(_colours(len(lines)), lines, strict=True)]
    height = figure.get_size_inches()[1]
    figure.legend(
        handles=patches,
        loc="center",
        bbox_to_anchor=(0.5, 0.42 / height),
        ncols=min(4, len(patches)),
        frameon=False,
        labelcolor="white",
        fontsize=9,
    )
    figure.text(0.01, 1 - 0.22 / height, title, color="white", fontsize=12, va="center", parse_math=False)
    figure.text(0.5, 0.12 / height, RESEARCH_ONLY, color="0.7", fontsize=7, ha="center", va="center")
