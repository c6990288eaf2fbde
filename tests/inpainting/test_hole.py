"""A hole, and what a network is told of it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scanfill.errors import CaseError
from scanfill.inpainting import CutHoled, describe_hole, tones_of

PARTS = (1, 2, 3)


def scene(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two sequences, and a lesion of the parts 1 and 2."""
    image = torch.randn(2, 6, 5, 4, generator=torch.Generator().manual_seed(seed))
    label = torch.zeros(1, 6, 5, 4)
    label[:, 1:4, 1:4, 1:3] = 2
    label[:, 2, 2, 1] = 1
    return image, label


def test_tones_are_the_means_of_each_part_and_unknown_where_there_is_none() -> None:
    image, label = scene()
    tones = tones_of(image, label, PARTS)
    assert tones.shape == (3, 2)
    torch.testing.assert_close(tones[0], image[:, 2, 2, 1])
    torch.testing.assert_close(tones[1], image[:, label[0] == 2].mean(dim=1))
    assert tones[2].isnan().all()


def test_a_hole_is_described_by_its_surroundings_its_parts_and_their_tones() -> None:
    image, label = scene()
    told = describe_hole(image, label, PARTS, tones_of(image, label, PARTS))
    around, hole, shapes, tones, known = told.split([2, 1, 3, 2, 1])
    inside = label != 0
    assert torch.equal(around, torch.where(inside, 0, image))
    assert torch.equal(hole, inside.float())
    assert torch.equal((shapes * torch.tensor([1, 2, 3]).view(3, 1, 1, 1)).sum(0), label[0])
    torch.testing.assert_close(tones[:, 2, 2, 1], image[:, 2, 2, 1])
    assert float(tones[:, label[0] == 2].std(dim=1).max()) == 0
    assert not tones[:, label[0] == 0].any()
    assert torch.equal(known, hole)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_nothing_of_the_hole_is_told_but_its_tones(seed: int) -> None:
    image, label = scene()
    other = torch.where(label != 0, scene(seed + 1)[0] + 5, image)
    assert torch.equal(describe_hole(image, label, PARTS, None), describe_hole(other, label, PARTS, None))
    assert not describe_hole(image, label, PARTS, None)[6:].any()


def test_a_case_gets_its_hole_and_the_channels() -> None:
    image, label = scene()
    case = CutHoled("image", "target", PARTS)({"case_id": "c", "image": image, "target": label})
    assert torch.equal(case["hole"], (label != 0).float())
    assert torch.equal(case["condition"], describe_hole(image, label, PARTS, tones_of(image, label, PARTS)))
    assert torch.equal(case["image"], image)


def test_tones_are_hidden_in_the_stated_share_of_cases() -> None:
    image, label = scene()
    cut = CutHoled("image", "target", PARTS, forget=0.3)
    cut.set_random_state(seed=0)
    hidden = [not cut({"image": image, "target": label})["condition"][-1].any() for _ in range(200)]
    assert sum(hidden) == pytest.approx(60, abs=20)


def test_a_window_without_a_lesion_has_no_hole() -> None:
    image, label = scene()
    with pytest.raises(CaseError, match="Case 'c' has no lesion in this window"):
        CutHoled("image", "target", PARTS)({"case_id": "c", "image": image, "target": label * 0})
