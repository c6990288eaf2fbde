"""Unrealistic rotations and scales of CT: the table is always below the patient, and the voxel size is known."""

import math
from collections.abc import Iterator
from typing import Any

from scanfill.sharing.check.expression import Items
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import Transform

AFFINE = ("RandAffine", "Rand2DElastic", "Rand3DElastic")
SMALLEST, LARGEST = 0.7, 1.4
QUARTER = math.pi / 2 - 0.01
NARROWEST = 150.0
"""HU; a range of intensities from below -50 to above 50 that is at least this wide is taken for a CT window."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find rotations by 90 degrees, and scales beyond 0.7 to 1.4, of CT images."""
    for chain in pipeline.preparing():
        reason = _is_ct(pipeline, chain)
        for step in (step for step in chain.steps if reason and not step.idle and not pipeline.is_preparation(step)):
            if _turns(step):
                what = f"{step.name} rotates CT images by 90 degrees ({reason})."
                why = "The table is always below the patient: the network learns orientations that never occur."
                yield fault(step, what, why, "Rotate by up to 0.3 to 0.5 rad (RandAffined, RandRotated) instead.")
            if (scale := _scale(step)) is not None:
                what = f"{step.name} scales CT images by {scale:.3g} ({reason})."
                why = "The voxel size in mm is known, and organs of half or twice the usual size do not occur."
                yield fault(step, what, why, f"Stay within {SMALLEST} to {LARGEST}.")


def _is_ct(pipeline: Pipeline, chain: Chain) -> str:
    """Return how images were recognized as CT; empty if they were not."""
    formats = pipeline.config.metadata.get("network_data_format", {})
    inputs = formats.get("inputs", {}) if isinstance(formats, dict) else {}
    told = [entry for entry in inputs.values() if isinstance(entry, dict)] if isinstance(inputs, dict) else []
    modalities = {str(entry.get("modality", "")).upper() for entry in told} - {"", "N/A", "NONE"}
    if modalities:
        return "according to the metadata" if modalities == {"CT"} else ""
    for step in chain.steps:
        if step.base == "RandWindow":
            return f"{step.name} applies a window in HU"
        low, high = step.window or (0, 0)
        if low <= -50 and high >= 50 and high - low >= NARROWEST:
            return f"a window of {low:g} to {high:g} HU"
    return ""


def _turns(step: Transform) -> bool:
    if step.base in ("RandRotate90", "Rotate90", "RandRotateBox90", "RotateBox90"):
        return True
    if step.base == "RandRotate":
        angles = [step.argument(name) for name in ("range_x", "range_y", "range_z")]
    else:
        angles = [step.argument("rotate_range")] if step.base in AFFINE else []
    return any(abs(number) >= QUARTER for angle in angles for number in _numbers(angle))


def _scale(step: Transform) -> float | None:
    """Return the scale that is farthest from 1, if it is too far."""
    scales: list[float] = []
    if step.base in ("RandZoom", "RandZoomBox"):
        scales = [*_numbers(step.argument("min_zoom")), *_numbers(step.argument("max_zoom"))]
    if step.base in AFFINE:
        scales = [1 + number for number in _ranges(step.argument("scale_range"))]
    if step.base == "RandOneScale":
        scales = [1 + number for number in _numbers(step.argument("scale_range"))]
    beyond = [scale for scale in scales if not SMALLEST - 1e-6 <= scale <= LARGEST + 1e-6]
    return max(beyond, key=lambda scale: abs(scale - 1)) if beyond else None


def _numbers(value: Any) -> list[float]:
    if isinstance(value, Items):
        return [number for item in value for number in _numbers(item)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _ranges(value: Any) -> list[float]:
    """Return the bounds of MONAI's random ranges: per axis, a number r means -r to r, a pair its two ends."""
    items = value if isinstance(value, Items) else Items([value])
    ends: list[float] = []
    for item in items:
        numbers = _numbers(item)
        ends += numbers if isinstance(item, Items) else [sign * number for number in numbers for sign in (1, -1)]
    return ends


RULE = Rule("ct-geometry", "90-degree rotations, or scales beyond 0.7 to 1.4, of CT", look)
