r"""What adaptive test-time augmentation keeps of the full one, and what it saves: a curve over the threshold.

    python benchmarks/adaptive_tta.py
    python benchmarks/adaptive_tta.py --patch 56 \
      --dataset_dir /data/brats --datalist fold_0.json --checkpoint models/last.pt

Without a checkpoint it trains a U-Net for some hundred steps on phantoms of 64 voxels a side, and judges it by others.
Every case is predicted by one pass, by all flips, and adaptively at each threshold, one after the other, one thread.
Printed are means over the cases: Dice of NC, ED and CET, its difference from all flips with an interval, and network
voxels and median processor seconds as shares of all flips. Who reads a threshold off
the curve has chosen it on these cases.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from scanfill import bundle_path
from scanfill.inferers import AdaptiveFlipInferer, FlipInferer
from scanfill.studies.statistics import bootstrap_interval, pair_strategies
from scanfill.studies.tta import Evaluation, measure

BUNDLE = "brain_tumor_segmentation"
OVERLAYS = ("unet.yaml", "modern.yaml")
PHANTOM_PATCH = 48  # voxels; a window of 64 would span a phantom's brain, and no box could be smaller


def train_on_phantoms(folder: Path, steps: int) -> dict[str, Any]:
    """Train a U-Net as one would, unless an earlier run has, and say what to judge."""
    knobs = {"bundle_root": str(folder), "patch_size": [PHANTOM_PATCH] * 3}
    if not (folder / "models" / "model.pt").is_file():
        configs = bundle_path(BUNDLE) / "configs"
        files = [str(configs / name) for name in ("train.yaml", *OVERLAYS)]
        length = {"max_epochs": 2, "epoch_length": math.ceil(steps / 2), "dataset_dir#cases": 24}
        options = [word for name, value in (knobs | length).items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files), *options]
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})  # noqa: S603
    return knobs | {"dataset_dir": str(folder / "data" / "phantoms"), "checkpoint": str(folder / "models" / "model.pt")}


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset_dir")
    parser.add_argument("--datalist")
    parser.add_argument("--checkpoint")
    parser.add_argument("--patch", type=int, default=PHANTOM_PATCH)
    parser.add_argument("--thresholds", type=float, nargs="*", default=[0.02, 0.05, 0.1, 0.2, 0.3, 0.4])
    parser.add_argument("--margin", type=int, default=8)
    parser.add_argument("--smallest", type=int, help="least voxels a side of a crop; by default a window")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--output", type=Path, default=Path("runs/adaptive_tta"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    stated = {name: getattr(options, name) for name in ("dataset_dir", "datalist", "checkpoint")}
    knobs = stated | {"patch_size": [options.patch] * 3} if options.checkpoint else None
    evaluation = Evaluation(BUNDLE, OVERLAYS, **(knobs or train_on_phantoms(options.output, options.steps)))
    own, sizes = evaluation.inferer, {"margin": options.margin, "smallest": options.smallest}
    adaptive = {f"{t:g}": AdaptiveFlipInferer(own, threshold=t, **sizes) for t in options.thresholds}
    rows = measure(evaluation, {"one pass": own, "all flips": FlipInferer(own), **adaptive}, options.output)
    report(rows)


def report(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Print one line for each way to predict."""
    pairs = {pair.strategy: pair for pair in pair_strategies(rows, "all flips", "dice_mean")}
    voxels = {name: statistics.fmean(row["voxels"] for row in found) for name, found in rows.items()}
    seconds = {name: statistics.median(row["processor_seconds"] for row in found) for name, found in rows.items()}
    print(f"{'threshold':10} {'Dice':>6} {'minus all flips':>28} {'voxels':>8} {'seconds':>8}   of all flips")
    for name, found in rows.items():
        dice = statistics.fmean(row["dice_mean"] for row in found)
        difference = ""
        if name in pairs:
            interval = bootstrap_interval(pairs[name].differences, pairs[name].folds)
            ends = "" if interval.low is None else f" [{interval.low:+.4f}, {interval.high:+.4f}]"
            difference = f"{pairs[name].differences.mean():+.4f}{ends}"
        shares = (figures[name] / figures["all flips"] for figures in (voxels, seconds))
        print(f"{name:10} {dice:6.4f} {difference:>28} " + " ".join(f"{share:8.3f}" for share in shares))


if __name__ == "__main__":
    main()
