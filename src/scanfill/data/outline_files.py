"""Read and write outlines in JSON: ``annotations: [{label, points}]``, ``metadata: {width, height}``."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.data.outlines import Ring, outlines_of
from scanfill.data.ring_faults import find_crossing, without_spikes
from scanfill.data.text import read_text
from scanfill.errors import CaseError, UsageError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE

SIZES = (("metadata", "width", "height"), ("", "imageWidth", "imageHeight"))
"""Where files state the size of their image: an object, and the entries in it; the latter as LabelMe does."""


def read_outlines(path: str | Path, names: Sequence[str], size: Sequence[int], where: str) -> dict[str, list[Ring]]:
    """Read the outlines of an image's structures.

    ``points`` is a ring ``[[x, y], ...]``, or a list of rings for a structure with holes or several parts; see
    :py:mod:`scanfill.data.outlines`. Points may lie on the edges of the image, whether the program that wrote them
    counts these from -0.5 or from 0.

    Args:
        path: The JSON file.
        names: Names of the structures.
        size: Size of the image, ``(X, Y)``.
        where: Starts every error message: case and role.

    Returns:
        Name -> rings, for the structures in the file.

    Raises:
        CaseError: The file has no outlines, or states another size than the image's. An outline is of an unknown
            structure, or of one that has another outline; has fewer than three points or none that enclose an area,
            points outside the image, or rings that cross.
    """
    where = f"{where} ({path})"
    content = _content(path, where)
    _check_size(content, size, where)
    found: dict[str, list[Ring]] = {}
    for number, annotation in enumerate(content["annotations"], start=1):
        if not isinstance(annotation, dict) or not {"label", "points"} <= set(annotation):
            msg = f"{where} contains no outlines: annotation {number} has no label or no points. Export it again."
            raise CaseError(msg)
        name = str(annotation["label"])
        if name not in names:
            (nearest,) = difflib.get_close_matches(name, names, 1, cutoff=0)
            msg = (
                f"{where}: annotation {number} is an outline of {name!r}, which is not one of {', '.join(names)}. The "
                f"nearest is {nearest!r}: correct the name, or remove the annotation."
            )
            raise CaseError(msg)
        if name in found:
            msg = (
                f"{where}: annotation {number} is a second outline of {name!r}. Remove one of them, or put the parts "
                f"of one structure into one annotation, as a list of rings."
            )
            raise CaseError(msg)
        found[name] = _checked_rings(annotation["points"], size, f"{where}: the outline of {name!r}")
    return found


def write_outlines(
    path: str | Path,
    structures: Mapping[str, npt.ArrayLike | Sequence[npt.ArrayLike]],
    size: Sequence[int],
    **metadata: Any,
) -> Path:
    """Write outlines as :py:func:`read_outlines` reads them.

    Args:
        path: The JSON file, written completely or not at all.
        structures: Name -> mask ``(X, Y)``, or rings ``(N, 2)``; a structure with an empty mask is left out.
        size: Size of the image, ``(X, Y)``.
        **metadata: Additional entries next to the size.

    Returns:
        ``path``.

    Raises:
        UsageError: A mask has another size, or a ring has fewer than three points.
    """
    annotations = []
    for name, given in structures.items():
        rings = _rings_to_write(name, given, size)
        points = [[[round(float(each), 4) for each in point] for point in ring] for ring in rings]
        if points:
            annotations.append({"label": name, "points": points[0] if len(points) == 1 else points})
    about = {"width": int(size[0]), "height": int(size[1]), **metadata}
    content = {"software": SOFTWARE, "metadata": about, "annotations": annotations}
    with writing(path) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    return Path(path)


def is_outline_file(path: str | Path) -> bool:
    """Return whether a file is meant to contain outlines: JSON with annotations, or no valid JSON at all."""
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError):
        return True
    return isinstance(content, dict) and "annotations" in content


def has_outlines(path: str | Path) -> bool:
    """Return whether a file contains an outline; False if it cannot be read, which reading the case reports."""
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and bool(content.get("annotations"))


def _content(path: str | Path, where: str) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError) as error:
        msg = f"{where} contains no outlines ({type(error).__name__}: {error}): restore the file, or export it again."
        raise CaseError(msg) from error
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        seen = ", ".join(map(repr, content)) if isinstance(content, dict) else type(content).__name__
        msg = (
            f"{where} contains no outlines: it must have annotations with label and points, but has "
            f"{seen or 'no entry'}. Give the right file."
        )
        raise CaseError(msg)
    return content


def _check_size(content: Mapping[str, Any], size: Sequence[int], where: str) -> None:
    for place, *entries in SIZES:
        stated = content.get(place) if place else content
        values = [stated.get(entry) for entry in entries] if isinstance(stated, Mapping) else [None, None]
        if None not in values and values != [int(side) for side in size]:
            msg = (
                f"{where} states the size {values[0]} x {values[1]}, but the image has {size[0]} x {size[1]} pixels: "
                f"it was drawn on another image, or the image was resized. Give the image that the outlines belong to."
            )
            raise CaseError(msg)


def _checked_rings(points: Any, size: Sequence[int], where: str) -> list[Ring]:
    """Convert the points of one annotation to rings, without spikes."""
    rings = []
    for ring in _as_rings(points, where):
        if len(ring) < 3:
            msg = f"{where} has {len(ring)} points: at least three [x, y] points are needed. Draw it again."
            raise CaseError(msg)
        outside = np.flatnonzero(
            ((ring < -0.5) | (ring > np.asarray(size))).any(axis=1) | ~np.isfinite(ring).all(axis=1)
        )
        if outside.size:
            msg = (
                f"{where} has point {outside[0] + 1} of {len(ring)} at {_at(ring[outside[0]])}, outside the image of "
                f"{size[0]} x {size[1]} pixels. Draw it again, or give the image that it belongs to."
            )
            raise CaseError(msg)
        rings.append(without_spikes(ring))
        if len(rings[-1]) < 3:
            msg = (
                f"{where} encloses no area: its {len(ring)} points, the first at {_at(ring[0])}, are on one line. Draw "
                f"it again."
            )
            raise CaseError(msg)
    if crossing := find_crossing(rings):
        msg = (
            f"{where} crosses itself at {_at(crossing)}, so it is ambiguous what is inside. Move the points there, or "
            f"draw it again."
        )
        raise CaseError(msg)
    return rings


def _as_rings(points: Any, where: str) -> list[Ring]:
    """Return one or several rings as arrays ``(N, 2)``."""
    nested = isinstance(points, list) and points and isinstance(points[0], list)
    several = nested and bool(points[0]) and isinstance(points[0][0], list)
    try:
        rings = [np.asarray(ring, dtype=np.float64) for ring in (points if several else [points])]
    except (TypeError, ValueError):
        rings = []
    if not rings or any(ring.size and (ring.ndim != 2 or ring.shape[1] != 2) for ring in rings):
        msg = (
            f"{where} has points that are neither [[x, y], ...] nor a list of such rings: at least three [x, y] points "
            f"are needed. Export it again."
        )
        raise CaseError(msg)
    return rings


def _rings_to_write(name: str, given: Any, size: Sequence[int]) -> list[Ring]:
    if isinstance(given, np.ndarray) and given.shape == tuple(size):
        return outlines_of(given)
    several = not len(given) or np.ndim(given[0]) > 1
    rings = [np.asarray(ring, dtype=np.float64) for ring in (given if several else [given])]
    wrong = [ring.shape for ring in rings if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3]
    if wrong:
        msg = (
            f"{name!r} must be a mask of shape {tuple(size)} or rings (N, 2) of at least three points, got {wrong[0]}."
        )
        raise UsageError(msg)
    return rings


def _at(point: Sequence[float] | Ring) -> str:
    return f"[{point[0]:g}, {point[1]:g}]"
