"""ssim_map, region_ssim and masked_ssim against SciPy, MONAI, and what the organisers' script says."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.regression import compute_ssim_and_cs
from scipy import ndimage

from scanfill.metrics.ssim import RADIUS, masked_ssim, region_ssim, ssim_map

Volume = npt.NDArray[np.float64]
few = settings(deadline=None, max_examples=10)
seeds = st.integers(0, 10_000)


def pair(seed: int, shape: tuple[int, ...] = (13, 11, 9)) -> tuple[Volume, Volume]:
    """Two smooth images in [0, 1] that resemble each other."""
    rng = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(rng.random(shape), 1)
    image = truth + 0.1 * rng.standard_normal(shape)
    return tuple(np.clip((volume - truth.min()) / np.ptp(truth), 0, 1) for volume in (image, truth))  # type: ignore[return-value]


def by_scipy(image: Volume, truth: Volume, data_range: float = 1.0) -> Volume:
    """Wang's formula, written down once more."""

    def blur(volume: Volume) -> Volume:
        return ndimage.gaussian_filter(volume, 1.5, radius=5, mode="mirror")

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = blur(image), blur(truth)
    var_x, var_y = blur(image**2) - mean_x**2, blur(truth**2) - mean_y**2
    covariance = blur(image * truth) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (var_x + var_y + c2)


@few
@given(seeds, st.floats(0.1, 5))
def test_map_equals_the_formula_by_scipy_to_the_very_edge(seed: int, data_range: float) -> None:
    image, truth = pair(seed)
    assert ssim_map(image, truth, data_range) == pytest.approx(by_scipy(image, truth, data_range), abs=1e-9)


def test_map_equals_monais() -> None:
    image, truth = pair(1, (15, 13, 12))
    tensors = [torch.from_numpy(np.pad(volume, RADIUS, mode="reflect"))[None, None] for volume in (image, truth)]
    monais, _ = compute_ssim_and_cs(*tensors, spatial_dims=3, kernel_size=(11,) * 3, kernel_sigma=(1.5,) * 3)
    assert ssim_map(image, truth) == pytest.approx(monais[0, 0].numpy(), abs=1e-4)  # MONAI computes in 32 bits


@few
@given(seeds)
def test_equal_images_are_perfectly_similar(seed: int) -> None:
    _, truth = pair(seed)
    region = truth > 0.5
    assert ssim_map(truth, truth) == pytest.approx(1)
    assert region_ssim(truth, truth, {"a": region}) == pytest.approx({"a": 1})
    assert masked_ssim(truth, truth, region) == pytest.approx(1)


@few
@given(seeds)
def test_similarity_does_not_depend_on_which_is_the_truth(seed: int) -> None:
    image, truth = pair(seed)
    region = truth > 0.5
    there, back = (region_ssim(*both, {"a": region}) for both in ((image, truth), (truth, image)))
    assert there == pytest.approx(back)
    assert masked_ssim(image, truth, region) == pytest.approx(masked_ssim(truth, image, region))


@few
@given(seeds, st.integers(0, 20), st.integers(0, 25))
def test_a_region_is_scored_as_on_the_whole_map(seed: int, x: int, y: int) -> None:
    image, truth = pair(seed, (26, 31, 9))
    region = np.zeros(image.shape, bool)
    region[x : x + 4, y : y + 6, 3:5] = True
    corner = np.zeros(image.shape, bool)
    corner[0, :2, -1] = True
    expected = by_scipy(image, truth)
    assert region_ssim(image, truth, {"a": region}) == pytest.approx({"a": expected[region].mean()})
    both = region_ssim(image, truth, {"a": region, "corner": corner})
    assert both == pytest.approx({"a": expected[region].mean(), "corner": expected[corner].mean()})


@few
@given(seeds, st.integers(0, 26), st.integers(0, 28))
def test_masked_images_are_scored_over_the_whole_volume(seed: int, x: int, y: int) -> None:
    image, truth = pair(seed, (30, 33, 9))
    region = np.zeros(image.shape, bool)
    region[x : x + 4, y : y + 5, 2:5] = True
    masked = image * region, truth * region
    data_range = max(volume.max() - volume.min() for volume in masked)
    assert masked_ssim(image, truth, region) == pytest.approx(by_scipy(*masked, data_range).mean())


def test_a_constant_in_a_small_region_looks_good_only_when_masked() -> None:
    _, truth = pair(5, (40, 40, 40))
    region = np.zeros(truth.shape, bool)
    region[16:22, 16:22, 16:22] = True
    constant = np.full(truth.shape, truth[region].mean())
    assert masked_ssim(constant, truth, region) > 0.95
    assert region_ssim(constant, truth, {"a": region})["a"] < 0.5


def test_a_slice_is_scored_in_two_dimensions() -> None:
    image, truth = pair(2, (20, 18, 1))
    expected = by_scipy(image[..., 0], truth[..., 0])
    assert ssim_map(image, truth)[..., 0] == pytest.approx(expected)


def test_no_region_no_figure() -> None:
    image, truth = pair(3)
    nothing = np.zeros(truth.shape, bool)
    alone = region_ssim(image, truth, {"a": nothing})
    beside = region_ssim(image, truth, {"a": nothing, "all": ~nothing})
    assert math.isnan(alone["a"])
    assert math.isnan(beside["a"])
    assert not math.isnan(beside["all"])
    assert math.isnan(masked_ssim(image, truth, nothing))
    assert math.isnan(masked_ssim(image * 0, truth * 0, ~nothing))
