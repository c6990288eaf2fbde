"""MapToChannels: regions of a label map as channels, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from monai.data import MetaTensor

from scanfill.errors import UsageError
from scanfill.transforms import ChannelsToMap, MapToChannels, MapToChannelsd

LABELS = [[[0, 1, 2, 3]]]


def test_a_label_is_in_every_region_that_lists_it() -> None:
    assert MapToChannels([[1, 2], [2]])(torch.tensor(LABELS)).tolist() == [[[0, 1, 1, 0]], [[0, 0, 1, 0]]]


def test_an_array_stays_an_array_of_its_type_and_a_metatensor_keeps_its_affine() -> None:
    found = MapToChannels([[3], [1]])(np.array(LABELS, np.uint8))
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.uint8
    image = MetaTensor(torch.tensor(LABELS), torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
    channels = MapToChannelsd("target", [[1, 2], [2]])({"target": image})["target"]
    assert channels.shape == (2, 1, 4)
    assert torch.equal(channels.affine, image.affine)
    assert image.tolist() == LABELS


@given(arrays.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 2)))
def test_channels_of_nested_regions_give_the_label_map_back(labels: np.ndarray) -> None:
    channels = MapToChannels([[1, 2], [2]])(labels)
    np.testing.assert_array_equal(ChannelsToMap([2, 1])(channels), labels)


@pytest.mark.parametrize("regions", [[], [[]], [[1], []], [[0, 1]]])
def test_a_region_without_a_label_or_of_the_background_is_refused(regions: list[list[int]]) -> None:
    with pytest.raises(UsageError, match="must list the labels of each region"):
        MapToChannels(regions)


def test_channels_in_place_of_a_label_map_are_refused() -> None:
    with pytest.raises(UsageError, match="has one channel, got 2"):
        MapToChannels([[1]])(torch.zeros(2, 4, 4))
