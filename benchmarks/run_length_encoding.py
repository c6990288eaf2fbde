"""Run-length encoding, decoding and votes: scanfill compared with the usual recipe.

    python benchmarks/run_length_encoding.py --size 2048

The masks are the bones of one phantom hand, and for the vote the same bones moved by a few pixels. The usual recipe is
that of public notebooks: flatten, put a 0 at both ends, find changes with ``np.where``, join; and fill run by run. To
vote, it decodes the masks, counts, and encodes the majority. Both give the same texts and masks. They take turns, in
one thread; times are processor time for all masks together, medians over runs.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.data import fill_outlines
from scanfill.data.rle import decode, encode, majority_vote
from scanfill.domains.hand_xray.phantoms.hand import make_radiograph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

FILES = 5
"""Number of masks that vote."""


def usual_encode(mask: NDArray[np.bool_]) -> str:
    """Encode a mask as public notebooks do."""
    pixels = np.concatenate([[0], mask.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(number) for number in runs)


def usual_decode(text: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a mask as public notebooks do."""
    words = text.split()
    starts, lengths = (np.asarray(numbers, dtype=int) for numbers in (words[::2], words[1::2]))
    starts -= 1
    mask = np.zeros(shape[0] * shape[1], dtype=np.uint8)
    for start, end in zip(starts, starts + lengths, strict=True):
        mask[start:end] = 1
    return mask.reshape(shape)


def usual_vote(texts: Sequence[str], shape: tuple[int, int]) -> str:
    """Decode, count, and encode the majority."""
    votes = np.zeros(shape, dtype=np.uint8)
    for text in texts:
        votes += usual_decode(text, shape)
    return usual_encode(votes > len(texts) // 2)


def median_seconds(ways: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Time several ways in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _, (name, way) in itertools.product(range(runs), ways.items()):
        start = time.process_time()
        way()
        seconds[name].append(time.process_time() - start)
    return {name: statistics.median(found) for name, found in seconds.items()}


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="pixels per side")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    shape = (options.size, options.size)
    hand = make_radiograph(0, 0, "left", options.size)
    masks = [np.ascontiguousarray(fill_outlines(rings, shape).T) for rings in hand.bones.values()]
    texts = [usual_encode(mask) for mask in masks]
    moved = [[encode(np.roll(mask, (step, 2 * step), (0, 1))) for step in range(FILES)] for mask in masks]
    runs = sum(len(text.split()) // 2 for text in texts)
    print(f"{len(masks)} masks of {options.size} x {options.size} pixels with {runs} runs; milliseconds")

    same = (
        [encode(mask) for mask in masks] == texts
        and all(np.array_equal(decode(text, shape), mask) for text, mask in zip(texts, masks, strict=True))
        and [majority_vote(five) for five in moved] == [usual_vote(five, shape) for five in moved]
    )
    if not same:
        msg = "The two ways give different results."
        raise SystemExit(msg)
    ways: dict[str, Callable[[], Any]] = {
        "usual encode": lambda: [usual_encode(mask) for mask in masks],
        "encode": lambda: [encode(mask) for mask in masks],
        "usual decode": lambda: [usual_decode(text, shape) for text in texts],
        "decode": lambda: [decode(text, shape) for text in texts],
        "usual vote": lambda: [usual_vote(five, shape) for five in moved],
        "vote": lambda: [majority_vote(five) for five in moved],
    }
    medians = median_seconds(ways, options.runs)
    medians |= {f"{way}both": medians[f"{way}encode"] + medians[f"{way}decode"] for way in ("usual ", "")}
    for name, what in (("encode", "encode"), ("both", "encode and decode"), ("vote", f"vote of {FILES}")):
        usual, ours = medians[f"usual {name}"], medians[name]
        print(f"{what:18} {1000 * ours:8.1f}   usual {1000 * usual:8.1f}   ratio {usual / ours:6.1f}")


if __name__ == "__main__":
    main()
