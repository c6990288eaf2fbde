"""FillMissingModalitiesd, RandDropModalitiesd, AppendAvailabilityd."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, ConcatItemsd, Invertd, Orientationd, RandSpatialCropd, SpatialPadd
from torch import nn

from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError, CheckpointError
from scanfill.missing.availability import (
    AppendAvailabilityd,
    FillMissingModalitiesd,
    RandDropModalitiesd,
    StackModalitiesd,
    fill_missing,
    trained_availability,
)
from scanfill.transforms import NormalizeInMaskd
from tiny_cases import AFFINE, MODALITIES, image

if TYPE_CHECKING:
    from pathlib import Path


Case = dict[str, Any]

few = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**31)
subsets = st.lists(st.booleans(), min_size=1, max_size=5).filter(any)


def stack(availability: list[bool]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images without any 0 where they are there, and their availability."""
    there = torch.tensor(availability, dtype=torch.float32)
    images = torch.rand(len(there), 2, 3, 4, generator=torch.Generator().manual_seed(0)) + 1
    return images * there.reshape(-1, 1, 1, 1), there


def applied(transform: Any, images: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a transform makes of images and their availability."""
    result = transform({"image": images, "availability": there})
    return result["image"], result["availability"]


def case(*modalities: str) -> Case:
    """A case of z-scored images, as it is right before it is filled."""
    loaded = {m: MetaTensor(torch.from_numpy(image(m, 0))[None], torch.from_numpy(AFFINE)) for m in modalities}
    prepared: Case = NormalizeInMaskd(MODALITIES, allow_missing_keys=True)(
        Orientationd(MODALITIES, axcodes="RAS", labels=None, allow_missing_keys=True)({"case_id": "c1", **loaded})
    )
    return prepared


def fill(data: Case) -> Case:
    filled: Case = FillMissingModalitiesd(MODALITIES)(data)
    return filled


def test_absent_modalities_become_zeros_and_say_so() -> None:
    data = case("t1", "t2")
    filled = fill(data)
    assert filled["availability"].tolist() == [1, 0, 1, 0]
    for absent in ("t1ce", "flair"):
        assert filled[absent].shape == data["t1"].shape
        assert not filled[absent].any()
        torch.testing.assert_close(filled[absent].affine, data["t1"].affine)
    assert filled["t1"] is data["t1"]
    assert filled["t2"] is data["t2"]


def test_a_modality_that_is_all_zero_is_still_available() -> None:
    blank = torch.zeros(1, 2, 2, 2)
    images, availability = fill_missing([blank, None])
    assert availability.tolist() == [1, 0]
    assert images[0] is blank


def test_a_filled_image_shares_nothing_with_the_one_it_was_made_from() -> None:
    filled = fill(case("t2"))
    filled["flair"] += 1
    filled["flair"].applied_operations.clear()
    assert filled["t2"].applied_operations
    assert not filled["t1"].any()
    assert filled["t2"].mean() != 1


def test_a_case_without_any_modality_is_an_error() -> None:
    with pytest.raises(CaseError, match="'c1' has no t1 and no t1ce and no t2 and no flair"):
        fill({"case_id": "c1", "t1": None})


def test_a_prediction_returns_to_the_grid_of_a_modality_that_was_absent() -> None:
    prepare = Compose(
        [
            Orientationd(MODALITIES, axcodes="RAS", labels=None, allow_missing_keys=True),
            FillMissingModalitiesd(MODALITIES),
            ConcatItemsd(MODALITIES, name="image"),
        ]
    )
    original = MetaTensor(torch.from_numpy(image("t2", 0))[None], torch.from_numpy(AFFINE))
    data = prepare({"t2": original})
    data["pred"] = data["image"][2:3].clone()
    back = Invertd(keys="pred", transform=prepare, orig_keys="t1", nearest_interp=False)(data)["pred"]
    torch.testing.assert_close(back.affine, original.affine)
    torch.testing.assert_close(back.as_tensor(), original.as_tensor())


@few
@given(subsets, seeds)
def test_at_least_one_modality_survives(availability: list[bool], seed: int) -> None:
    images, there = stack(availability)
    _, left = applied(RandDropModalitiesd("image").set_random_state(seed), images, there)
    assert left.any()
    assert (left <= there).all()


@few
@given(subsets, seeds)
def test_image_and_availability_agree_and_what_is_kept_is_untouched(availability: list[bool], seed: int) -> None:
    images, there = stack(availability)
    before = images.clone(), there.clone()
    dropped, left = applied(RandDropModalitiesd("image").set_random_state(seed), images, there)
    for channel, original, kept in zip(dropped, images, left.tolist(), strict=True):
        assert torch.equal(channel, original if kept else torch.zeros_like(original))
    assert torch.equal(images, before[0])
    assert torch.equal(there, before[1])


@few
@given(seeds)
def test_a_dropped_modality_is_as_filling_would_have_made_it(seed: int) -> None:
    stacked = ConcatItemsd(MODALITIES, name="image")
    dropped = RandDropModalitiesd("image").set_random_state(seed)(stacked(fill(case(*MODALITIES))))
    kept = [name for name, there in zip(MODALITIES, dropped["availability"].tolist(), strict=True) if there]
    filled = stacked(fill(case(*kept)))
    assert torch.equal(dropped["availability"], filled["availability"])
    assert torch.equal(dropped["image"].as_tensor(), filled["image"].as_tensor())


@few
@given(seeds)
def test_the_same_seed_drops_the_same(seed: int) -> None:
    data = {"image": stack([True] * 4)[0], "availability": torch.ones(4)}
    draws = []
    for _ in range(2):
        drop = RandDropModalitiesd("image").set_random_state(seed)
        draws.append([drop(data)["availability"].tolist() for _ in range(5)])
    assert draws[0] == draws[1]


def test_each_non_empty_subset_of_what_is_there_is_drawn_equally_often() -> None:
    images, there = stack([True, False, True, True])
    drop = RandDropModalitiesd("image").set_random_state(0)
    draws = Counter(tuple(applied(drop, images, there)[1].tolist()) for _ in range(7000))
    assert len(draws) == 7
    assert all(850 < count < 1150 for count in draws.values())  # 5 standard deviations are 146


def test_prob_says_how_often_a_subset_is_drawn() -> None:
    images, there = stack([True] * 4)
    drop = RandDropModalitiesd("image", prob=0.5).set_random_state(0)
    full = sum(bool(applied(drop, images, there)[1].all()) for _ in range(2000)) / 2000
    assert full == pytest.approx(0.5 + 0.5 / 15, abs=0.05)
    assert applied(RandDropModalitiesd("image", prob=0.0), images, there)[0] is images


def test_every_key_loses_the_same_modalities() -> None:
    images, there = stack([True] * 4)
    data = {"image": images, "copy": images.clone(), "availability": there}
    drop = RandDropModalitiesd(["image", "copy"]).set_random_state(3)
    seen = set()
    for _ in range(10):
        result = drop(data)
        assert torch.equal(result["image"], result["copy"])
        assert torch.equal(result["image"].flatten(1).any(1).float(), result["availability"])
        seen.add(tuple(result["availability"].tolist()))
    assert len(seen) > 3
    assert torch.equal(data["availability"], torch.ones(4))


def test_a_key_that_is_not_there_is_an_error_unless_allowed() -> None:
    data = {"availability": torch.ones(4)}
    with pytest.raises(KeyError):
        RandDropModalitiesd("image")(data)
    assert torch.equal(RandDropModalitiesd("image", allow_missing_keys=True)(data)["availability"], torch.ones(4))


@few
@given(subsets)
def test_availability_becomes_one_constant_channel_a_modality(availability: list[bool]) -> None:
    images, there = stack(availability)
    told, _ = applied(AppendAvailabilityd("image"), images, there)
    assert told.shape == (2 * len(there), *images.shape[1:])
    assert torch.equal(told[: len(there)], images)
    assert torch.equal(told[len(there) :], there.reshape(-1, 1, 1, 1).expand(images.shape))


def test_neither_crop_nor_padding_changes_availability() -> None:
    prepare = Compose(
        [
            FillMissingModalitiesd(MODALITIES),
            ConcatItemsd(MODALITIES, name="image"),
            RandSpatialCropd("image", roi_size=(2, 2, 2), random_size=False),
            SpatialPadd("image", spatial_size=(5, 5, 5)),
            AppendAvailabilityd("image"),
        ]
    )
    channels = prepare(case("t1ce", "flair"))["image"][4:].as_tensor()
    assert torch.equal(channels, torch.tensor([0.0, 1, 0, 1]).reshape(4, 1, 1, 1).expand(4, 5, 5, 5))


@pytest.mark.parametrize(
    ("availability", "message"),
    [
        (torch.ones(3), r"shape \(4, 2, 3, 4\), the availability \(3,\)"),
        (torch.tensor([1.0, 0.5, 1, 1]), r"must be 0 or 1 .*\[1.0, 0.5, 1.0, 1.0\]"),
    ],
)
def test_an_availability_that_does_not_fit_is_refused(availability: torch.Tensor, message: str) -> None:
    images, _ = stack([True] * 4)
    for transform in (AppendAvailabilityd("image"), RandDropModalitiesd("image")):
        with pytest.raises(ValueError, match=message):
            applied(transform, images, availability)


def test_stacking_tells_the_availability_on_request() -> None:
    filled = fill(case("t1ce", "flair"))
    expected = ConcatItemsd(MODALITIES, name="image")(filled)
    assert torch.equal(StackModalitiesd(MODALITIES, "image")(filled)["image"], expected["image"])
    told = StackModalitiesd(MODALITIES, "image", tell=True)(filled)["image"]
    assert torch.equal(told, AppendAvailabilityd("image")(expected)["image"])


def test_appending_twice_is_refused() -> None:
    images, there = stack([True] * 4)
    append = AppendAvailabilityd("image")
    with pytest.raises(ValueError, match="already appended"):
        applied(append, *applied(append, images, there))


@few
@given(subsets, seeds)
def test_all_of_several_is_never_drawn_where_it_teaches_nothing(availability: list[bool], seed: int) -> None:
    images, there = stack(availability)
    _, left = applied(RandDropModalitiesd("image", draw_all=False).set_random_state(seed), images, there)
    assert left.any()
    assert (left <= there).all()
    assert torch.equal(left, there) == (there.sum() == 1)


def test_every_other_subset_is_drawn_equally_often() -> None:
    images, there = stack([True, True, True])
    drop = RandDropModalitiesd("image", draw_all=False).set_random_state(0)
    drawn = Counter(tuple(drop({"image": images, "availability": there})["availability"].tolist()) for _ in range(1200))
    assert len(drawn) == 6
    assert all(150 < count < 250 for count in drawn.values())


TRAINED_ON = ["t1", "flair"]
NETWORK = nn.Linear(1, 1)


def save(path: Path, record: TrainingRecord) -> Path:
    torch.save(weights_with_record(NETWORK.state_dict(), record.state_dict()), path)
    return path


def test_a_checkpoint_says_whether_it_was_told_what_is_there(tmp_path: Path) -> None:
    for availability in (True, False):
        record = TrainingRecord({"modalities": TRAINED_ON}, NETWORK, settings={"availability": availability})
        assert trained_availability(save(tmp_path / "model.pt", record)) is availability


def test_a_checkpoint_that_says_nothing_of_it_was_not_told(tmp_path: Path) -> None:
    assert not trained_availability(save(tmp_path / "model.pt", TrainingRecord({"modalities": TRAINED_ON}, NETWORK)))


def test_without_a_checkpoint_nothing_is_told(tmp_path: Path) -> None:
    assert not trained_availability(tmp_path / "model.pt")


def test_a_damaged_checkpoint_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_availability(tmp_path / "model.pt")
