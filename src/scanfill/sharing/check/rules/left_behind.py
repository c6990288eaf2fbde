"""Images that are turned, cut or resampled while their label stays where it was."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Unknown
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.label_keys import copied, find_label_keys, read_keys
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import GEOMETRIC, Transform

Move = tuple[str, int]
"""What moved a key: the kind of transform; which one it was, where it is random."""
WHY = "The label then marks other voxels than those that the network sees: it learns noise, or is judged by it."


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find geometric transforms that an image goes through and its label map does not."""
    labels = find_label_keys(pipeline)
    for chain in pipeline.preparing():
        truth = _truth(chain, labels)
        if truth is not None and not _compared_elsewhere(chain):
            yield from _left_behind(chain, truth, set(labels))


def _truth(chain: Chain, labels: dict[str, str]) -> str | None:
    """Return the label map that goes with the image, of those that this chain reads; None where that is not plain."""
    there = [key for key in labels if key in read_keys(chain)]
    stated = [engine.label_key for engine in chain.engines]
    if any(isinstance(key, Unknown) for key in stated):
        return None
    if stated:
        return next((key for key in stated if key in there), None)
    return "label" if "label" in there else there[0] if len(there) == 1 else None


def _compared_elsewhere(chain: Chain) -> bool:
    """Whether predictions go back to the file's own grid first, or may: then the label must stay as it is."""
    judges = [engine for engine in chain.engines if engine.role == "evaluation"]
    return any(engine.inverts is not False for engine in judges)


def _left_behind(chain: Chain, truth: str, labels: set[str]) -> Iterator[Fault]:
    """Compare what moves each image with what moves the truth."""
    followed = _moves(chain, truth)
    started = {key: place for place, key in _copies(chain)}
    steps = [step for step in chain.steps if step.base in GEOMETRIC and not step.idle and step.keys.complete]
    told = set()
    for step in steps:
        images = [key for key in step.keys if key not in labels]
        if images and _move(step) not in followed and step.place >= started.get(truth, 0):
            told.add(step.base)
            yield _fault(step, images, truth, alike=any(kind == step.base for kind, _ in followed))
    if read_keys(chain) <= labels:
        return
    for step in steps:
        if _draws(step) and truth in step.keys and labels.issuperset(step.keys) and step.base not in told:
            what = f"{step.name} moves the label map {truth!r} at random, and no image."
            yield fault(step, what, WHY, f"Write the image among the keys of this {step.name}.")


def _copies(chain: Chain) -> list[tuple[int, str]]:
    return [(step.place, new) for step in chain.steps if step.base == "CopyItems" for _, new in copied(step)]


def _moves(chain: Chain, key: str) -> set[Move]:
    """Everything that moves a key, or what it is a copy of."""
    moves: set[Move] = set()
    for step in chain.steps[::-1]:
        if step.base == "CopyItems":
            key = next((old for old, new in copied(step) if new == key), key)
        if step.base in GEOMETRIC and (key in step.keys or not step.keys.complete):
            moves.add(_move(step))
    return moves


def _move(step: Transform) -> Move:
    return step.base, step.place if _draws(step) else -1


def _draws(step: Transform) -> bool:
    return (step.random or step.chosen) and not step.idle


def _fault(step: Transform, images: list[str], truth: str, *, alike: bool) -> Fault:
    name = step.name
    what = f"{name} moves {', '.join(map(repr, images))}, and the label map {truth!r} stays."
    if alike and step.random:
        what = f"{name} moves {', '.join(map(repr, images))} at random, and another one the label map {truth!r}."
    why = f"Each draws for itself, so they go different ways. {WHY}" if alike and step.random else WHY
    return fault(step, what, why, f"Write {truth!r} among the keys of this one {name}.")


RULE = Rule("label-left-behind", "a geometric transform moves the image and not its label", look)
