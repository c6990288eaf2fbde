"""CLAHE, in 2-D and 3-D."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from skimage.exposure import equalize_adapthist

from scanfill.errors import UsageError
from scanfill.transforms import CLAHEd, RandCLAHE, RandCLAHEd, clahe

clahe_module = importlib.import_module("scanfill.transforms.local_contrast")


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(100, 30, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 24, 20), (1, 16, 14, 12), (1, 16, 14, 4), (1, 16, 14, 3), (1, 20, 3)])
def test_agrees_with_scikit_image_also_where_that_would_see_colours(shape: tuple[int, ...]) -> None:
    image = picture(*shape)
    low, high = image.min(), image.max()
    without_colours = inspect.unwrap(equalize_adapthist)
    expected = without_colours((image[0] - low) / (high - low), clip_limit=0.02) * (high - low) + low
    np.testing.assert_array_equal(clahe(image, 0.02)[0], expected)


@given(st.integers(-(2**40), 2**40), st.integers(1, 2**40))
@settings(deadline=None, max_examples=30)
def test_rounding_never_puts_the_largest_value_out_of_range(low: int, span: int) -> None:
    image = np.array([[[low, low + span // 2], [low, low + span]]])
    assert np.isfinite(clahe(image)).all()


def test_the_colour_check_is_dodged_only_where_it_would_strike(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = []

    def spy(image: np.ndarray, **arguments: Any) -> np.ndarray:
        ranks.append(image.ndim)
        return np.asarray(equalize_adapthist(image, **arguments))

    monkeypatch.setattr(clahe_module, "equalize_adapthist", spy)
    for shape in ((1, 16, 16), (1, 16, 3), (1, 16, 16, 8), (1, 3, 4, 8), (1, 16, 16, 3), (1, 16, 16, 4)):
        clahe(picture(*shape))
    assert ranks == [2, 2, 3, 3, 4, 4]


def test_a_volume_of_three_slices_is_no_colour_picture() -> None:
    image = picture(1, 16, 16, 3)
    mixed = clahe(image[..., :1] * np.ones((1, 1, 1, 3), np.float32))
    np.testing.assert_array_equal(mixed[..., 0], mixed[..., 2])
    assert clahe(image).shape == image.shape


@given(st.floats(0.1, 100), st.floats(-1000, 1000))
@settings(deadline=None, max_examples=15)
def test_follows_a_change_of_unit(factor: float, offset: float) -> None:
    image = picture(1, 16, 16)
    span = float(np.ptp(image)) * factor
    moved = clahe(image * np.float32(factor) + np.float32(offset))
    # 2 of 256 grey levels, because rounding may move a value into the next bin
    np.testing.assert_allclose(moved, clahe(image) * factor + offset, atol=span * 2 / 256 + 1e-3)


def test_each_channel_keeps_its_range_and_its_affine() -> None:
    image = MetaTensor(torch.from_numpy(picture(2, 16, 16, 8)), affine=torch.diag(torch.tensor([2.0, 2, 3, 1])))
    after = clahe(image)
    torch.testing.assert_close(after.amin((1, 2, 3)).as_tensor(), image.amin((1, 2, 3)).as_tensor())
    torch.testing.assert_close(after.amax((1, 2, 3)).as_tensor(), image.amax((1, 2, 3)).as_tensor())
    assert torch.equal(after.affine, image.affine)


def test_a_constant_channel_is_left_alone() -> None:
    assert np.array_equal(clahe(np.full((1, 8, 8), 5.0)), np.full((1, 8, 8), 5.0))


def test_all_keys_share_one_draw_and_a_seed_fixes_it() -> None:
    image = picture(1, 16, 16)
    results = [RandCLAHEd(["a", "b"], prob=1).set_random_state(3)({"a": image, "b": image}) for _ in range(2)]
    assert np.array_equal(results[0]["a"], results[0]["b"])
    assert np.array_equal(results[0]["a"], results[1]["a"])
    assert np.array_equal(RandCLAHE(prob=0)(image), image)
    assert np.array_equal(CLAHEd("a")({"a": image})["a"], clahe(image))


@pytest.mark.parametrize(
    ("image", "limit", "words"),
    [
        (picture(1, 8, 8), 2.0, r"clip_limit.*\(=2.0\)"),
        (picture(8, 8), 0.01, r"shape \(8, 8\)"),
        (np.array([[[np.nan, 1], [2, 3]]]), 0.01, "nan"),
    ],
)
def test_what_cannot_be_equalised_is_refused(image: np.ndarray, limit: float, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        clahe(image, limit)


@pytest.mark.parametrize("kernel", [0, [4, 4], [4, 4, 0]])
def test_a_region_for_each_axis_is_asked_for(kernel: int | list[int]) -> None:
    with pytest.raises(UsageError, match=r"`kernel_size` .* each of the 3 axes"):
        clahe(picture(1, 8, 8, 8), kernel_size=kernel)


def test_a_range_of_limits_out_of_range_is_refused_before_any_draw() -> None:
    with pytest.raises(UsageError, match=r"clip_limit.*\(=2\)"):
        RandCLAHE(prob=0, clip_limit=(0.01, 2))
