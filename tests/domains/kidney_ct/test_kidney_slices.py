"""Random slices for training, of volumes and of exported slices alike, with a share for each class."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.data import DataLoader

from one_slice_files import save_picture
from scanfill.data import find_cases
from tiny_cases import save

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
imports: ["$import torch"]
schema: {_target_: scanfill.data.load_schema, name: kidney_ct}
intensities: hu                      # or windowed: slices of 8 bits
width: 400                           # of the window, in HU
level: 0                             # its center
patch_size: [16, 16, 1]              # pixels of one slice
class_ratios: [1, 1, 1]              # how often a slice is centered on background, kidney and tumor
cache_dir: null
reading:
  - {_target_: scanfill.data.ReadCased, schema: "@schema", keys: ct, label_key: label}
  - {_target_: Orientationd, keys: [ct, label], axcodes: LPS, labels: null}
  - {_target_: scanfill.domains.kidney_ct.CheckCTd, keys: ct, intensities: "@intensities"}
slices:                              # up to the random crop, everything is done once a run
  - {_target_: SelectItemsd, keys: [ct, label]}
  - {_target_: CastToTyped, keys: ct, dtype: "$torch.float16"}
  - {_target_: SpatialPadd, keys: ct, spatial_size: "@patch_size", value: "$-1000 if @intensities == 'hu' else 0"}
  - {_target_: SpatialPadd, keys: label, spatial_size: "@patch_size"}
  # No power of two: every n-th voxel is kept, and with n a multiple of the number of slices all would lie in one.
  - {_target_: ClassesToIndicesd, keys: label, num_classes: 3, max_samples_per_class: 10000}
  - _target_: RandCropByLabelClassesd
    keys: [ct, label]
    label_key: label
    indices_key: label_cls_indices
    num_classes: 3
    ratios: "@class_ratios"
    spatial_size: "@patch_size"
    warn: false
  - {_target_: SqueezeDimd, keys: [ct, label], dim: -1}
  - {_target_: CastToTyped, keys: ct, dtype: "$torch.float32"}
raw_augmentation: []
normalization:
  - _target_: scanfill.domains.kidney_ct.WindowCTd
    keys: ct
    intensities: "@intensities"
    width: "@width"
    level: "@level"
    checked: true
  - {_target_: CopyItemsd, keys: ct, names: image}
dataset:
  _target_: scanfill.data.MappedDataset
  data: "@cases"
  transform: {_target_: Compose, transforms: "$@reading + @slices + @raw_augmentation + @normalization"}
  cache_dir: "@cache_dir"
"""


def write_volume(folder: Path, name: str, *, tumor: bool = True) -> None:
    """A volume of 30 slices in the order of KiTS: kidney in slices 10 to 19, tumor in one of them."""
    rng = np.random.default_rng(len(name))
    label = np.zeros((30, 20, 20), np.uint8)
    label[10:20, 5:15, 5:15] = 1
    label[15, 8:11, 8:11] = 2 * tumor or 1
    affine = np.array([[0, 0, -1.0, 0], [0, -1, 0, 0], [-3, 0, 0, 0], [0, 0, 0, 1]])
    hu = np.where(label > 0, 100 * label.astype(int), -300) + rng.integers(-9, 9, label.shape)
    save(folder / name / "imaging.nii.gz", hu.astype(np.int16), affine)
    save(folder / name / "segmentation.nii.gz", label, affine)


def dataset(folder: Path, tmp_path: Path, **options: Any) -> Any:
    cases = find_cases(folder, schema="kidney_ct")
    config = yaml.safe_load(CONFIG) | {"cases": cases, "cache_dir": str(tmp_path / "run")} | options
    parsed = ConfigParser(config).get_parsed_content("dataset")
    parsed.transform.set_random_state(0)
    return parsed


@pytest.mark.parametrize(("ratios", "expected"), [((1, 1, 1), None), ((0, 0, 1), {2: 40}), ((0, 1, 0), {1: 40})])
def test_the_share_of_each_class_is_a_ratio(
    tmp_path: Path, ratios: tuple[int, ...], expected: dict[int, int] | None
) -> None:
    for name in ("case_00000", "case_00001"):
        write_volume(tmp_path / "kits", name)
    items = dataset(tmp_path / "kits", tmp_path, class_ratios=list(ratios), patch_size=[1, 1, 1])
    drawn = [items[index % 2][0] for index in range(40)]
    classes = Counter(int(item["label"]) for item in drawn)
    if expected is None:
        assert min(classes[label] for label in (0, 1, 2)) > 5
    else:
        assert classes == expected
    for item in (item for item in drawn if item["label"]):
        assert float(item["image"]) == pytest.approx((100 * int(item["label"]) + 200) / 400, abs=0.03)


def test_a_volume_without_a_tumor_and_a_slice_without_a_kidney_are_drawn_from_what_they_have(tmp_path: Path) -> None:
    write_volume(tmp_path / "kits", "case_00000", tumor=False)
    item = dataset(tmp_path / "kits", tmp_path)[0][0]
    assert item["image"].shape == item["label"].shape == (1, 16, 16)
    save_picture(tmp_path / "slices" / "images" / "a.png", np.arange(400).reshape(20, 20) % 251)
    save_picture(tmp_path / "slices" / "labels" / "a.png", np.zeros((20, 20)))
    item = dataset(tmp_path / "slices", tmp_path, intensities="windowed")[0][0]
    assert item["image"].shape == (1, 16, 16)
    assert item["label"].max() == 0


def test_volumes_and_small_pictures_share_a_batch_of_slices(tmp_path: Path) -> None:
    write_volume(tmp_path / "kits", "case_00000")
    save_picture(tmp_path / "slices" / "images" / "a.png", np.arange(100).reshape(10, 10))
    save_picture(tmp_path / "slices" / "labels" / "a.png", np.ones((10, 10)))
    volume = dataset(tmp_path / "kits", tmp_path)[0][0]
    picture = dataset(tmp_path / "slices", tmp_path, intensities="windowed")[0][0]
    (batch,) = DataLoader([volume, picture], batch_size=2)
    assert batch["image"].shape == (2, 1, 16, 16)
    assert batch["image"].dtype == torch.float32
