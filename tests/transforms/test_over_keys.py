"""Dictionary versions take the arguments of their array versions, and draw for each key or once."""

from __future__ import annotations

import pytest
import torch

from scanfill.transforms import RandGaussianShiftScale, RandGaussianShiftScaled, RandWindowd


def test_arguments_go_to_the_array_version() -> None:
    transform = RandGaussianShiftScaled("a", 0.3, scale_std=0.2, prob=0.4).transform
    assert (transform.shift_std, transform.scale_std, transform.prob) == (0.3, 0.2, 0.4)
    with pytest.raises(TypeError, match="shift_sd"):
        RandGaussianShiftScaled("a", shift_sd=0.3)


def test_each_key_draws_what_the_array_version_draws_next() -> None:
    image = torch.ones(2, 3, 3)
    array = RandGaussianShiftScale().set_random_state(4)
    result = RandGaussianShiftScaled(["a", "b"]).set_random_state(4)({"a": image, "b": image})
    assert torch.equal(result["a"], array(image))
    assert torch.equal(result["b"], array(image))
    assert not torch.equal(result["a"], result["b"])


def test_all_keys_share_one_draw() -> None:
    image = torch.rand(1, 3, 3) * 100
    result = RandWindowd(["a", "b"], 50, 500, prob=1).set_random_state(5)({"a": image, "b": image})
    assert torch.equal(result["a"], result["b"])
    assert not torch.equal(result["a"], image)


def test_a_key_that_is_not_there_is_passed_over_only_where_that_is_allowed() -> None:
    case = {"a": torch.ones(1, 3, 3), "c": "kept"}
    assert set(RandGaussianShiftScaled(["a", "b"], allow_missing_keys=True)(case)) == {"a", "c"}
    with pytest.raises(KeyError, match="b"):
        RandGaussianShiftScaled(["a", "b"])(case)
