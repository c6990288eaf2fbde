"""Random slices of large volumes: scanfill's MappedDataset compared with MONAI's datasets.

    python benchmarks/mapped_slices.py --cases 3 --size 512 --slices 100

All draw the same training batches from generated volumes in ``.nii.gz``: a slice centered on background, kidney or
tumor. MONAI's Dataset reads each volume every time, PersistentDataset reads what it prepared, and CacheDataset keeps
that in memory. Memory is what the process holds of its own; the file cache, which the system frees, does not count.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import torch
from monai.data import CacheDataset, Dataset, PersistentDataset
from monai.transforms import (
    CastToTyped,
    ClassesToIndicesd,
    Compose,
    LoadImaged,
    Orientationd,
    RandCropByLabelClassesd,
    ScaleIntensityRanged,
    SqueezeDimd,
)

from scanfill.data import MappedDataset

if TYPE_CHECKING:
    from collections.abc import Callable

    Prepare = Callable[[list[dict[str, str]], Compose, str], Dataset]

KEYS = ["image", "label"]


def write_cases(folder: Path, count: int, size: int, slices: int) -> list[dict[str, str]]:
    """Write volumes in the axes of KiTS, ``(slices, size, size)``: noise with a kidney and a tumor."""
    affine = np.array([[0, 0, -0.8, 0], [0, -0.8, 0, 0], [-3.0, 0, 0, 0], [0, 0, 0, 1]])
    rng = np.random.default_rng(0)
    cases = []
    for number in range(count):
        label = np.zeros((slices, size, size), np.uint8)
        middle = slice(size // 3, size // 2)
        label[slices // 4 : slices // 2, middle, middle] = 1
        label[slices // 3 : slices // 3 + 3, size // 3 : size // 3 + 9, middle] = 2
        image = (rng.normal(0, 40, label.shape) + 100 * label).astype(np.int16)
        paths = {key: str(folder / f"{number}_{key}.nii.gz") for key in KEYS}
        for key, array in (("image", image), ("label", label)):
            nib.save(nib.Nifti1Image(array, affine), paths[key])
        cases.append(paths)
    return cases


def transforms(patch: int) -> Compose:
    """Return the chain of a training on slices; all but the last two are deterministic."""
    crop = {"label_key": "label", "indices_key": "label_cls_indices", "num_classes": 3, "ratios": [1, 1, 1]}
    return Compose(
        [
            LoadImaged(KEYS, ensure_channel_first=True),
            Orientationd(KEYS, axcodes="LPS", labels=None),
            ScaleIntensityRanged("image", a_min=-200, a_max=200, b_min=0, b_max=1, clip=True),
            CastToTyped("image", dtype=torch.float16),
            CastToTyped("label", dtype=torch.uint8),
            ClassesToIndicesd("label", num_classes=3, max_samples_per_class=10000),
            RandCropByLabelClassesd(KEYS, spatial_size=[patch, patch, 1], warn=False, **crop),
            SqueezeDimd(KEYS, dim=-1),
        ]
    )


def own_memory() -> float:
    """Return the memory in MB that this process alone holds (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024


def measure(prepare: Prepare, cases: list[dict[str, str]], patch: int, draws: int) -> tuple[float, float, float]:
    """Return the seconds to prepare all cases, the milliseconds per slice after that, and the memory kept in MB.

    Seconds are those of the processor, so that other programs do not count.
    """
    with tempfile.TemporaryDirectory() as folder:
        gc.collect()
        before, start = own_memory(), time.process_time()
        dataset: Any = prepare(cases, transforms(patch), folder)
        for index in range(len(cases)):
            dataset[index]
        prepared = time.process_time() - start
        start = time.process_time()
        for draw in range(draws):
            dataset[draw % len(cases)][0]["image"].float().sum()
        seconds = (time.process_time() - start) / draws
        gc.collect()
        return prepared, 1000 * seconds, own_memory() - before


def main() -> None:
    """Print the time and memory of each dataset, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--size", type=int, default=512, help="pixels per side of a slice")
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--patch", type=int, default=256, help="pixels per side of what is drawn")
    parser.add_argument("--draws", type=int, default=200, help="slices drawn; of the datasets that read, fewer")
    options = parser.parse_args()
    torch.set_num_threads(1)
    peers: dict[str, tuple[Prepare, int]] = {
        "MappedDataset": (MappedDataset, options.draws),
        "CacheDataset": (lambda cases, chain, _: CacheDataset(cases, chain, progress=False), options.draws),
        "PersistentDataset": (PersistentDataset, options.draws // 10),
        "Dataset": (lambda cases, chain, _: Dataset(cases, chain), options.draws // 50),
    }
    with tempfile.TemporaryDirectory() as folder:
        cases = write_cases(Path(folder), options.cases, options.size, options.slices)
        found = {name: measure(peer, cases, options.patch, draws) for name, (peer, draws) in peers.items()}
    ours = found["MappedDataset"]
    for name, (prepared, milliseconds, memory) in found.items():
        print(
            f"{name:18} {prepared:6.1f} s to prepare, then {milliseconds:8.2f} ms per slice "
            f"({milliseconds / ours[1]:6.1f} times ours), {memory:6.0f} MB kept"
        )


if __name__ == "__main__":
    main()
