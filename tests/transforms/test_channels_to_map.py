"""ChannelsToMap: which label an overlap gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.errors import UsageError
from scanfill.transforms import ChannelsToMap, ChannelsToMapd

CHANNELS = [[[1, 1, 0, 0]], [[0, 1, 1, 0]]]


@pytest.mark.parametrize(("priority", "expected"), [([1, 2], [1, 1, 2, 0]), ([2, 1], [1, 2, 2, 0])])
def test_an_overlap_gets_the_label_that_comes_first(priority: list[int], expected: list[int]) -> None:
    assert ChannelsToMap(priority)(torch.tensor(CHANNELS)).tolist() == [[expected]]


def test_kind_type_and_affine_are_kept_and_the_input_is_left_alone() -> None:
    array = np.array(CHANNELS, np.uint8)
    found = ChannelsToMap([1, 2])(array)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.uint8
    image = MetaTensor(torch.tensor(CHANNELS), torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
    labels = ChannelsToMapd("target", [1, 2])({"target": image})["target"]
    assert torch.equal(labels.affine, image.affine)
    assert image.tolist() == CHANNELS


@pytest.mark.parametrize("priority", [[1, 3], [1, 1], [0, 1]])
def test_a_priority_that_is_no_order_of_all_labels_is_refused(priority: list[int]) -> None:
    with pytest.raises(UsageError, match="must list each label 1 to 2 once"):
        ChannelsToMap(priority)


def test_another_number_of_channels_is_refused_with_both_numbers() -> None:
    with pytest.raises(UsageError, match="3 labels, but there are 2 channels"):
        ChannelsToMap([1, 2, 3])(torch.tensor(CHANNELS))
