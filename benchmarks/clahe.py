"""Overhead of scanfill's CLAHE relative to the scikit-image function that it calls.

    python benchmarks/clahe.py --shape 96 96 96

Both equalize one random volume of several channels with the same clip limit and regions, alternately, in one thread;
times are processor time. scanfill also scales each channel to its own range and back, and keeps the metadata. The
largest difference is between the equalized values, as a share of the channel's range.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from monai.data import MetaTensor
from skimage.exposure import equalize_adapthist

from scanfill.transforms import CLAHE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLIP_LIMIT = 0.01


def main() -> None:
    """Print both times, their ratio and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs="+", default=[96, 96, 96], help="2-D or 3-D")
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    values = generator.random((options.channels, *options.shape), np.float32)
    values[:, *[0] * len(options.shape)], values[:, *[-1] * len(options.shape)] = 0, 1  # the range is already 0 to 1
    image = MetaTensor(values)
    regions = [max(length // 8, 1) for length in options.shape]
    ours = CLAHE(clip_limit=CLIP_LIMIT)

    def transform() -> NDArray[np.float32]:
        return np.asarray(ours(image))

    def alone() -> NDArray[np.float32]:
        return np.stack([equalize_adapthist(channel, regions, CLIP_LIMIT) for channel in values])

    ways: dict[str, Callable[[], NDArray[np.float32]]] = {"scanfill": transform, "scikit-image": alone}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _, (name, way) in itertools.product(range(options.runs), ways.items()):
        start = time.process_time()
        way()
        seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    for name, median in medians.items():
        print(f"{name:13} {median:7.3f} s")
    print(f"{'ratio':13} {medians['scanfill'] / medians['scikit-image']:7.3f}")
    print(f"largest difference: {np.abs(transform() - alone()).max():.1e}")


if __name__ == "__main__":
    main()
