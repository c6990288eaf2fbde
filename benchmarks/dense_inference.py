"""Speed of DeepMedic on a volume: scanfill's DenseInferer compared with MONAI's SlidingWindowInferer.

    python benchmarks/dense_inference.py --size 90 --threads 2

Both compute logits for every voxel of one random volume with the same network. The sliding window uses the original
inference segments (45^3 in, 29^3 out) without overlap. It pads each window separately, so the results differ at the
borders of windows; this difference is also printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor

from scanfill.inferers import DenseInferer
from scanfill.networks import DeepMedic

if TYPE_CHECKING:
    from collections.abc import Callable


def seconds(predict: Callable[[], Tensor], runs: int) -> tuple[float, Tensor]:
    """Return the median time of several runs after a warm-up run, and the result."""
    result, times = predict(), []
    for _ in range(runs):
        start = time.perf_counter()
        result = predict()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def main() -> None:
    """Print both speeds, their ratio and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small", help="DeepMedic preset")
    parser.add_argument("--size", type=int, default=90, help="voxels per side")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = DeepMedic.from_preset(options.preset, in_channels=4, out_channels=4).eval()
    image = torch.randn(1, 4, *[options.size] * 3)
    window = SlidingWindowInferer(roi_size=29, sw_batch_size=1, overlap=0)
    with torch.inference_mode():
        ours, dense = seconds(lambda: DenseInferer()(image, network), options.runs)
        theirs, windows = seconds(lambda: window(image, network), options.runs)
    voxels = options.size**3 / 1000
    print(f"DenseInferer          {voxels / ours:8.1f} thousand voxels per second")
    print(f"SlidingWindowInferer  {voxels / theirs:8.1f} thousand voxels per second")
    print(f"ratio                 {theirs / ours:8.2f}")
    print(f"largest difference of logits, at the borders of windows: {(dense - windows).abs().max():.2g}")


if __name__ == "__main__":
    main()
