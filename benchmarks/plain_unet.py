"""The baseline of brain_tumor_segmentation: a plain MONAI U-Net, as a user would write it without scanfill.

    python benchmarks/plain_unet.py --datalist fold_0.json --steps 1500 --output eval/plain_unet

MONAI's transforms and U-Net (16-32-64-128, residual), Dice + cross-entropy, AdamW 1e-3 with polynomial decay, two
patches of 56^3 voxels per step (two thirds of them centered on tumor), flips and intensity jitter. Only scoring uses
scanfill, so that both networks are evaluated in the same way, on the label's own grid.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import torch
from monai.data import CacheDataset, DataLoader
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from monai.transforms import (
    Compose,
    ConcatItemsd,
    DeleteItemsd,
    LoadImaged,
    MapLabelValued,
    NormalizeIntensityd,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    SpatialPadd,
)
from monai.utils import set_determinism
from tqdm import tqdm

from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.metrics import score_case, summarise, write_scores

MODALITIES = ["t1", "t1ce", "t2", "flair"]
PATCH = (56, 56, 56)


def read_cases(datalist: Path, part: str) -> list[dict[str, Any]]:
    """Read one part of a case list; paths may be relative to the file.

    Does not use load_decathlon_datalist, which treats a case_id as a path if a folder of that name is next to the file.
    """
    cases = json.loads(datalist.read_text())[part]
    return [case | {key: datalist.parent / case[key] for key in (*MODALITIES, "label")} for case in cases]


def prepare_case(label_values: list[int]) -> Compose:
    """Load a case as a z-scored image ``(4, X, Y, Z)`` and a label ``(1, X, Y, Z)`` of 0, 1 NC, 2 ED, 3 CET."""
    return Compose(
        [
            LoadImaged([*MODALITIES, "label"], ensure_channel_first=True),
            ConcatItemsd(MODALITIES, name="image"),
            DeleteItemsd(MODALITIES),
            NormalizeIntensityd("image", nonzero=True, channel_wise=True),
            MapLabelValued("label", orig_labels=label_values, target_labels=[0, 1, 2, 3]),
        ]
    )


def draw_patches() -> list[Any]:
    """Crop two patches of a case and vary them."""
    keys = ["image", "label"]
    return [
        SpatialPadd(keys, PATCH),
        RandCropByPosNegLabeld(keys, label_key="label", spatial_size=PATCH, pos=2, neg=1, num_samples=2),
        *(RandFlipd(keys, prob=0.5, spatial_axis=axis) for axis in range(3)),
        RandScaleIntensityd("image", factors=0.1, prob=0.5),
        RandShiftIntensityd("image", offsets=0.1, prob=0.5),
    ]


def make_network() -> UNet:
    """Build the network: 1.19 million parameters."""
    return UNet(
        spatial_dims=3, in_channels=4, out_channels=4, channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2
    )


def train(network: UNet, cases: list[dict[str, Any]], prepare: Compose, steps: int) -> float:
    """Train for a number of steps and return the steps per second."""
    dataset = CacheDataset(cases, Compose([prepare, *draw_patches()]), num_workers=None, progress=True)
    loader = DataLoader(dataset, batch_size=1, shuffle=True)  # one case per step, with two patches
    loss_function = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=0.9)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    network.train()
    start = time.perf_counter()
    with tqdm(itertools.islice(batches, steps), total=steps, desc="training") as progress:
        for batch in progress:
            optimizer.zero_grad()
            loss = loss_function(network(batch["image"].as_tensor()), batch["label"].as_tensor())
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.set_postfix(loss=f"{loss.item():.3f}")
    return steps / (time.perf_counter() - start)


def evaluate(network: UNet, cases: list[dict[str, Any]], prepare: Compose) -> list[dict[str, float | str]]:
    """Predict each case on its own grid and score it."""
    inferer = SlidingWindowInferer(roi_size=PATCH, sw_batch_size=2, overlap=0.5, mode="gaussian")
    network.eval()
    rows: list[dict[str, float | str]] = []
    for case in tqdm(cases, desc="validation"):
        data = prepare(case)
        with torch.no_grad():
            prediction = inferer(data["image"][None].as_tensor(), network).argmax(dim=1)
        scores = score_case(prediction, data["label"], data["label"].pixdim.tolist(), REGIONS)
        rows.append({"case_id": case["case_id"], **scores})
    return rows


def main() -> None:
    """Train on ``training``, predict ``validation``, write and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datalist", type=Path, required=True, help="Decathlon-style JSON: training, validation")
    parser.add_argument("--output", type=Path, required=True, help="folder for scores.csv, summary.csv and model.pt")
    parser.add_argument("--steps", type=int, default=1500, help="number of training steps, with two patches each")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights, the patches and their order")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument(
        "--label-values", type=int, nargs=4, default=[0, 1, 2, 4], help="background, NC, ED and CET in the files"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    set_determinism(options.seed, use_deterministic_algorithms=None)
    cases = {part: read_cases(options.datalist, part) for part in ("training", "validation")}
    prepare, network = prepare_case(options.label_values), make_network()
    speed = train(network, cases["training"], prepare, options.steps)
    options.output.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), options.output / "model.pt")
    rows = evaluate(network, cases["validation"], prepare)
    write_scores(rows, options.output)
    print(f"{options.steps} steps, {speed:.2f} per second with {options.threads} threads; Dice:")
    for row in summarise(rows):
        if row["metric"] == "dice":
            print(f"  {row['region']:4} mean {row['mean']:.3f}  SD {row['sd']:.3f}  median {row['median']:.3f}")
    print(f"Scores of every case: {options.output / 'scores.csv'}")


if __name__ == "__main__":
    main()
