"""Draw a synthetic image together with its sources, the truth, and the difference."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from monai.transforms import Transform

from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.single_slice import as_picture, is_from_picture
from scanfill.metrics.label_arrays import as_channels, as_image
from scanfill.report.panels import Grid, Row, blacken, draw_rows, finish, fullest_slices

Array = npt.NDArray[Any]

TRUTH, SYNTHETIC, DIFFERENCE, UNCERTAINTY, TUMOUR = "acquired", "synthetic", "difference", "uncertainty", "tumour"
"""Names of the rows that are not sources, and of the label."""

# Black means no difference; blue and vermilion from Okabe and Ito's palette suit color-blind readers.
DARKER_BRIGHTER = LinearSegmentedColormap.from_list(
    "darker_brighter", ["#BFE3F7", "#0072B2", "#000000", "#D55E00", "#FFD9B3"]
)
COLOURS: dict[str, str | LinearSegmentedColormap] = {DIFFERENCE: DARKER_BRIGHTER, UNCERTAINTY: "inferno"}
"""Colormaps of rows that are not gray."""

OUTLINE = "#009E73"
"""Color of the tumor outline: green."""

NOTES = {
    TRUTH: "difference: orange too bright, blue too dark, palest at half of the gray window",
    UNCERTAINTY: "uncertainty: SD, brighter where less sure",
    TUMOUR: "green outline: {outlined}",
}
"""How to read the picture if it shows these."""

WINDOW = (0.5, 99.9)
"""Percentiles in the brain that define the display range; contrast enhancement is above the 99.5th."""


def draw_synthesis(
    sources: Mapping[str, npt.ArrayLike],
    synthetic: npt.ArrayLike,
    path: str | Path,
    *,
    target: str,
    truth: npt.ArrayLike | None = None,
    label: npt.ArrayLike | None = None,
    uncertainty: npt.ArrayLike | None = None,
    spacing: Sequence[float] | None = None,
    title: str = "",
    label_maps: Collection[str] = (),
    outlined: str = TUMOUR,
    spatial_dims: int = 3,
) -> Path:
    """Draw a synthetic image as a PNG: axial, coronal and sagittal, in radiological convention; or a 2-D image.

    One row for each source, then the truth, the synthetic image (stamped accordingly, with the truth's gray window),
    the difference synthetic - truth (orange if too bright, blue if too dark, black if correct), and the uncertainty of
    the network. Each plane is cut where the tumor (otherwise the brain) covers the largest area. In 2-D the rows are
    placed side by side, and a picture whose file states no size is shown as stored.

    Args:
        sources: Modality -> source image, ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``, all on one grid.
        synthetic: The generated image. The affine of a MetaTensor determines the orientation; without one, the axes are
            assumed to point to the patient's right, front and head.
        path: The PNG file, written completely or not at all.
        target: The generated modality.
        truth: The acquired image; if omitted, its row and the difference are left out.
        label: Label map, tumor if not 0; its outline is drawn in every row except label maps.
        uncertainty: SD of each voxel of the synthetic image, in its intensities; if omitted, its row is left out.
        spacing: Voxel size in mm; required in 3-D if ``synthetic`` has no affine.
        title: Title, for instance the case.
        label_maps: The sources that are labels, shown in colors; they may be channels ``(C, X, Y[, Z])``, non-zero
            inside.
        outlined: Name of the outlined structure.
        spatial_dims: 2 or 3.

    Returns:
        The path.

    Raises:
        ValueError: There are no sources, the grids differ, or the voxel size is unknown.
    """
    grid = Grid.of(synthetic, spacing, spatial_dims)
    given = {
        f"{name}, given": (_layers if name in label_maps else as_image)(image, name, spatial_dims)
        for name, image in sources.items()
    }
    optional = {TRUTH: truth, UNCERTAINTY: uncertainty, TUMOUR: label}
    volumes = {SYNTHETIC: as_image(synthetic, SYNTHETIC, spatial_dims), **given}
    volumes |= {name: as_image(image, name, spatial_dims) for name, image in optional.items() if image is not None}
    shapes = {name: volume.shape[:spatial_dims] for name, volume in volumes.items()}
    if not sources or len(set(shapes.values())) > 1:
        msg = f"All images drawn as {path} (sources, synthetic image, truth, ...) must be on one grid: {shapes}."
        raise ValueError(msg)
    turned, sizes = grid.turn(volumes)
    figure = _draw(turned, list(given), grid, sizes, target)
    notes = [text.format(outlined=outlined) for name, text in NOTES.items() if name in turned]
    height = figure.get_size_inches()[1]
    figure.text(0.5, 0.42 / height, "; ".join(notes), color="white", fontsize=8, ha="center", va="center")
    return finish(figure, title, path)


@dataclass(eq=False, repr=False)
class SaveSynthesisPreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_preview.png`` for each case; the data stay unchanged.

    A picture that counts as a volume of one slice is drawn as a picture.

    Args:
        sources: The source modalities; a case contains each, as in its file, under ``prefix`` plus its name.
        target: The generated modality; the truth is drawn if the case contains it under ``prefix`` plus its name.
        output_dir: Folder for the pictures.
        key: Key of the synthetic image ``(1, X, Y, Z)``, a MetaTensor on the grid of the files.
        label_key: Key of the label map on that grid, which is optional.
        prefix: See ``sources``.
        case_key: Key of the case's name.
        schema: Name of a kind of data, its mapping, or a schema: defines the dimensions. A source that is the schema's
            truth is shown as labels; a case contains it under its own key, or with ``prefix``.
        outlined: Name of the structure that ``label_key`` marks.
    """

    sources: Sequence[str]
    target: str
    output_dir: str | Path
    _: KW_ONLY
    key: str = "pred"
    label_key: str = "label"
    prefix: str = "acquired_"
    case_key: str = "case_id"
    schema: str | Mapping[str, Any] | CaseSchema | None = None
    outlined: str = TUMOUR

    def __post_init__(self) -> None:
        known = None if self.schema is None else load_schema(self.schema)
        self.spatial_dims = 3 if known is None else known.spatial_dims
        self.label_maps = [known.label.key] if known is not None and known.label is not None else []

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        case = str(data[self.case_key])
        keys = {source: f"{self.prefix}{source}" for source in self.sources}
        keys |= {source: source for source in self.label_maps if source in keys and keys[source] not in data}
        flat = self.spatial_dims == 3 and data[self.key].shape[-1] == 1
        picture = flat and is_from_picture(*[data[key] for key in [*keys.values(), self.key]])

        def drawn(key: str) -> Any:
            return as_picture(data[key]) if picture else data[key]

        truth = f"{self.prefix}{self.target}"
        outlined = self.label_key not in self.sources and self.label_key in data
        draw_synthesis(
            {source: drawn(key) for source, key in keys.items()},
            drawn(self.key),
            Path(self.output_dir, case, f"{case}_preview.png"),
            target=self.target,
            truth=drawn(truth) if truth in data else None,
            label=drawn(self.label_key) if outlined else None,
            title=case,
            label_maps=self.label_maps,
            outlined=self.outlined,
            spatial_dims=2 if picture else self.spatial_dims,
        )
        return data


def _layers(labels: npt.ArrayLike, what: str, spatial_dims: int) -> Array:
    """Return a label map or channels as one mask per label, ``(X, Y[, Z], labels)``."""
    shape = np.shape(labels)
    if len(shape) == spatial_dims + 1 and shape[0] > 1:
        channels: Array = np.moveaxis(as_channels(labels, what, spatial_dims), 0, -1) != 0
        return channels
    values = as_image(labels, what, spatial_dims)
    return np.stack([values == value for value in np.unique(values[values != 0])] or [values != 0], axis=-1)


def _draw(volumes: Mapping[str, Array], given: Sequence[str], grid: Grid, sizes: Array, target: str) -> Figure:
    """Draw one row per image and one column per plane; the volumes' axes are left, front, head."""
    shown = np.any([volume.any(axis=-1) if volume.ndim == 4 else volume != 0 for volume in volumes.values()], axis=0)
    view = grid.view(shown)
    cut = {name: volume[view] for name, volume in volumes.items()}
    tumour = cut.pop(TUMOUR, np.zeros(shown[view].shape)) != 0
    images = {name: volume.astype(np.float64) for name, volume in cut.items() if volume.ndim == 3}
    windows = {name: _window(image) for name, image in images.items()}
    if TRUTH in images:
        windows[SYNTHETIC] = windows[TRUTH]
        images[DIFFERENCE] = images[SYNTHETIC] - images[TRUTH]
        spread = (windows[TRUTH][1] - windows[TRUTH][0]) / 2
        windows[DIFFERENCE] = -spread, spread
    rows = []
    for name in [*given, TRUTH, SYNTHETIC, DIFFERENCE, UNCERTAINTY]:
        if name in images:
            image = images[name] if name == DIFFERENCE else blacken(images[name], windows[name][0])
            text = f"{target}, {name}" if name in (TRUTH, SYNTHETIC) else name
            stamp = SYNTHETIC if name == SYNTHETIC else ""
            colours = COLOURS.get(name, "gray")
            rows.append(Row(text, image, windows[name], colours, outlines={OUTLINE: tumour}, stamp=stamp))
        elif name in cut:
            rows.append(Row(name, masks=list(np.moveaxis(cut[name], -1, 0))))
    return draw_rows(rows, grid, sizes, fullest_slices(tumour if tumour.any() else shown[view]))


def _window(image: Array) -> tuple[float, float]:
    """Return the lowest and highest intensity shown for an image."""
    inside = image[image != 0]
    if not inside.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(inside, WINDOW))
    return min(low, 0.0), high if high > low else low + 1.0
