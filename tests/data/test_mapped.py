"""Volumes that are prepared once a run and then mapped into memory."""

from __future__ import annotations

import gc
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.transforms import (
    CastToTyped,
    ClassesToIndicesd,
    Compose,
    LoadImaged,
    MapTransform,
    RandCropByLabelClassesd,
    RandFlipd,
    RandSpatialCropd,
    SqueezeDimd,
)

from scanfill.data import MappedDataset
from scanfill.errors import UsageError
from tiny_cases import save

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

SHAPE = (16, 12, 10)


class Countd(MapTransform):  # type: ignore[misc]
    """Note in a folder each time that a case is prepared, in whichever process."""

    def __init__(self, folder: Path) -> None:
        super().__init__("image")
        self.folder = folder

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        with (self.folder / data["case_id"]).open("a") as file:
            file.write("x")
        return data


@pytest.fixture
def cases(tmp_path: Path) -> list[dict[str, str]]:
    rng = np.random.default_rng(0)
    for number in range(3):
        label = np.zeros(SHAPE, np.uint8)
        label[4:9, 4:9, 2:7] = 1
        label[5:7, 5:7, 4] = 2
        save(tmp_path / "data" / f"{number}_ct.nii.gz", rng.normal(size=SHAPE).astype(np.float32))
        save(tmp_path / "data" / f"{number}_label.nii.gz", label)
    (tmp_path / "counted").mkdir()
    folder = tmp_path / "data"
    return [
        {"case_id": str(n), "image": f"{folder}/{n}_ct.nii.gz", "label": f"{folder}/{n}_label.nii.gz"} for n in range(3)
    ]


def chain(tmp_path: Path, *random: Any) -> Compose:
    keys = ["image", "label"]
    deterministic = [
        Countd(tmp_path / "counted"),
        LoadImaged(keys, ensure_channel_first=True),
        ClassesToIndicesd("label", num_classes=3, max_samples_per_class=1000),
        CastToTyped("image", dtype=torch.float16),
        CastToTyped("label", dtype=torch.uint8),
    ]
    return Compose([*deterministic, *random])


def slices(size: tuple[int, int, int] = (8, 8, 1), ratios: tuple[float, ...] = (1, 1, 1)) -> list[Any]:
    keys = ["image", "label"]
    options = {"label_key": "label", "indices_key": "label_cls_indices", "num_classes": 3, "warn": False}
    crop = RandCropByLabelClassesd(keys, spatial_size=size, ratios=list(ratios), **options)
    return [crop, SqueezeDimd(keys, dim=-1), RandFlipd(keys, prob=0.5, spatial_axis=0)]


def counted(tmp_path: Path) -> dict[str, int]:
    return {path.name: len(path.read_text()) for path in sorted((tmp_path / "counted").iterdir())}


def test_it_gives_what_a_dataset_in_memory_gives(cases: list[dict[str, str]], tmp_path: Path) -> None:
    ours = MappedDataset(cases, chain(tmp_path, *slices()).set_random_state(0), tmp_path / "run")
    theirs = CacheDataset(cases, chain(tmp_path, *slices()).set_random_state(0), progress=False)
    for index in (0, 2, 1, 0, 0):
        (one,), (other,) = ours[index], theirs[index]
        assert one["image"].dtype == torch.float16
        for key in ("image", "label"):
            assert torch.equal(one[key].as_tensor(), other[key].as_tensor())
            assert torch.equal(one[key].affine, other[key].affine)


def test_a_case_is_prepared_once_and_kept_with_its_last_axis_outermost(
    cases: list[dict[str, str]], tmp_path: Path
) -> None:
    dataset = MappedDataset(cases, chain(tmp_path), tmp_path / "run")
    for _ in range(3):
        item = dataset[0]
    assert counted(tmp_path) == {"0": 1}
    image = item["image"]
    assert image.shape == (1, *SHAPE)
    assert image[..., 3].is_contiguous(), "so that a slice lies in few pages"
    assert [len(indices) for indices in item["label_cls_indices"]] == [1000, 121, 4]
    assert all(isinstance(indices, torch.Tensor) for indices in item["label_cls_indices"])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes_share_what_one_of_them_prepared(
    cases: list[dict[str, str]], tmp_path: Path, context: str
) -> None:
    dataset = MappedDataset(cases, chain(tmp_path, *slices()), tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the process of pytest has threads
        for _ in range(2 if context == "fork" else 1):
            (batch,) = DataLoader(dataset, batch_size=3, num_workers=1, multiprocessing_context=context)
            assert batch["image"].shape == (3, 1, 8, 8)
    dataset[1]
    assert counted(tmp_path) == {"0": 1, "1": 1, "2": 1}


def test_changing_an_item_in_place_changes_neither_the_file_nor_the_next_item(
    cases: list[dict[str, str]], tmp_path: Path
) -> None:
    dataset = MappedDataset(cases, chain(tmp_path), tmp_path / "run")
    before = dataset[0]["image"].clone()
    item = dataset[0]
    item["image"] += 100
    item["case_id"] = "changed"
    assert torch.equal(dataset[0]["image"], before)
    assert dataset[0]["case_id"] == "0"


def test_a_window_anywhere_is_cropped_too(cases: list[dict[str, str]], tmp_path: Path) -> None:
    crop = RandSpatialCropd(["image", "label"], roi_size=(8, 8, 1), random_size=False)
    item = MappedDataset(cases, chain(tmp_path, crop), tmp_path / "run")[0]
    assert item["image"].shape == (1, 8, 8, 1)


def test_a_view_is_stored_without_what_it_views(cases: list[dict[str, str]], tmp_path: Path) -> None:
    class Cutd(MapTransform):  # type: ignore[misc]
        def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
            big = MetaTensor(torch.zeros(1, 64, 64, 64))
            return {"case_id": data["case_id"], "image": big[..., 5:6], "array": np.zeros((2, 3)), "name": "x"}

    dataset = MappedDataset(cases, Compose([Cutd("image")]), tmp_path / "run")
    item = dataset[0]
    (file,) = dataset.cache_dir.iterdir()
    assert file.stat().st_size < 2 * 64 * 64 * 4
    assert isinstance(item["array"], torch.Tensor)
    assert item["name"] == "x"


def test_the_files_go_with_the_dataset(cases: list[dict[str, str]], tmp_path: Path) -> None:
    dataset = MappedDataset(cases, chain(tmp_path), tmp_path / "run")
    item = dataset[0]
    del dataset
    gc.collect()
    assert list((tmp_path / "run").iterdir()) == []
    assert item["image"].isfinite().all(), "what is mapped stays readable"


def test_too_small_a_disk_is_told_before_it_is_full(
    cases: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10_000))
    dataset = MappedDataset(cases, chain(tmp_path), tmp_path / "run")
    with pytest.raises(UsageError, match=r"3 of 3 cases are still to be prepared, .* are free. Choose a larger disk"):
        dataset[0]
    assert list(dataset.cache_dir.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(
    cases: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = MappedDataset(cases, chain(tmp_path), tmp_path / "run")

    def fail(_: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", fail)
        with pytest.raises(UsageError, match=r"cannot be written to .*No space left"):
            dataset[0]
    assert list(dataset.cache_dir.iterdir()) == []
    assert dataset[0]["image"].shape == (1, *SHAPE)


def test_an_unusable_case_is_told_as_elsewhere(cases: list[dict[str, str]], tmp_path: Path) -> None:
    (tmp_path / "data" / "0_ct.nii.gz").unlink()
    with pytest.raises((FileNotFoundError, RuntimeError)):
        MappedDataset(cases, chain(tmp_path), tmp_path / "run")[0]
