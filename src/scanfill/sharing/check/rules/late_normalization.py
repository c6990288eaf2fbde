"""Normalization after augmentation of intensities, which undoes it."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Items
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import BRIGHTNESS, CONTRAST, NOISE, NORMALIZING, Transform

STRENGTH = {"RandGaussianNoise": "std", "RandShiftIntensity": "offsets"}
"""Augmentations in the units of the image, and the argument for their strength."""
VISIBLE = 0.002
"""Fraction of a window below which a change has no effect: less than 1 HU in 500."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find normalization that follows brightness, contrast, gamma or noise augmentation of the same key."""
    for chain in pipeline.preparing():
        for step in chain.steps:
            if normalizes(step):
                yield from _late(chain, step)
            elif step.base == "ScaleIntensityRange":
                yield from _unseen(chain, step)


def normalizes(step: Transform) -> bool:
    """Return whether a step normalizes by the image's own values, not by fixed numbers."""
    if step.base == "NormalizeIntensity":
        return step.argument("subtrahend") is None and step.argument("divisor") is None
    if step.base == "ScaleIntensity":
        return step.argument("factor") is None or step.argument("minv", 0.0) is not None
    return step.base in NORMALIZING


def _augments(chain: Chain, step: Transform) -> Iterator[tuple[Transform, list[str]]]:
    for earlier in chain.steps:
        if earlier.random and earlier.base in BRIGHTNESS | CONTRAST | NOISE and step.may_follow(earlier):
            shared = [key for key in earlier.keys if key in step.keys]
            if shared:
                yield earlier, shared


def _late(chain: Chain, step: Transform) -> Iterator[Fault]:
    for earlier, shared in _augments(chain, step):
        first, name = earlier.component, step.name
        what = f"{name} normalizes {shared[0]!r} after {first.name} ({first.node.file}:{first.node.line})."
        if earlier.base in NOISE:
            why = "Noise of a fixed strength needs a known scale, and it shifts the statistics used for normalization."
        elif earlier.base in BRIGHTNESS:
            why = "Normalization undoes a change of brightness: the network never sees it, and does not become robust."
        else:
            why = "Normalization partly undoes the change of contrast, to a degree that depends on the image."
        yield fault(step, what, why, f"Put {name} before {first.name}.")
        return


def _unseen(chain: Chain, step: Transform) -> Iterator[Fault]:
    """Find augmentation of HU whose strength is meant for values from 0 to 1: it is invisible in the window."""
    low, high = step.window or (0, 0)
    width = high - low
    for earlier, shared in _augments(chain, step):
        strength = _strength(earlier)
        if strength is not None and strength < VISIBLE * width:
            what = f"{earlier.name} changes {shared[0]!r} by {strength:g}, and {step.name} then applies a window "
            what += f"{width:g} wide."
            why = "The change is negligible in the units of the file; its strength is meant for a range of 0 to 1."
            fix = f"Put {earlier.name} after {step.name}, or give its strength in the units of the file."
            yield fault(earlier, what, why, fix)


def _strength(step: Transform) -> float | None:
    value = step.argument(STRENGTH.get(step.base, ""), 0.1 if step.base in NOISE else None)
    values = value if isinstance(value, Items) else [value]
    known = all(isinstance(number, int | float) for number in values)
    return max((abs(number) for number in values), default=None) if known else None


RULE = Rule("late-normalization", "normalization after augmentation of brightness, contrast, gamma or noise", look)
