"""The baseline of mri_modality_synthesis: a plain MONAI U-Net, as a user would write it without scanfill.

    python benchmarks/plain_synthesis_unet.py --datalist fold_0.json --sources t2 --target flair --output eval/plain

MONAI's U-Net (16-32-64-128, residual), L1 in the brain, Adam 1e-3 with polynomial decay, one patch of 56^3 voxels per
step with flips, z-scored images. Only reading and scoring use scanfill, so that all networks are evaluated in the same
way; see synthesis_peers.py.
"""

from __future__ import annotations

import argparse
import itertools
import time
from typing import TYPE_CHECKING, Any

import torch
from monai.data import DataLoader, Dataset
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import UNet
from monai.transforms import Compose, RandFlipd, RandSpatialCropd, SpatialPadd
from monai.utils import set_determinism
from tqdm import tqdm

from scanfill.files import writable_folder, writing
from synthesis_peers import PreparedCase, add_options, judge, prepare, read_split

if TYPE_CHECKING:
    import numpy as np

PATCH = (56, 56, 56)
KEYS = ["image", "target", "inside"]


def draw_patches() -> Compose:
    """Crop one patch of a case and flip it at random."""
    return Compose(
        [
            SpatialPadd(KEYS, PATCH),
            RandSpatialCropd(KEYS, PATCH, random_size=False),
            *(RandFlipd(KEYS, prob=0.5, spatial_axis=axis) for axis in range(3)),
        ]
    )


def crop_to_brain(one: PreparedCase) -> dict[str, np.ndarray]:
    """Crop to the bounding box of the brain, so that patches contain some of it."""
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in one.inside.nonzero())
    whole = {"image": one.sources, "target": one.target, "inside": one.inside[None]}
    return {key: volume[(slice(None), *box)] for key, volume in whole.items()}


def make_network(sources: int) -> UNet:
    """Build the network: 1.19 million parameters."""
    return UNet(
        spatial_dims=3,
        in_channels=sources,
        out_channels=1,
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2),
        num_res_units=2,
    )


def train(network: UNet, cases: list[PreparedCase], steps: int) -> float:
    """Train for a number of steps and return the steps per second."""
    dataset = Dataset([crop_to_brain(one) for one in cases], draw_patches())
    loader = DataLoader(dataset, batch_size=1, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=0.9)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    network.train()
    start = time.perf_counter()
    with tqdm(itertools.islice(batches, steps), total=steps, desc="Training") as progress:
        for batch in progress:
            optimizer.zero_grad()
            image, target, inside = (batch[key].as_tensor() for key in KEYS)
            error = (network(image) - target).abs() * inside
            loss = error.sum() / inside.sum().clamp(min=1)
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.set_postfix(loss=f"{loss.item():.3f}")
    return steps / (time.perf_counter() - start)


def make_painter(network: UNet) -> Any:
    """Return a function that synthesizes the target of one case, window by window."""
    inferer = SlidingWindowInferer(roi_size=PATCH, sw_batch_size=1, overlap=0.5, mode="gaussian")
    network.eval()

    def paint(one: PreparedCase) -> np.ndarray:
        with torch.no_grad():
            painted: np.ndarray = inferer(torch.from_numpy(one.sources)[None], network)[0].numpy()
        return painted

    return paint


def main() -> None:
    """Train on ``training``, synthesize ``validation``, write and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--steps", type=int, default=1000, help="number of training steps, with one patch each")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights, the patches and their order")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    set_determinism(options.seed, use_deterministic_algorithms=None)
    writable_folder(options.output)
    split = read_split(options)
    network = make_network(len(options.sources))
    speed = train(network, prepare(split["training"], options.sources, options.target), options.steps)
    weights = options.output / "model.pt"
    with writing(weights) as temporary:
        torch.save(network.state_dict(), temporary)
    print(f"{options.steps} steps, {speed:.2f} per second with {options.threads} threads; MSE (zscore_truth):")
    judge(split, make_painter(network), options, weights)


if __name__ == "__main__":
    main()
