"""ThresholdChannels: one threshold per channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.errors import UsageError
from scanfill.transforms import ThresholdChannels, ThresholdChannelsd

VALUES = [[[0.4, 0.6]], [[0.4, 0.6]]]


def test_each_channel_has_its_own_threshold() -> None:
    assert ThresholdChannels([0.4, 0.5])(torch.tensor(VALUES)).tolist() == [[[1, 1]], [[0, 1]]]


def test_one_number_applies_to_all_channels() -> None:
    assert ThresholdChannels(0.5)(torch.tensor(VALUES)).tolist() == [[[0, 1]], [[0, 1]]]


def test_kind_and_affine_are_kept() -> None:
    assert isinstance(ThresholdChannels(0.5)(np.array(VALUES)), np.ndarray)
    image = MetaTensor(torch.tensor(VALUES), torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
    masks = ThresholdChannelsd("pred", [0.5, 0.5])({"pred": image})["pred"]
    assert torch.equal(masks.affine, image.affine)


def test_another_number_of_channels_is_refused_with_both_numbers() -> None:
    with pytest.raises(UsageError, match="3 thresholds, but the prediction has 2 channels"):
        ThresholdChannels([0.5] * 3)(torch.tensor(VALUES))
