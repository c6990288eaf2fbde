"""A picture of a label map on its image: three planes through the tumour, right way up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from monai.data import MetaTensor
from monai.transforms import SpatialResample, Transform
from nibabel.affines import voxel_sizes

from scanfill.data.provenance import INPUTS
from scanfill.domains.brain_mri.reliability import WITHHELD
from scanfill.files import writing
from scanfill.metrics import region_sizes
from scanfill.metrics.scoring import as_image
from scanfill.report.page import RESEARCH_ONLY
from scanfill.report.panels import (
    PLANES,
    affine_of,
    fullest_slices,
    lay_out,
    mark_panel,
    placed,
    stamp_panel,
    turn_to_patient,
    view_of,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from matplotlib.figure import Figure
    from torch import Tensor

__all__ = ["COLOURS", "LEGEND", "LEGEND_OF_WHOLE_CORE", "PLANES", "SavePreviewd", "draw_preview"]

Array = npt.NDArray[Any]

LEGEND: Mapping[int, str] = {1: "NC necrotic core", 2: "ED edema", 3: "CET enhancing tumour"}
"""What each label of a brain tumour is called."""

LEGEND_OF_WHOLE_CORE: Mapping[int, str] = {1: "TC core, not subdivided (reduced confidence)", 2: "ED edema"}
"""What the labels are called where NC and CET are not told apart."""

# Of Okabe and Ito's palette, which colour-blind people can tell apart; the brightest for the outermost.
COLOURS = ("#0072B2", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")


def draw_preview(
    image: npt.ArrayLike,
    label: npt.ArrayLike,
    path: str | Path,
    *,
    spacing: Sequence[float] | None = None,
    truth: npt.ArrayLike | None = None,
    title: str = "",
    legend: Mapping[int, str] = LEGEND,
    stamp: str = "",
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
        stamp: Stamped on every panel, such as ``synthetic``; nothing where it is empty.

    Returns:
        The path.

    Raises:
        ValueError: The grids differ, the voxel size is unknown, or a label has no name.
    """
    affine = affine_of(label, spacing)
    maps = {"prediction": as_image(label, "label map")}
    maps |= {} if truth is None else {"truth": as_image(truth, "truth")}
    grey = as_image(image, "image")
    for name, labels in maps.items():
        if labels.shape != grey.shape:
            msg = f"{name} {labels.shape} and image {grey.shape} must be on one grid to be drawn as {path}."
            raise ValueError(msg)
    regions = {name: (value,) for value, name in legend.items()}
    volumes = {name: region_sizes(labels, voxel_sizes(affine), regions) for name, labels in maps.items()}
    turned, sizes = turn_to_patient({**maps, "image": grey}, affine)
    figure = _draw_planes(turned.pop("image"), turned, sizes, list(legend), stamp)
    _write_texts(figure, title, volumes)
    path = Path(path)
    with writing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


class SavePreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_preview.png`` for each case and pass the case on untouched.

    An image on another grid than the label map (because only the prediction was brought back to the input's own grid)
    is resampled for the picture. Where the image, or an input, was synthetic the picture is stamped so; where the parts
    of the core are withheld (:py:class:`scanfill.domains.brain_mri.JudgeReliabilityd`) the legend says that it is one
    class.
    See :py:func:`draw_preview`.

    Args:
        image_key: Key of the image ``(C, X, Y, Z)``. Of several, the first that is shown is the first that was
            acquired and is not blank (an absent modality is filled with 0), or else the first that is not blank.
        label_key: Key of the predicted label map ``(1, X, Y, Z)``, a MetaTensor.
        output_dir: Folder of the results.
        case_key: Key of the case's name.
        truth_key: Key of the true label map ``(1, X, Y, Z)``; drawn where a case has it.
        channel: The channel of the image to show.
        legend: Name of each label that may occur.
    """

    def __init__(
        self,
        image_key: str | Sequence[str],
        label_key: str,
        output_dir: str | Path,
        case_key: str = "case_id",
        *,
        truth_key: str | None = None,
        channel: int = 0,
        legend: Mapping[int, str] = LEGEND,
    ) -> None:
        self.image_keys = [image_key] if isinstance(image_key, str) else list(image_key)
        self.label_key, self.truth_key = label_key, truth_key
        self.case_key, self.channel = case_key, channel
        self.output_dir = Path(output_dir)
        self.legend = dict(legend)

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        absent = [key for key in (*self.image_keys, self.label_key, self.case_key) if key not in data]
        if absent:
            msg = f"SavePreviewd finds no {absent} among {sorted(map(str, data))}. Keep these keys, or name others."
            raise ValueError(msg)
        case, label = str(data[self.case_key]), data[self.label_key]
        shown, image = self._choose_image(data)
        if isinstance(image, MetaTensor) and isinstance(label, MetaTensor) and not _same_grid(image, label):
            plain = MetaTensor(image.as_tensor(), image.affine)
            image = SpatialResample(mode="bilinear", padding_mode="zeros")(plain, label.affine, label.shape[1:])
        truth = data.get(self.truth_key) if self.truth_key is not None else None
        path = self.output_dir / case / f"{case}_preview.png"
        legend = LEGEND_OF_WHOLE_CORE if data.get(WITHHELD) else self.legend
        draw_preview(image, label, path, truth=truth, title=case, legend=legend, stamp=_stamp_of(data, shown))
        return data

    def _choose_image(self, data: Mapping[Hashable, Any]) -> tuple[str, Tensor]:
        """Take the channel ``(1, X, Y, Z)`` to show: rather an acquired one than a synthetic one, never a blank one.

        Returns:
            Its key, and the channel.
        """
        images = {key: data[key][self.channel : self.channel + 1] for key in self.image_keys}
        synthetic = _synthetic_of(data)
        in_order = sorted(images, key=lambda key: key in synthetic)  # stable: otherwise in the order given
        key = next((key for key in in_order if images[key].any()), self.image_keys[0])
        return key, images[key]


def _synthetic_of(data: Mapping[Hashable, Any]) -> list[str]:
    """List the inputs that were generated: as the case's judge says, else as the case itself says."""
    if INPUTS in data:
        return [name for name, state in data[INPUTS].items() if state == "synthetic"]
    return [str(key) for key in data.get("synthetic") or ()]


def _stamp_of(data: Mapping[Hashable, Any], shown: str) -> str:
    """Say in a few words that the image shown was generated, or which inputs were; nothing where none was."""
    synthetic = _synthetic_of(data)
    if shown in synthetic:
        return f"synthetic {shown}"
    return f"with synthetic {' '.join(synthetic)}" if synthetic else ""


def _same_grid(image: MetaTensor, label: MetaTensor) -> bool:
    """Tell whether two volumes ``(C, X, Y, Z)`` have the same voxels in space."""
    return image.shape[1:] == label.shape[1:] and np.allclose(image.affine, label.affine, atol=1e-3)


def _covered(maps: Mapping[str, Array], grey: Array) -> Array:
    """Choose what decides on the slices: the truth; without one the prediction, or else the image."""
    shown = [maps[name] for name in ("truth", "prediction") if name in maps]
    return next((labels > 0 for labels in shown if labels.any()), grey != 0)


def _draw_planes(grey: Array, maps: Mapping[str, Array], sizes: Array, values: list[int], stamp: str = "") -> Figure:
    """Draw one row a label map and one column a plane, all in one scale; the grid's axes are left, front, head."""
    view = view_of((grey != 0) | np.any([labels > 0 for labels in maps.values()], axis=0))
    grey, maps = grey[view], {name: labels[view] for name, labels in maps.items()}
    centre = fullest_slices(_covered(maps, grey))
    low, high = np.percentile(grey[grey != 0], [1, 99.5]) if grey.any() else (0, 1)
    grey = np.where(grey == 0, min(low, 0), grey)  # outside the brain is black, also where images are z-scored
    high += 0.25 * (high - low)  # white becomes light grey, on which the colours are still told apart
    figure, axes, planes = lay_out(len(maps), grey.shape, sizes)
    for row, (name, labels) in zip(axes, maps.items(), strict=True):
        for axis, plane in zip(row, planes, strict=True):
            place = placed(plane, grey.shape, sizes)
            slice_of = plane.cut(grey, centre[plane.normal])
            axis.imshow(slice_of, cmap="gray", vmin=low, vmax=high, interpolation="bilinear", **place)
            overlay = _coloured(plane.cut(labels, centre[plane.normal]), values)
            axis.imshow(overlay, interpolation="nearest", **place)
            mark_panel(axis, plane, name if len(maps) > 1 and plane is planes[0] else "")
            if stamp:
                stamp_panel(axis, stamp)
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
