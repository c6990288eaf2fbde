"""A scan to [-1, 1] and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from scanfill.errors import CaseError
from scanfill.transforms import ForegroundMaskd, ScaleSignedd, UnscaleSignedd, scale_signed
from scanfill.transforms.signed_range import BACKGROUND, FLOOR, SignedScale, measure_scale, reference_line

SHAPE = (1, 24, 24, 24)
REFERENCE = {"intensities": [100.0, 300.0, 700.0], "deviations": [-2.0, 0.0, 4.0]}


def brain() -> np.ndarray:
    grid = np.indices(SHAPE[1:]) - 11.5
    return np.asarray((grid**2).sum(axis=0) <= 121)[None]


def scan(seed: int, *, enhancing: int = 0, brightness: float = 10.0) -> np.ndarray:
    """A brain around 100, SD 10, of whole numbers, with a few voxels that contrast agent makes bright."""
    values = np.random.default_rng(seed).normal(100, 10, SHAPE).round().clip(1)
    bright = np.flatnonzero(brain())[:enhancing]
    values.ravel()[bright] = 100 + 10 * brightness + np.arange(enhancing) % 7
    return np.where(brain(), values, 0).astype(np.float32)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.floats(0.01, 1000), st.integers(0, 60), st.floats(1, 40))
def test_the_round_trip_is_exact_for_voxels_that_are_not_clipped(
    seed: int, gain: float, enhancing: int, brightness: float
) -> None:
    image = (scan(seed, enhancing=enhancing, brightness=brightness) * np.float32(gain)).astype(np.float32)
    scaled, scale = scale_signed(image, brain())
    _, low, high = measure_scale(image, brain())
    kept = brain() & (image >= low) & (image <= high)
    assert kept.sum() >= 0.999 * brain().sum()
    np.testing.assert_allclose(scale.invert(scaled)[kept], image[kept], rtol=0, atol=1e-5 * scale.spread)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.floats(0.01, 1000), st.integers(0, 60), st.floats(1, 400))
def test_the_brain_lies_in_its_range_and_the_background_apart(
    seed: int, gain: float, enhancing: int, brightness: float
) -> None:
    scaled, _ = scale_signed(scan(seed, enhancing=enhancing, brightness=brightness) * np.float32(gain), brain())
    assert (scaled[~brain()] == BACKGROUND).all()
    assert scaled[brain()].min() >= np.float32(FLOOR) > BACKGROUND
    assert scaled[brain()].max() <= 1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 999), st.floats(0.01, 100))
def test_the_gain_of_the_scanner_does_not_matter(seed: int, gain: float) -> None:
    first, second = (scale_signed(scan(seed) * np.float32(factor), brain())[0] for factor in (1, gain))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_contrast_enhancement_is_not_clipped() -> None:
    """Thirty voxels of 5,575: beyond the 99.5th percentile, all of them different from each other as before."""
    image = scan(0, enhancing=30, brightness=30.0)
    scaled, _ = scale_signed(image, brain())
    bright = image >= 400
    assert bright.sum() == 30
    assert image[bright].min() > np.percentile(image[brain()], 99.4)
    assert len(np.unique(scaled[bright])) == len(np.unique(image[bright])) == 7


def test_one_voxel_in_ten_thousand_is_clipped_and_a_spike_leaves_the_rest_alone() -> None:
    shape = (1, 30, 30, 30)
    image = np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)
    spiked = image.copy()
    spiked[0, 15, 15, 15] = 1e4
    (plain, _), (scaled, scale) = (scale_signed(each, np.ones(shape)) for each in (image, spiked))
    assert scale.invert(scaled)[0, 15, 15, 15] == pytest.approx(np.sort(spiked.ravel())[-3], rel=0.01)
    others = spiked != 1e4
    assert np.corrcoef(plain[others], scaled[others])[0, 1] > 0.9999


def test_what_was_not_measured_is_background_also_in_the_brain() -> None:
    image = scan(0)
    image[:, :12] = 0
    image[0, 13, 12, 12] = np.nan
    scaled, _ = scale_signed(image, brain())
    assert (scaled[:, :12] == BACKGROUND).all()
    assert scaled[0, 13, 12, 12] == BACKGROUND


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.where(brain(), scan(0) / 100 - 1, -1), r"Case 'c1': t2 already lies in \[-1, 1\]"),
        (np.where(brain(), 7, 0), "constant inside the mask"),
        (np.zeros(SHAPE), "no measured voxel"),
    ],
)
def test_what_holds_no_intensities_is_refused(image: np.ndarray, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        ScaleSignedd(keys="t2")({"case_id": "c1", "t2": image, "mask": brain()})


def test_the_reference_line_goes_through_percentiles_that_lie_on_a_line() -> None:
    line = reference_line(**REFERENCE)
    np.testing.assert_allclose((line.centre, line.spread), (300, 100))
    scaled = SignedScale(0, 1).apply(np.array(REFERENCE["deviations"]))
    np.testing.assert_allclose(line.invert(scaled), REFERENCE["intensities"])


@pytest.mark.parametrize("intensities", [[1.0, 2.0], [3.0, 2.0, 1.0]])
def test_a_reference_that_does_not_rise_is_refused(intensities: list[float]) -> None:
    with pytest.raises(ValueError, match="three increasing percentiles"):
        reference_line(intensities, [-1, 0, 1])


def prepared(**more: Any) -> dict[Any, Any]:
    case = {"t2": MetaTensor(scan(0)), "flair": MetaTensor(scan(1)), **more}
    return ScaleSignedd(keys=["t2", "flair"])(ForegroundMaskd(keys="t2", copy_key="brain")(case))


def test_the_brain_is_that_of_the_given_scans_only() -> None:
    image = scan(1)
    image[:, :12] = 0
    case = prepared(t2=MetaTensor(image))
    assert not case["mask"][:, :12].any()
    assert (case["flair"][:, :12] == BACKGROUND).all()
    assert case["mask"] is not case["brain"]
    own = prepared(mask=MetaTensor(torch.ones(SHAPE, dtype=torch.uint8)))
    assert own["mask"].all()


def test_an_image_painted_without_error_gets_the_patients_intensities_back() -> None:
    case = prepared()
    back = UnscaleSignedd(keys="flair", scale_key="scale_flair")(case)["flair"]
    np.testing.assert_allclose(back, scan(1), atol=1e-3)


def test_an_image_for_which_there_is_no_truth_is_written_in_the_reference_scale() -> None:
    case = prepared()
    back = UnscaleSignedd(keys="flair", reference=REFERENCE)(case)["flair"].numpy()
    inside, mean, deviation = scan(1)[brain()], scan(1)[brain()].mean(), scan(1)[brain()].std()
    assert (back[~brain()] == 0).all()
    np.testing.assert_allclose(back[brain()], 300 + 100 * (inside - mean) / deviation, rtol=1e-4)


@pytest.mark.parametrize("given_scales", [{}, {"scale_key": "scale_flair", "reference": REFERENCE}])
def test_one_scale_inverts(given_scales: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one of `scale_key`"):
        UnscaleSignedd(keys="pred", **given_scales)
