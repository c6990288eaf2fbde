"""Each protocol's scale, and what it does not depend on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.metrics.intensity_protocols import PROTOCOLS, scale_pair

Volume = npt.NDArray[np.float64]
few = settings(deadline=None, max_examples=15)
seeds = st.integers(0, 10_000)
scales, shifts = st.floats(0.01, 100), st.floats(0, 500)
SHAPE = (9, 10, 8)


def brain() -> npt.NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[1:-1, 1:-1, 1:-1] = True
    return mask


def images(seed: int) -> tuple[Volume, Volume]:
    """A synthetic image and its truth: positive in the brain, 0 outside."""
    rng = np.random.default_rng(seed)
    truth = np.where(brain(), rng.gamma(5, 20, SHAPE) + 1, 0)
    return np.where(brain(), np.abs(truth + rng.normal(0, 30, SHAPE)) + 1, 0), truth


def shifted(volume: Volume, scale: float, shift: float) -> Volume:
    """Change the intensities of the brain, leave the background 0."""
    return np.where(brain(), volume * scale + shift, 0)


@few
@given(seeds, scales, shifts, scales, shifts)
def test_own_zscores_depend_on_no_scale_and_no_shift(
    seed: int, scale: float, shift: float, scale_2: float, shift_2: float
) -> None:
    image, truth = images(seed)
    plain = scale_pair(image, truth, brain(), "zscore_own")
    changed = scale_pair(shifted(image, scale, shift), shifted(truth, scale_2, shift_2), brain(), "zscore_own")
    for name in ("image", "truth"):
        assert getattr(changed, name)[brain()] == pytest.approx(getattr(plain, name)[brain()], abs=1e-6)
    assert changed.data_range == pytest.approx(plain.data_range)


@few
@given(seeds, scales, shifts)
@pytest.mark.parametrize("protocol", ["zscore_truth", "percentile_truth"])
def test_the_truths_scale_depends_on_no_common_scale_and_shift(
    protocol: str, seed: int, scale: float, shift: float
) -> None:
    image, truth = images(seed)
    plain = scale_pair(image, truth, brain(), protocol)
    changed = scale_pair(shifted(image, scale, shift), shifted(truth, scale, shift), brain(), protocol)
    for name in ("image", "truth"):
        assert getattr(changed, name)[brain()] == pytest.approx(getattr(plain, name)[brain()], abs=1e-6)
    assert np.count_nonzero(changed.clipped != plain.clipped) <= 2  # a voxel at the very limit


@few
@given(seeds, st.floats(1.5, 100))
@pytest.mark.parametrize("protocol", ["zscore_truth", "percentile_truth"])
def test_the_truths_scale_shows_a_wrong_scale(protocol: str, seed: int, scale: float) -> None:
    image, truth = images(seed)
    plain, changed = (scale_pair(volume, truth, brain(), protocol) for volume in (image, image * scale))
    assert changed.image[brain()].mean() > plain.image[brain()].mean()
    assert np.array_equal(changed.truth, plain.truth)


@few
@given(seeds, scales, scales)
def test_the_organisers_scale_depends_on_neither_images_scale(seed: int, scale: float, scale_2: float) -> None:
    image, truth = images(seed)
    plain = scale_pair(image, truth, brain(), "brasyn")
    changed = scale_pair(image * scale, truth * scale_2, brain(), "brasyn")
    assert changed.image == pytest.approx(plain.image)
    assert changed.truth == pytest.approx(plain.truth)


@few
@given(seeds)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_equal_images_stay_equal(protocol: str, seed: int) -> None:
    _, truth = images(seed)
    pair = scale_pair(truth, truth, brain(), protocol)
    assert np.array_equal(pair.image, pair.truth)


def test_organisers_percentiles_are_of_the_whole_volume_and_not_below_zero() -> None:
    image, truth = images(0)
    negative = image - 60
    pair = scale_pair(negative, truth, brain(), "brasyn")
    high = np.percentile(negative, 99.5)
    assert np.percentile(negative, 0.5) < 0
    assert pair.image == pytest.approx(np.clip(negative, 0, high) / high)
    assert pair.truth == pytest.approx(np.clip(truth, 0, np.percentile(truth, 99.5)) / np.percentile(truth, 99.5))


def test_truths_percentiles_are_of_the_brain() -> None:
    image, truth = images(1)
    low, high = np.percentile(truth[brain()], [0.5, 99.5])
    pair = scale_pair(image, truth, brain(), "percentile_truth")
    assert pair.image == pytest.approx(np.clip((image - low) / (high - low), 0, 1))
    assert np.array_equal(pair.clipped, (truth < low) | (truth > high))
    assert pair.data_range == 1


def test_zscores_clip_nothing_and_have_the_truths_range() -> None:
    image, truth = images(2)
    inside = truth[brain()]
    for protocol in ("zscore_own", "zscore_truth"):
        pair = scale_pair(image, truth, brain(), protocol)
        assert not pair.clipped.any()
        assert pair.data_range == pytest.approx(np.ptp(np.percentile(inside, [0.5, 99.5])) / inside.std())
        assert (pair.truth[brain()].mean(), pair.truth[brain()].std()) == pytest.approx((0, 1))


@pytest.mark.parametrize("value", [0.0, 3.7])
def test_a_constant_image_has_no_scale_of_its_own(value: float) -> None:
    _, truth = images(3)
    constant = np.full(SHAPE, value)
    assert np.isnan(scale_pair(constant, truth, brain(), "zscore_own").image).all()
    assert np.isnan(scale_pair(constant, truth, brain(), "brasyn").image).all()
    for protocol in ("zscore_truth", "percentile_truth"):
        assert np.isfinite(scale_pair(constant, truth, brain(), protocol).image).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_constant_truth_is_refused(protocol: str) -> None:
    image, truth = images(4)
    with pytest.raises(ValueError, match=r"The truth has no contrast for protocol .* are 5 and 5"):
        scale_pair(image, np.full_like(truth, 5), brain(), protocol)


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(ValueError, match=r"protocol \(='zscore'\) must be one of zscore_own, zscore_truth"):
        scale_pair(*images(0), brain(), "zscore")
