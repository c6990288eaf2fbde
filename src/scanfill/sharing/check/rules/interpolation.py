"""Label maps whose values are mixed: 1 and 3 become 2, which is another class."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Unknown
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.label_keys import find_label_keys
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import NEAREST, Transform

WHY = (
    "Between a voxel of class 1 and one of class 3 it makes a 2, which is another class, and it makes fractions, which "
    "are none; nothing stops at that, the network learns it."
)
ROUNDING = ("ThresholdIntensity", "Lambda")
"""What may turn interpolated values into classes again, as argmax does: after it, interpolation was meant."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find label maps that are interpolated other than nearest, before the network and after it."""
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
    said = f"as `{step.mode_name}` says" if step.component.has(step.mode_name) else "by default"
    maps = " and ".join(f"{key!r} ({labels[key]})" for key in mixed)
    what = f"{name} interpolates the label map {maps} with {modes[0]!r}, {said}."
    wanted = ["nearest" if key in labels else str(step.mode_of(key)) for key in keys]
    one = "nearest" if set(wanted) == {"nearest"} else f"[{', '.join(wanted)}]"
    plain = "nearest" in wanted and step.keys.complete and "UNKNOWN" not in wanted
    fix = (
        f"Write `{step.mode_name}: {one}`, for the keys {keys}."
        if plain
        else f"Give {mixed} a step or a `mode` of its own: nearest."
    )
    return fault(step, what, WHY, fix)


def _predictions(chain: Chain) -> Iterator[Fault]:
    """Predictions that are classes already when they are taken back to another grid by interpolation."""
    discrete: set[str] = set()
    for step in chain.steps:
        discrete.update(key for key in step.keys if _makes_classes(step, key))
        mixed = [key for key in step.keys if key in discrete and (_inverts_smoothly(step, key) or _mixes(step, key))]
        if mixed and not _rounded(chain, step, mixed[0]):
            what = f"{step.name} interpolates {mixed[0]!r}, which is classes already, not probabilities."
            fix = "Put it before AsDiscreted, or let it be nearest (`nearest_interp: true`, `mode: nearest`)."
            yield fault(step, what, WHY, fix)


def _makes_classes(step: Transform, key: str) -> bool:
    if step.base != "AsDiscrete":
        return False
    threshold = step.argument_of(key, "threshold")
    return step.argument_of(key, "argmax") is True or isinstance(threshold, int | float)


def _inverts_smoothly(step: Transform, key: str) -> bool:
    return step.base == "Invert" and step.argument_of(key, "nearest_interp", default=True) is False


RULE = Rule("label-interpolation", "a label map is interpolated other than nearest", look)
