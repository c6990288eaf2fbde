"""Left-right flips where labels distinguish left from right."""

import re
from collections.abc import Iterator
from typing import Any

from scanfill.sharing.check.expression import Items
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import Transform

SIDE = re.compile(r"\b(left|lh|l|right|rh|r)\b")
"""Sides in names with spaces between words: ``left kidney``, ``lh cortex``, ``precentral l``."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
NOT_MIRRORED = re.compile(r"^(heart |cardiac )?(ventric|atri|myocard)")
"""The two sides of the heart are not mirror images: a flipped left ventricle is not a right one."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find left-right flips in configs whose labels come in pairs of left and right."""
    pair = _pair(pipeline)
    if pair is None:
        return
    for chain in pipeline.preparing():
        for step in chain.steps:
            if _flips_sides(chain, step) and not pipeline.is_preparation(step):
                what = f"{step.name} swaps left and right, and the labels name sides ({pair[0]!r}, {pair[1]!r})."
                why = "The image is mirrored but the label keeps its number: the network is trained on the wrong side."
                fix = "Leave the left-right axis out of `spatial_axis`, or use a flip that swaps the paired labels."
                yield fault(step, what, why, fix)


def _pair(pipeline: Pipeline) -> tuple[str, str] | None:
    """Return the names of a left and a right structure, from the bundle's metadata or the config."""
    sides: dict[str, dict[str, str]] = {}
    formats = pipeline.config.metadata.get("network_data_format", {})
    for name in [*_names(formats.get("outputs") if isinstance(formats, dict) else None), *_in_config(pipeline)]:
        plain = re.sub(r"[\W_]+", " ", CAMEL.sub(" ", name).lower()).strip()
        for side in SIDE.findall(plain):
            rest = re.sub(r"\s+", " ", SIDE.sub("", plain)).strip()
            if not NOT_MIRRORED.match(rest) and (rest or plain in ("left", "right")):
                sides.setdefault(rest, {})["left" if side[0] == "l" else "right"] = name
    return next(((pair["left"], pair["right"]) for pair in sides.values() if len(pair) == 2), None)


def _names(content: Any) -> Iterator[str]:
    """Yield every name in JSON content."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            yield from _names(value)
    elif isinstance(content, list):
        for item in content:
            yield from _names(item)


def _in_config(pipeline: Pipeline) -> Iterator[str]:
    """Yield short strings and names of entries: possible class names, not sentences or expressions."""
    for name, node in pipeline.config.walk():
        yield name.rsplit("::", 1)[-1]
        if isinstance(node.value, str) and not node.value.startswith(("$", "@", "%")) and len(node.value) < 60:
            yield node.value


def _flips_sides(chain: Chain, step: Transform) -> bool:
    if step.idle:
        return False
    if step.base == "RandAxisFlip":
        return True
    if step.base not in ("RandFlip", "Flip"):
        return False
    axis = step.argument("spatial_axis")
    axes = axis if isinstance(axis, Items) else [axis]
    side = _side_axis(chain, step)
    return None in axes or side in axes or side - 3 in axes  # negative index, in a volume


def _side_axis(chain: Chain, step: Transform) -> int:
    """Return the left-right axis: as set by Orientationd, else the first, as in most files."""
    for earlier in chain.steps[: step.place][::-1]:
        codes = earlier.argument("axcodes") if earlier.base == "Orientation" else None
        if isinstance(codes, str):
            return next((place for place, letter in enumerate(codes.upper()) if letter in "LR"), 0)
    return 0


RULE = Rule("lateral-flip", "a left-right flip where labels name sides", look)
