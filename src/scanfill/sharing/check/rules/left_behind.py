"""Images that are rotated, cropped or resampled without their label.

Where ``Invertd`` returns predictions to the grid of the file, along what moved one image, the label must stay there:
what moves only a copy of that image is not undone, and a label that moved with it is no longer where the prediction is.
"""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Items, Unknown
from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.label_keys import copied, find_label_keys, read_keys
from scanfill.sharing.check.pipeline import Chain, Pipeline
from scanfill.sharing.check.transforms import GEOMETRIC, Transform

Move = tuple[str, int]
"""What moved a key: the kind of transform and, if it is random, which one it was."""
WHY = "The label then marks different voxels than the network sees: training or evaluation uses wrong labels."


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find geometric transforms that are applied to an image and not to its label map."""
    labels = find_label_keys(pipeline)
    for chain in pipeline.preparing():
        truth = _truth(chain, labels)
        if truth is not None and not _compared_elsewhere(chain):
            yield from _left_behind(chain, truth, set(labels))
        elif truth is not None and (inversions := _inversions(chain)):
            yield from _not_returned(chain, truth, set(labels), inversions)


def _truth(chain: Chain, labels: dict[str, str]) -> str | None:
    """Return the label map that belongs to the image, among those that this chain reads; None if it is ambiguous."""
    there = [key for key in labels if key in read_keys(chain) and not _dropped(chain, key)]
    stated = [engine.label_key for engine in chain.engines]
    if any(isinstance(key, Unknown) for key in stated):
        return None
    if stated:
        return next((key for key in stated if key in there), None)
    return "label" if "label" in there else there[0] if len(there) == 1 else None


def _dropped(chain: Chain, key: str) -> bool:
    """Return whether a key does not reach the end of a chain, so that nothing can learn from it."""
    return any(
        (step.base == "SelectItems" and step.keys.complete and key not in step.keys)
        or (step.base == "DeleteItems" and key in step.keys)
        for step in chain.steps
    )


def _compared_elsewhere(chain: Chain) -> bool:
    """Return whether predictions are, or may be, resampled to the file's grid, so that the label must not move."""
    judges = [engine for engine in chain.engines if engine.role == "evaluation"]
    return any(engine.inverts is not False for engine in judges)


def _inversions(chain: Chain) -> list[Transform]:
    """Return the steps that return predictions to the file's grid; empty if it is unknown along what."""
    judges = [engine for engine in chain.engines if engine.role == "evaluation"]
    if not all(engine.postprocessing and engine.postprocessing.complete for engine in judges):
        return []
    steps = [step for engine in judges if engine.postprocessing for step in engine.postprocessing.steps]
    found = [step for step in steps if step.base == "Invert"]
    known = [step for step in found if step.keys.complete and (keys := _originals(step)).complete and keys]
    return found if len(known) == len(found) else []


def _originals(step: Transform) -> Items:
    """Return the images along whose record an ``Invertd`` moves its keys back."""
    return step.component.config.names(step.argument("orig_keys"))


def _not_returned(chain: Chain, truth: str, labels: set[str], inversions: list[Transform]) -> Iterator[Fault]:
    """Compare what moves images and truth with what the inversions undo."""
    originals = list(dict.fromkeys(key for step in inversions for key in _originals(step)))
    undone = {move for key in originals for move in _moves(chain, key)}
    back, along = inversions[0].name, " and ".join(map(repr, originals))
    followed = _moves(chain, truth)
    for step in chain.steps:
        if step.base not in GEOMETRIC or step.idle or not step.keys.complete:
            continue
        images = [key for key in step.keys if key not in labels]
        moved, returned = _move(step) in followed, _move(step) in undone
        if images and not moved and not returned:
            what = f"{step.name} moves {', '.join(map(repr, images))}, but not the label map {truth!r}, and {back} "
            remedy = f"Leave it out, or move {along} with the same {step.name}."
            yield fault(step, f"{what}undoes only what moved {along}.", WHY, remedy)
        elif moved and returned and not any(truth in step.keys for step in inversions):
            what = f"{step.name} moves the label map {truth!r}, and {back} returns predictions to where it was before."
            yield fault(step, what, WHY, f"Take {truth!r} out of the keys of this {step.name}.")


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
            what = f"{step.name} randomly moves the label map {truth!r}, but no image."
            yield fault(step, what, WHY, f"Add the image to the keys of this {step.name}.")


def _copies(chain: Chain) -> list[tuple[int, str]]:
    return [(step.place, new) for step in chain.steps if step.base == "CopyItems" for _, new in copied(step)]


def _moves(chain: Chain, key: str) -> set[Move]:
    """Return everything that moves a key, or the key it was copied from."""
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
    what = f"{name} moves {', '.join(map(repr, images))}, but not the label map {truth!r}."
    if alike and step.random:
        what = f"{name} randomly moves {', '.join(map(repr, images))}, and another one moves the label map {truth!r}."
    why = f"The two draw different random numbers. {WHY}" if alike and step.random else WHY
    return fault(step, what, why, f"Add {truth!r} to the keys of this {name}.")


RULE = Rule("label-left-behind", "a geometric transform that moves the image and not its label", look)
