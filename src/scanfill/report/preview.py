"""Draw labels on their image: three planes through them, or the 2-D image, correctly oriented."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Patch
from monai.data import MetaTensor
from monai.transforms import SpatialResample, Transform
from torch import Tensor

from scanfill.data.provenance import INPUTS, LEGEND
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.single_slice import as_picture, is_from_picture
from scanfill.metrics import region_sizes
from scanfill.metrics.label_arrays import as_channels, as_image
from scanfill.report.palette import COLOURS, palette
from scanfill.report.panels import (
    BOTTOM,
    NARROWEST,
    PLANES,
    WIDE,
    Grid,
    Row,
    blacken,
    draw_rows,
    finish,
    fullest_slices,
)

__all__ = ["COLOURS", "PLANES", "SavePreviewd", "draw_preview"]

Array = npt.NDArray[Any]

LISTED = 10
"""Maximum number of labels in the legend by default; if there are more, the largest are listed."""

FINEST = 660
"""A 2-D image is drawn from every second, third, ... pixel, so that at least this many are left along its longer side;
no panel is higher than that."""

COLUMNS, LINE, LETTER, PATCH = 4, 0.2, 0.072, 0.75
"""Legend layout: maximum entries side by side; height of a line, width of a letter, and of a patch, in inches."""


def draw_preview(
    image: npt.ArrayLike,
    label: npt.ArrayLike,
    path: str | Path,
    *,
    spacing: Sequence[float] | None = None,
    truth: npt.ArrayLike | None = None,
    title: str = "",
    legend: Mapping[int, str] | None = None,
    exclusive: bool = True,
    spatial_dims: int = 3,
    stamp: str = "",
    listed: int = LISTED,
) -> Path:
    """Draw labels on their image as a PNG: axial, coronal and sagittal, in radiological convention; or a 2-D image.

    Each plane is cut where the truth (otherwise the labels, otherwise the image) covers the largest area. A picture
    whose file states no size, such as a PNG, is shown as stored; see :py:class:`~scanfill.report.panels.Grid`.

    Args:
        image: Gray image ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``; shown from its 1st to 99.5th percentile of non-zero
        values.
        label: Label map on the same grid; if labels overlap, channels ``(C, X, Y[, Z])`` of 0 and 1. The affine of a
            MetaTensor determines the orientation; without one, the axes are assumed to point to the patient's right,
            front and head.
        path: The PNG file, written completely or not at all.
        spacing: Voxel size in mm; required in 3-D if ``label`` has no affine.
        truth: True labels on the same grid, drawn in a second row, in 2-D side by side.
        title: Title, for instance the case.
        legend: Name of each possible label; by default the numbers of the labels that occur.
        exclusive: Whether ``label`` is a label map; otherwise channels.
        spatial_dims: 2 or 3.
        stamp: Text stamped on every panel, such as ``synthetic``; none if empty.
        listed: Maximum number of labels in the legend; if there are more, the largest are listed.

    Returns:
        The path.

    Raises:
        ValueError: The grids differ, the voxel size is unknown, or a label has no name.
    """
    grid = Grid.of(label, spacing, spatial_dims)
    given = {"prediction": label} | ({} if truth is None else {"truth": truth})
    what = {"prediction": "label map", "truth": "truth"}
    maps = {name: _labels(labels, what[name], spatial_dims, exclusive) for name, labels in given.items()}
    grey = as_image(image, "image", spatial_dims)
    for name, labels in maps.items():
        if labels.shape[:spatial_dims] != grey.shape:
            msg = f"{name} {labels.shape} and image {grey.shape} must be on one grid to be drawn as {path}."
            raise ValueError(msg)
    legend = _numbered(maps, exclusive) if legend is None else legend
    if not exclusive and (unnamed := maps["prediction"].shape[-1] - len(legend)):
        msg = f"The label has {len(legend) + unnamed} channels, but the legend names {len(legend)}: name each label."
        raise ValueError(msg)
    regions = {name: (value,) for value, name in legend.items()}
    sizes = {name: region_sizes(given[name], grid.sizes, regions, exclusive=exclusive) for name in maps if regions}
    unit = "ml" if spatial_dims == 3 else "px" if grid.as_stored and spacing is None else "mm\N{SUPERSCRIPT TWO}"
    entries = _entries(sizes, palette(len(legend)), unit, listed)
    columns = _columns([text for text, _ in entries])
    bottom = BOTTOM + LINE * max(-(-len(entries) // columns) - 1, 0)
    turned, voxel = grid.turn({**maps, "image": grey})
    if spatial_dims == 2:  # no more pixels than are shown: drawing 29 outlines on 2048 x 2048 takes a minute
        step = max(1, max(grey.shape) // FINEST)
        turned, voxel = {name: volume[::step, ::step, ::step] for name, volume in turned.items()}, voxel * step
    rows, centre = _rows(turned.pop("image"), turned, grid, list(legend), stamp)
    figure = draw_rows(rows, grid, voxel, centre, bottom=bottom, linewidth=0.9)
    figure.legend(
        handles=[Patch(color=colour or "none", label=text) for text, colour in entries],
        loc="center",
        bbox_to_anchor=(0.5, (0.42 + (bottom - BOTTOM) / 2) / figure.get_size_inches()[1]),
        ncols=columns,
        frameon=False,
        labelcolor="white",
        fontsize=9,
    )
    return finish(figure, title, path, below=0.22)


@dataclass(eq=False, repr=False)
class SavePreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_preview.png`` for each case; the data stay unchanged.

    If the image is on a different grid than the label map (because only the prediction was brought back to the input's
    grid), it is resampled for the picture. If the image or an input was synthetic, the picture is stamped accordingly.
    A case's own ``legend`` overrides the schema's. A picture that counts as a volume of one slice is drawn as a
    picture. See :py:func:`draw_preview`.

    Args:
        image_key: Key of the image ``(C, X, Y[, Z])``. If several are given, the first acquired one that is not blank
            is shown (an absent modality is filled with 0), otherwise the first that is not blank.
        label_key: Key of the predicted labels, a MetaTensor: a label map ``(1, X, Y[, Z])``, or overlapping channels.
        output_dir: Folder for the results.
        case_key: Key of the case's name.
        schema: Name of a kind of data, its mapping, or a schema: defines the dimensions, the label names, and whether
            labels overlap. If omitted: label maps of volumes, named by their numbers.
        truth_key: Key of the true labels; drawn if present.
        channel: The channel of the image to show.
        legend: Name of each possible label, instead of the schema's.
        listed: Maximum number of labels in the legend; if there are more, the largest are listed.
    """

    image_key: str | Sequence[str]
    label_key: str
    output_dir: str | Path
    case_key: str = "case_id"
    _: KW_ONLY
    schema: str | Mapping[str, Any] | CaseSchema | None = None
    truth_key: str | None = None
    channel: int = 0
    legend: Mapping[int, str] | None = None
    listed: int = LISTED

    def __post_init__(self) -> None:
        known = None if self.schema is None else load_schema(self.schema)
        label = None if known is None else known.label
        self.spatial_dims = 3 if known is None else known.spatial_dims
        self.exclusive = label is None or label.exclusive
        if label is not None and self.legend is None:
            self.legend = label.legend
        self.image_keys = [self.image_key] if isinstance(self.image_key, str) else list(self.image_key)

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        absent = [key for key in (*self.image_keys, self.label_key, self.case_key) if key not in data]
        if absent:
            msg = (
                f"SavePreviewd needs {absent}, but the case has {sorted(map(str, data))}. Keep these keys, or set "
                f"others."
            )
            raise ValueError(msg)
        case, label = str(data[self.case_key]), data[self.label_key]
        truth = None if self.truth_key is None else data.get(self.truth_key)
        shown, image = self._choose_image(data)
        if isinstance(image, MetaTensor) and isinstance(label, MetaTensor) and not _same_grid(image, label):
            plain = MetaTensor(image.as_tensor(), image.affine)
            image = SpatialResample(mode="bilinear", padding_mode="zeros")(plain, label.affine, label.shape[1:])
        spatial_dims = self.spatial_dims
        if spatial_dims == 3 and label.shape[-1] == 1 and is_from_picture(data[shown], label):
            spatial_dims, image, label = 2, as_picture(image), as_picture(label)
            truth = None if truth is None else as_picture(truth)
        draw_preview(
            image,
            label,
            Path(self.output_dir, case, f"{case}_preview.png"),
            truth=truth,
            title=case,
            legend=data.get(LEGEND) or self.legend,
            exclusive=self.exclusive,
            spatial_dims=spatial_dims,
            stamp=_stamp_of(data, shown),
            listed=self.listed,
        )
        return data

    def _choose_image(self, data: Mapping[Hashable, Any]) -> tuple[str, Tensor]:
        """Return the channel ``(1, X, Y[, Z])`` to show: preferably acquired rather than synthetic, never blank.

        Returns:
            Its key, and the channel.
        """
        images = {key: data[key][self.channel : self.channel + 1] for key in self.image_keys}
        synthetic = _synthetic_of(data)
        in_order = sorted(images, key=lambda key: key in synthetic)  # stable sort keeps the given order
        key = next((key for key in in_order if images[key].any()), self.image_keys[0])
        return key, images[key]


def _synthetic_of(data: Mapping[Hashable, Any]) -> list[str]:
    """List the synthetic inputs: from the case's reliability entry if present, otherwise as the case declares them."""
    if INPUTS in data:
        return [name for name, state in data[INPUTS].items() if state == "synthetic"]
    return [str(key) for key in data.get("synthetic") or ()]


def _stamp_of(data: Mapping[Hashable, Any], shown: str) -> str:
    """Return a short note that the shown image, or some inputs, were generated; empty if none were."""
    synthetic = _synthetic_of(data)
    if shown in synthetic:
        return f"synthetic {shown}"
    return f"with synthetic {' '.join(synthetic)}" if synthetic else ""


def _same_grid(image: MetaTensor, label: MetaTensor) -> bool:
    """Return whether two images ``(C, X, Y[, Z])`` have the same voxels in space."""
    return image.shape[1:] == label.shape[1:] and np.allclose(image.affine, label.affine, atol=1e-3)


def _labels(values: npt.ArrayLike, what: str, spatial_dims: int, exclusive: bool) -> Array:
    """Return a label map ``(X, Y[, Z])``, or overlapping channels moved to the last axis."""
    return (
        as_image(values, what, spatial_dims)
        if exclusive
        else np.moveaxis(as_channels(values, what, spatial_dims), 0, -1)
    )


def _numbered(maps: Mapping[str, Array], exclusive: bool) -> dict[int, str]:
    """Name the labels that occur by their numbers; with channels, all of them."""
    if not exclusive:
        return {label: f"label {label}" for label in range(1, maps["prediction"].shape[-1] + 1)}
    values = sorted({int(value) for labels in maps.values() for value in np.unique(labels[np.isfinite(labels)])} - {0})
    return {value: f"label {value}" for value in values}


def _layers(labels: Array, values: Sequence[int]) -> list[Array]:
    """Split labels, a map ``(X, Y, Z)`` or channels ``(X, Y, Z, C)``, into one mask per label."""
    if labels.ndim == 3:
        return [labels == value for value in values]
    return [labels[..., value - 1] > 0 for value in values]


def _any(labels: Array) -> Array:
    covered: Array = labels > 0 if labels.ndim == 3 else np.any(labels > 0, axis=-1)
    return covered


def _rows(
    grey: Array, maps: Mapping[str, Array], grid: Grid, values: Sequence[int], stamp: str
) -> tuple[list[Row], list[int]]:
    """Draw each label map over the image, and choose slices by the truth, or else the prediction or image."""
    view = grid.view((grey != 0) | np.any([_any(labels) for labels in maps.values()], axis=0))
    grey, maps = grey[view], {name: labels[view] for name, labels in maps.items()}
    by_preference = [maps[name] for name in ("truth", "prediction") if name in maps]
    centre = fullest_slices(next((_any(labels) for labels in by_preference if labels.any()), grey != 0))
    low, high = np.percentile(grey[grey != 0], [1, 99.5]) if grey.any() else (0, 1)
    grey = blacken(grey, min(low, 0))
    high += 0.25 * (high - low)  # white becomes light gray, on which colors remain distinguishable
    rows = []
    for name, labels in maps.items():
        masks = _layers(labels, values)
        overlapping = labels.ndim == 4
        outlines = dict(zip(palette(len(masks)), masks, strict=True)) if overlapping else {}
        text, opacity = name if len(maps) > 1 else "", 0.35 if overlapping else 0.55
        rows.append(Row(text, grey, (low, high), masks=masks, opacity=opacity, outlines=outlines, stamp=stamp))
    return rows, centre


def _entries(
    sizes: Mapping[str, Mapping[str, float]], colours: Sequence[str], unit: str, listed: int = LISTED
) -> list[tuple[str, str | None]]:
    """List legend texts and their colors: all labels, or the largest and the number of the others."""
    names = list(sizes.get("prediction", {}))
    digits = 1 if unit == "ml" else 0
    texts = {name: f"{name}  {sizes['prediction'][name]:.{digits}f} {unit}" for name in names}
    if "truth" in sizes:
        texts = {name: f"{text} (truth {sizes['truth'][name]:.{digits}f})" for name, text in texts.items()}
    largest = sorted(names, key=lambda name: max(of[name] for of in sizes.values()), reverse=True)[:listed]
    entries: list[tuple[str, str | None]] = [
        (texts[name], colour) for name, colour in zip(names, colours, strict=True) if name in largest
    ]
    return entries + [(f"and {len(names) - listed} more", None)] * (len(names) > listed)


def _columns(texts: Sequence[str]) -> int:
    """Return how many legend entries fit side by side; on a single line, entries keep their own widths."""
    if len(texts) <= COLUMNS:
        return len(texts) or 1
    return max(1, min(COLUMNS, int(WIDE * NARROWEST / (max(map(len, texts)) * LETTER + PATCH))))
