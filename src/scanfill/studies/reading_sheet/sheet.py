"""Make a blinded reading sheet: acquired and synthetic slices in random order, and the key in a separate file.

The folder ``for_the_readers`` can be shared; ``key.csv`` next to it must not be.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scanfill.data.image import PICTURE_SUFFIXES, image_suffix
from scanfill.data.nifti import load_nifti
from scanfill.data.picture import load_picture
from scanfill.data.provenance import LESION_COPY, PICTURE, is_synthetic, read_sidecar, synthetic_path
from scanfill.errors import CaseError, UsageError
from scanfill.files import writing
from scanfill.report.page import Figure as PageFigure
from scanfill.report.page import Page, Section, Table
from scanfill.report.panels import PLANES, fullest_slices, mark_panel, placed, turn_to_patient, view_of

REAL, SYNTHETIC = "real", "synthetic"
QUALITIES: Mapping[int, str] = {
    1: "not usable",
    2: "poor",
    3: "fair",
    4: "good",
    5: "excellent",
}
"""Meaning of each rating (a five-point Likert scale)."""

RATING_COLUMNS = ("item", "quality", "real_or_synthetic", "remark")
KEY_COLUMNS = ("item", "kind", "case_id", "patient", "modality", "file", "seed")
AXIAL = PLANES[0]
WINDOW = (0.5, 99.9)
"""Percentiles of each image for its display window: a common window would reveal a different intensity scale."""

EXPLANATION = (
    "Some of these {images} were acquired, others were synthesized by a network; the order is random, and either "
    "kind may be in the minority. Look at them one at a time. For each item, enter in ratings.csv the image quality "
    "from 1 to 5 and whether you think it is real or synthetic; remarks are welcome. Please do not compare items with "
    "each other, and do not go back.\n\n{place}Each is shown with its own gray-level window."
)
OF_SLICES = {"images": "axial slices", "place": "The patient's right is on the left of the picture. "}
OF_PICTURES = {"images": "images", "place": ""}


@dataclass(frozen=True)
class ReadingPair:
    """One acquired image, and a synthetic one of the same patient and modality.

    Args:
        case_id: Name of the case.
        patient: Its patient.
        modality: The synthesized modality.
        real: The acquired image.
        synthetic: The synthetic image, on the same grid, marked as synthetic.
        label: Label map for choosing the slice; without one, the slice with the most brain is used, and if only a hole
            is synthetic, that with the most of it.
    """

    case_id: str
    patient: str
    modality: str
    real: Path
    synthetic: Path
    label: Path | None = None


def find_pairs(cases: Iterable[Mapping[str, Any]], folder: str | Path, modalities: Sequence[str]) -> list[ReadingPair]:
    """Pair the acquired images of cases with the synthetic ones in a folder of predictions.

    An image with an inpainted lesion is that of a new case, ``<case>-lesion1``; the first one of each case is paired.

    Args:
        cases: Cases as in a case list: ``case_id``, ``patient``, a path for each modality, ``label`` if known.
        folder: Folder with ``<case>/<case>_synthetic_<modality>.nii.gz`` or ``.png``, as written by every scanfill
            bundle.
        modalities: Modalities to pair.

    Returns:
        Every pair with both images.
    """
    wanted = [
        (case, modality)
        for case in cases
        for modality in modalities
        if modality in case and modality not in case.get("synthetic", ())
    ]
    pairs = [
        ReadingPair(
            case_id=str(case["case_id"]),
            patient=str(case["patient"]),
            modality=modality,
            real=Path(case[modality]),
            synthetic=_generated(folder, str(case["case_id"]), modality),
            label=Path(case["label"]) if case.get("label") else None,
        )
        for case, modality in wanted
    ]
    return [pair for pair in pairs if pair.synthetic.is_file()]


def _generated(folder: str | Path, case_id: str, modality: str) -> Path:
    """Return the synthetic image of a case, a volume or a picture."""
    names = case_id, LESION_COPY.format(case=case_id, copy=1)
    paths = [synthetic_path(folder, name, modality, suffix) for name in names for suffix in (".nii.gz", PICTURE)]
    return next((path for path in paths if path.is_file()), paths[0])


def make_reading_sheet(pairs: Sequence[ReadingPair], folder: str | Path, seed: int = 0) -> Path:
    """Write ``for_the_readers/reading_sheet.html``, ``for_the_readers/ratings.csv`` and ``key.csv``.

    Both images of a pair show the same slice at the same size, so that neither position nor size distinguishes them,
    and are placed at random in the order.

    Args:
        pairs: At least one pair.
        folder: Output folder; created if missing.
        seed: Random seed of the order. It is only stored in the key.

    Returns:
        The path of the page.

    Raises:
        UsageError: There is no pair; a pair occurs twice; its grids differ; the acquired image is synthetic, or the
            synthetic one is not marked as such; or there are already ratings.
    """
    folder = Path(folder)
    _check(pairs, folder)
    pictures_only = all(image_suffix(pair.real) in PICTURE_SUFFIXES for pair in pairs)
    slices = [(pair, kind, png) for pair in pairs for kind, png in _slices(pair).items()]
    order = np.random.default_rng(seed).permutation(len(slices))
    shown = [slices[index] for index in order]
    names = [f"{number:03d}" for number in range(1, len(shown) + 1)]
    key = [
        (name, kind, pair.case_id, pair.patient, pair.modality, pair.real if kind == REAL else pair.synthetic, seed)
        for name, (pair, kind, _) in zip(names, shown, strict=True)
    ]
    _write_csv(KEY_COLUMNS, key, folder / "key.csv")
    _write_csv(RATING_COLUMNS, [(name, "", "", "") for name in names], folder / "for_the_readers" / "ratings.csv")
    pictures = [
        PageFigure(png, f"item {name}, {pair.modality}") for name, (pair, _, png) in zip(names, shown, strict=True)
    ]
    scale = Table(("quality", "meaning"), list(QUALITIES.items()))
    explanation = EXPLANATION.format(**(OF_PICTURES if pictures_only else OF_SLICES))
    sections = [Section("What to do", explanation, [scale]), Section("Items", figures=pictures)]
    note = "Some of these images are synthetic. They do not show a patient as scanned."
    return Page("Reading sheet", sections, note).write(folder / "for_the_readers" / "reading_sheet.html")


def _check(pairs: Sequence[ReadingPair], folder: Path) -> None:
    """Check that the sheet is blinded and does not overwrite a reader's work."""
    if not pairs:
        msg = "A reading sheet needs at least one pair of an acquired and a synthetic image; there is none."
        raise UsageError(msg)
    ratings = folder / "for_the_readers" / "ratings.csv"
    if ratings.exists():
        msg = f"{ratings} already exists and may contain a reader's work: choose another folder, or move it."
        raise UsageError(msg)
    seen: set[tuple[str, str]] = set()
    for pair in pairs:
        what = pair.case_id, pair.modality
        if what in seen:
            msg = f"Case {pair.case_id!r} has more than one pair of {pair.modality}: pass each pair once."
            raise UsageError(msg)
        seen.add(what)
        for path in (pair.real, pair.synthetic):
            if not path.is_file():
                msg = f"Case {pair.case_id!r}: there is no image {path} for the reading sheet."
                raise UsageError(msg)
        if is_synthetic(pair.real) or not is_synthetic(pair.synthetic):
            msg = (
                f"Case {pair.case_id!r}: the first image must be acquired and the second one marked as synthetic, "
                f"found {pair.real} and {pair.synthetic}. Swap them, or mark synthetic images when writing them."
            )
            raise UsageError(msg)


def _slices(pair: ReadingPair) -> dict[str, bytes]:
    """Render the same slice of both images of a pair at the same size; pictures as a whole."""
    if image_suffix(pair.real) in PICTURE_SUFFIXES:
        return {kind: _draw_picture(pair, path) for kind, path in ((REAL, pair.real), (SYNTHETIC, pair.synthetic))}
    files = {REAL: pair.real, SYNTHETIC: pair.synthetic} | ({} if pair.label is None else {"label": pair.label})
    images = {name: _load(path, f"Case {pair.case_id!r}: {name} ({path})") for name, path in files.items()}
    affine = images[REAL].affine
    for name, image in images.items():
        if image.shape != images[REAL].shape or not np.allclose(image.affine, affine, atol=1e-3):
            msg = (
                f"Case {pair.case_id!r}: {files[name]} {image.shape} is not on the grid of {files[REAL]} "
                f"{images[REAL].shape}. Resample it first."
            )
            raise UsageError(msg)
    turned, sizes = turn_to_patient({name: np.asarray(image.dataobj) for name, image in images.items()}, affine)
    brain = turned[REAL] != 0
    view = view_of(brain)
    lesion = turned.get("label", np.zeros(brain.shape))[view] != 0
    if "hole" in (read_sidecar(pair.synthetic) or {}):
        lesion = (turned[SYNTHETIC] != turned[REAL])[view]
    index = fullest_slices(lesion if lesion.any() else brain[view])[AXIAL.normal]
    return {kind: _draw(turned[kind][view], index, sizes) for kind in (REAL, SYNTHETIC)}


def _draw_picture(pair: ReadingPair, path: Path) -> bytes:
    """Render a picture as PNG, without any information on its origin."""
    try:
        values = np.asarray(load_picture(path, color=True)).T
    except (CaseError, OSError) as error:
        msg = f"Case {pair.case_id!r}: {path} cannot be used: {error}. Copy or create it again."
        raise UsageError(msg) from error
    low, high = np.percentile(values, (100 - WINDOW[1], WINDOW[1]))
    return draw_plain(values, low, high)


def draw_plain(values: NDArray[np.float64], low: float, high: float) -> bytes:
    """Render a picture ``(rows, columns)`` as PNG without text, whatever its size."""
    figure = Figure(figsize=(4.5, 4.5), dpi=110, facecolor="black")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.imshow(values, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="bilinear")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _load(path: Path, where: str) -> nib.Nifti1Image:
    try:
        return load_nifti(path)
    except Exception as error:  # each library raises its own, from EOFError to RuntimeError
        msg = f"{where} cannot be used: {error}. Copy or create it again."
        raise UsageError(msg) from error


def _draw(volume: NDArray[np.float64], index: int, sizes: NDArray[np.float64]) -> bytes:
    """Render an axial slice as PNG, without any information on its origin."""
    inside = volume[volume != 0]
    low, high = np.percentile(inside, WINDOW) if inside.size else (0.0, 1.0)
    figure = Figure(figsize=(4.5, 4.5), dpi=110, facecolor="black")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_facecolor("black")
    place = placed(AXIAL, volume.shape, sizes)
    grey = np.where(volume == 0, min(low, 0), volume)
    axis.imshow(AXIAL.cut(grey, index), cmap="gray", vmin=min(low, 0), vmax=high, interpolation="bilinear", **place)
    mark_panel(axis, AXIAL, "")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _write_csv(columns: Sequence[str], rows: Sequence[Sequence[object]], path: Path) -> None:
    """Write a table atomically."""
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
