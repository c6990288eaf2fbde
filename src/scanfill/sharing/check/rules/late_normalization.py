"""Normalisation after augmentation of intensities, which undoes it."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Items
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import BRIGHTNESS, CONTRAST, NOISE, NORMALIZING, Transform

STRENGTH = {"RandGaussianNoise": "std", "RandShiftIntensity": "offsets"}
"""Augmentations in the units of the image, and the argument that says how much."""
VISIBLE = 0.002
"""Share of a window below which a change has no effect: less than one of 500 HU."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find normalisation that follows brightness, contrast, gamma or noise augmentation of the same key."""
    for chain in pipeline.preparing():
        for step in chain.steps:
            if normalizes(step):
                yield from _late(chain, step)
            elif step.base == "ScaleIntensityRange":
                yield from _unseen(chain, step)


def normalizes(step: Transform) -> bool:
    """Whether a step normalises by what the image holds, not by numbers that are the same for all."""
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
        what = f"{name} normalises {shared[0]!r} after {first.name} ({first.node.file}:{first.node.line})."
        if earlier.base in NOISE:
            why = (
                "Noise of a fixed strength means something only at a known scale, and it shifts what is normalised by."
            )
        elif earlier.base in BRIGHTNESS:
            why = (
                "Normalisation takes a change of brightness back: the network never sees it, and learns no robustness."
            )
        else:
            why = "Normalisation takes part of the change of contrast back, how much depends on the image."
        yield fault(step, what, why, f"Put {name} before {first.name}.")
        return


def _unseen(chain: Chain, step: Transform) -> Iterator[Fault]:
    """Augmentation in a CT number's unit that is meant for values from 0 to 1: invisible in the window."""
    low, high = step.window or (0, 0)
    width = high - low
    for earlier, shared in _augments(chain, step):
        strength = _strength(earlier)
        if strength is not None and strength < VISIBLE * width:
            what = f"{earlier.name} changes {shared[0]!r} by {strength:g}, and {step.name} then takes a window "
            what += f"{width:g} wide."
            why = "That is nothing in the units of the file: no augmentation happens. The number is for a range of 1."
            fix = f"Put {earlier.name} after {step.name}, or state its strength in the units of the file."
            yield fault(earlier, what, why, fix)


def _strength(step: Transform) -> float | None:
    value = step.argument(STRENGTH.get(step.base, ""), 0.1 if step.base in NOISE else None)
    values = value if isinstance(value, Items) else [value]
    known = all(isinstance(number, int | float) for number in values)
    return max((abs(number) for number in values), default=None) if known else None


RULE = Rule("late-normalization", "normalisation after augmentation of brightness, contrast, gamma or noise", look)
