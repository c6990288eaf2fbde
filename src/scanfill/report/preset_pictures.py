"""Show the effect of augmentation presets on a case in one picture: one row per preset, one column per draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from monai.bundle import ConfigParser
from monai.transforms import Compose
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE, check_replaceable
from scanfill.report.page import RESEARCH_ONLY

TRIES = 10
"""Maximum number of draws without effect for each draw shown."""

WIDTH = 2.1
"""Size of a panel, in inches."""

SPECK = 10
"""Minimum number of voxels for a lesion to count in a slice."""

SHOWN = -1
"""The displayed channel: the last one."""


@dataclass(frozen=True)
class Row:
    """Images of one case augmented with one preset.

    Attributes:
        name: Name of the preset.
        images: Slices ``(H, W)``: first without augmentation, as seen by the network, then one per draw.
        labels: The label map of each, or None if there is none.
        range: Lowest and highest intensity shown.
    """

    name: str
    images: list[NDArray[Any]]
    labels: list[NDArray[Any] | None]
    range: tuple[float, float]


def draw_row(
    config: str | Path | Sequence[str | Path], preset: str | Path, *, draws: int = 4, seed: int = 0, **overrides: Any
) -> Row:
    """Prepare the first training case of a config without augmentation, then several times with a preset.

    Uses whole images, not patches: the config's ``reading``, ``raw_augmentation``, ``normalization`` and
    ``augmentation``.

    Args:
        config: A ``train.yaml`` that follows the contract, or several files to be merged.
        preset: An overlay of ``configs/augmentation``.
        draws: Number of draws.
        seed: Seed of the draws.
        overrides: Changes to the config, such as ``dataset_dir``.

    Raises:
        UsageError: A file does not exist, or the config is missing an id of the contract.
    """
    configs = [config] if isinstance(config, (str, Path)) else list(config)
    files = [Path(file) for file in (*configs, preset)]
    for file in files:
        if not file.is_file():
            msg = f"The config {file} does not exist. Give a train.yaml and a preset of configs/augmentation."
            raise UsageError(msg)
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    if (metadata := files[0].with_name("metadata.json")).is_file():
        parser.read_meta(str(metadata))
    parser.update(overrides)
    needed = ("cases", "reading", "raw_augmentation", "normalization", "augmentation", "image_keys", "label_key")
    absent = [name for name in needed if name not in parser]
    if absent:
        msg = f"{configs[0]} has no {', '.join(absent)}: presets need a train.yaml that follows the contract."
        raise UsageError(msg)
    reading, raw, normalization, augmentation = (parser.get_parsed_content(name) for name in needed[1:5])
    image_key, label_key = parser.get_parsed_content("image_keys")[0], parser.get_parsed_content("label_key")
    case = parser.get_parsed_content("cases")["training"][0]
    plain = Compose([*reading, *normalization])(dict(case))
    augmented = Compose([*reading, *raw, *normalization, *of_whole_images(augmentation, plain)])
    augmented.set_random_state(seed)
    results = [plain, *_changed(augmented, case, plain, image_key, draws)]
    images, labels = zip(*(_shown(result, image_key, label_key) for result in results), strict=True)
    low, high = np.percentile(images[0], (0.5, 99.8))
    return Row(Path(preset).stem, list(images), list(labels), (float(low), float(high)))


def draw_sheet(rows: Sequence[Row], path: str | Path) -> Path:
    """Draw rows as a PNG with outlined labels and one gray range per row.

    Args:
        rows: See :py:func:`draw_row`.
        path: The PNG file, written completely or not at all.

    Returns:
        The path.
    """
    columns = max(len(row.images) for row in rows)
    heights = [max(row.images[0].shape[1] / row.images[0].shape[0], 0.3) for row in rows]
    size = (WIDTH * columns, WIDTH * sum(heights) + 0.6)
    figure = Figure(figsize=size, dpi=100, facecolor="black")
    room = {"left": 0, "right": 1, "bottom": 0.3 / size[1], "top": 1 - 0.3 / size[1], "wspace": 0.02, "hspace": 0.02}
    axes = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights, gridspec_kw=room)
    for line, row in zip(axes, rows, strict=True):
        for number, axis in enumerate(line):
            axis.set_axis_off()
            if number < len(row.images):
                _draw_panel(axis, row, number)
    style: dict[str, Any] = {"color": "white", "fontsize": 9, "va": "center"}
    figure.text(0.01, 1 - 0.15 / size[1], "without it", **style)
    figure.text(1.03 / columns, 1 - 0.15 / size[1], "with augmentation: draws that change something", **style)
    figure.text(0.5, 0.13 / size[1], RESEARCH_ONLY, color="0.7", fontsize=7, ha="center", va="center")
    with writing(check_sheet_path(path)) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": SOFTWARE})
    return Path(path)


def check_sheet_path(path: str | Path) -> Path:
    """Check where a sheet is to be written, before anything is drawn.

    Raises:
        UsageError: It is not a PNG file, or would replace a file that scanfill did not write.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        msg = f"The picture is a PNG file: choose a name that ends with .png, not {path}."
        raise UsageError(msg)
    check_replaceable(path)
    return path


def _draw_panel(axis: Any, row: Row, number: int) -> None:
    image, label = row.images[number].T, row.labels[number]
    axis.imshow(image, cmap="gray", vmin=row.range[0], vmax=row.range[1], origin="lower")
    if label is not None and label.any():
        values = [value for value in np.unique(label) if value > 0]
        axis.contour(label.T, levels=[value - 0.5 for value in values], colors="#F0E442", linewidths=0.7)
    if number == 0:
        axis.text(0.02, 0.98, row.name, transform=axis.transAxes, color="#56B4E9", fontsize=9, va="top")


def of_whole_images(augmentation: Sequence[Any], case: Mapping[Any, Any]) -> list[Any]:
    """Skip keys that a bundle creates only after the crop, such as the copy to be painted over."""
    for step in augmentation:
        if any(key not in case for key in getattr(step, "keys", ())):
            step.allow_missing_keys = True
    return list(augmentation)


def _changed(augmented: Compose, case: dict[str, Any], plain: dict[str, Any], key: str, draws: int) -> list[Any]:
    """Repeat until enough draws have changed the displayed channel; unchanged draws are skipped."""
    found: list[Any] = []
    for left in reversed(range(TRIES * draws)):
        result = augmented(dict(case))
        before, after = (convert_to_numpy(one[key])[SHOWN] for one in (plain, result))
        same = before.shape == after.shape and np.allclose(before, after, atol=1e-3 * np.ptp(before))
        if not same or left < draws - len(found):
            found.append(result)
        if len(found) == draws:
            break
    return found


def _shown(case: dict[str, Any], image_key: str, label_key: str | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the displayed slice of an image and of its label map; a pasted lesion is shown next to the case's own."""
    picture = convert_to_numpy(case[image_key])[SHOWN]
    if label_key is None:
        return _slice(picture, None), None
    label = _one_map(convert_to_numpy(case[label_key]))
    pasted = case.get("pasted", {}).get("voxels")  # see scanfill.transforms.RandMixLesionsd
    index = _busiest(label) if pasted else _fullest(label)
    return _slice(picture, index), _slice(label, index)


def _one_map(label: NDArray[Any]) -> NDArray[Any]:
    """Return a label map ``(1, ...)`` without its channel; of overlapping labels ``(labels, ...)``, their union."""
    return np.asarray(label[0] if len(label) == 1 else (label >= 0.5).any(axis=0))


def _busiest(label: NDArray[Any]) -> int | None:
    """Return the axial slice with most lesions, the one with the largest if tied; None if there are no slices."""
    if label.ndim < 3:
        return None
    sizes = []
    for plane in np.moveaxis(label > 0, 2, 0):
        parts = np.bincount(ndimage.label(plane)[0].ravel())[1:]
        sizes.append((int((parts >= SPECK).sum()), int(plane.sum())))
    return max(range(len(sizes)), key=lambda index: sizes[index])


def _fullest(label: NDArray[Any]) -> int | None:
    """Return the axial slice with the largest lesion area, wherever a draw has moved it; None without a lesion."""
    if label.ndim < 3 or not label.any():
        return None
    return int((label > 0).sum(axis=(0, 1)).argmax())


def _slice(volume: NDArray[Any], index: int | None) -> NDArray[Any]:
    """Return axial slice ``index`` (or the middle one) of a volume; a picture unchanged."""
    if volume.ndim == 2:
        return volume
    index = volume.shape[2] // 2 if index is None else min(index, volume.shape[2] - 1)
    return np.asarray(volume[:, :, index])
