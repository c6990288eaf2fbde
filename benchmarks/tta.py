"""Overhead of eight flips: scanfill's FlipInferer compared with MONAI's TestTimeAugmentation.

    python benchmarks/tta.py --shape 160 160 128

Both run 8 passes of one network over one random volume and return mean and SD of the probabilities: scanfill with all
flips of three axes, MONAI with 8 draws of three random flips. Overhead is the time of the whole call minus the time in
the network, a 1x1x1 convolution; the softmax counts as overhead in both. Runs are interleaved, in one thread; times are
processor times, which other work on the machine hardly affects. Memory is the peak of a separate process minus its
memory before the call (Linux). The difference compares scanfill's mean and SD with those computed from all eight stored
passes.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from monai.data import MetaTensor, TestTimeAugmentation
from monai.inferers import SimpleInferer
from monai.transforms import Compose, RandFlipd
from torch import Tensor, nn

from scanfill.inferers import FlipInferer

if TYPE_CHECKING:
    from collections.abc import Callable

PASSES = 8


class Timed(nn.Module):
    """A network that measures its own computation time."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Conv3d(channels, classes, 1)
        self.seconds = 0.0

    def forward(self, image: Tensor) -> Tensor:
        """Return logits ``(B, classes, D, H, W)``."""
        start = time.process_time()
        logits: Tensor = self.body(image)
        self.seconds += time.process_time() - start
        return logits


def flip_inferer(image: Tensor, network: nn.Module) -> tuple[Tensor, Tensor]:
    """Return mean and SD of the probabilities, computed by scanfill."""
    result = FlipInferer(SimpleInferer(), uncertainty="sd")(image, network)
    return result.prediction.softmax(dim=1), result.uncertainty


def monai_tta(image: Tensor, network: nn.Module) -> tuple[Tensor, Tensor]:
    """Return mean and SD of the probabilities, computed by MONAI."""
    flips = Compose([RandFlipd("image", prob=0.5, spatial_axis=axis) for axis in range(3)])
    flips.set_random_state(0)

    def predict(turned: Tensor) -> Tensor:
        return network(turned.as_tensor()).softmax(dim=1)

    augmentation = TestTimeAugmentation(
        flips, batch_size=1, inferrer_fn=predict, orig_key="image", nearest_interp=False, progress=False
    )
    _, mean, sd, _ = augmentation({"image": MetaTensor(image[0])}, num_examples=PASSES)
    return mean[None], sd[None]


METHODS: dict[str, Callable[[Tensor, nn.Module], tuple[Tensor, Tensor]]] = {
    "scanfill": flip_inferer,
    "monai": monai_tta,
}


def peak_rise(method: str, options: argparse.Namespace) -> float:
    """Return the additional peak memory of one call in MB, measured in a separate process."""
    shape = [str(length) for length in options.shape]
    command = [sys.executable, __file__, "--memory-of", method, "--shape", *shape, "--classes", str(options.classes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])  # noqa: S603


def memory_of(method: str, image: Tensor, network: nn.Module) -> float:
    """Return the peak memory of this process during one call minus its memory before, in MB."""
    METHODS[method](image[..., :8, :8, :8], network)  # load all libraries first
    Path("/proc/self/clear_refs").write_text("5")  # reset the recorded peak
    before = _status("VmRSS")
    METHODS[method](image, network)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))


def largest_difference(image: Tensor, network: nn.Module) -> float:
    """Compare scanfill's mean and SD with those of all stored passes, each flipped forth and back separately."""
    axes = [chosen for count in range(4) for chosen in itertools.combinations((2, 3, 4), count)]
    kept = torch.stack([network(image.flip(chosen)).softmax(dim=1).flip(chosen) for chosen in axes])
    mean, sd = flip_inferer(image, network)
    return max((mean - kept.mean(0)).abs().max().item(), (sd - kept.std(0)).abs().max().item())


def main() -> None:
    """Print overheads, memory and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=[128, 128, 96])
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory-of", choices=METHODS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, image = Timed(4, options.classes).eval(), torch.randn(1, 4, *options.shape)
    with torch.inference_mode():
        if options.memory_of:
            print(memory_of(options.memory_of, image, network))
            return
        overheads: dict[str, list[float]] = {method: [] for method in METHODS}
        for _, (method, call) in itertools.product(range(options.runs), METHODS.items()):
            network.seconds, start = 0.0, time.process_time()
            call(image, network)
            overheads[method].append(time.process_time() - start - network.seconds)
        difference = largest_difference(image[..., :32, :32, :32], network)
    seconds = {method: statistics.median(values) for method, values in overheads.items()}
    rise = {method: peak_rise(method, options) for method in METHODS}
    for method in METHODS:
        print(f"{method:10} overhead {seconds[method]:7.2f} s   peak memory rise {rise[method]:7.0f} MB")
    time_ratio, memory_ratio = (figures["scanfill"] / figures["monai"] for figures in (seconds, rise))
    print(f"{'ratio':10} overhead {time_ratio:7.3f}     peak memory rise {memory_ratio:7.3f}")
    print(f"largest difference from all stored passes: {difference:.1e}")


if __name__ == "__main__":
    main()
