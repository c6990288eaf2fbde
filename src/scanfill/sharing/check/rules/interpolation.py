"""Label maps that are interpolated, so that their values mix: 1 and 3 become 2, which is another class."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Unknown
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.label_keys import find_label_keys
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import NEAREST, Transform

WHY = (
    "Between classes 1 and 3 this gives a 2, which is another class, and fractions, which are not classes; there is no "
    "error, and the network is trained on them."
)
ROUNDING = ("ThresholdIntensity", "Lambda")
"""Transforms that, like argmax, may turn interpolated values back into classes, so that interpolation is intended."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find label maps that are not interpolated with nearest, before or after the network."""
    labels = find_label_keys(pipeline)
    for chain in pipeline.preparing():
        for step in chain.steps:
            mixed = [key for key in step.keys if key in labels and _mixes(step, key) and not _rounded(chain, step, key)]
            if mixed:
                yield _fault(step, mixed, labels)
    for chain in pipeline.chains:
        if "postprocessing" in chain.roles:
            yield from _predictions(chain)


def _mixes(step: Transform, key: str) -> bool:
    mode = step.mode_of(key)
    return mode is not None and not isinstance(mode, Unknown) and mode not in NEAREST


def _rounded(chain: Chain, step: Transform, key: str) -> bool:
    later = (other for other in chain.steps[step.place + 1 :] if key in other.keys)
    return any(other.base in ROUNDING or _makes_classes(other, key) for other in later)


def _fault(step: Transform, mixed: list[str], labels: dict[str, str]) -> Fault:
    name, keys = step.name, list(step.keys)
    modes = [step.mode_of(key) for key in mixed]
    said = f"as set by `{step.mode_name}`" if step.component.has(step.mode_name) else "by default"
    maps = " and ".join(f"{key!r} ({labels[key]})" for key in mixed)
    what = f"{name} interpolates the label map {maps} with {modes[0]!r}, {said}."
    wanted = ["nearest" if key in labels else str(step.mode_of(key)) for key in keys]
    one = "nearest" if set(wanted) == {"nearest"} else f"[{', '.join(wanted)}]"
    plain = "nearest" in wanted and step.keys.complete and "UNKNOWN" not in wanted
    fix = (
        f"Write `{step.mode_name}: {one}`, for the keys {keys}."
        if plain
        else f"Give {mixed} a separate step or `mode`: nearest."
    )
    return fault(step, what, WHY, fix)


def _predictions(chain: Chain) -> Iterator[Fault]:
    """Find predictions that are already classes when they are interpolated to another grid."""
    discrete: set[str] = set()
    for step in chain.steps:
        discrete.update(key for key in step.keys if _makes_classes(step, key))
        mixed = [key for key in step.keys if key in discrete and (_inverts_smoothly(step, key) or _mixes(step, key))]
        if mixed and not _rounded(chain, step, mixed[0]):
            what = f"{step.name} interpolates {mixed[0]!r}, which already contains classes, not probabilities."
            fix = "Put it before AsDiscreted, or use nearest interpolation (`nearest_interp: true`, `mode: nearest`)."
            yield fault(step, what, WHY, fix)


def _makes_classes(step: Transform, key: str) -> bool:
    if step.base != "AsDiscrete":
        return False
    threshold = step.argument_of(key, "threshold")
    return step.argument_of(key, "argmax") is True or isinstance(threshold, int | float)


def _inverts_smoothly(step: Transform, key: str) -> bool:
    return step.base == "Invert" and step.argument_of(key, "nearest_interp", default=True) is False


RULE = Rule("label-interpolation", "a label map that is not interpolated with nearest", look)
