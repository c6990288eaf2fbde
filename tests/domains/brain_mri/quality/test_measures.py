"""The measures by themselves: slices, alignment, contrast, intensities, coverage, copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, uniform_filter1d
from skimage.metrics import normalized_mutual_information

from planted_faults import duplicate, half_covered, subject
from scanfill.data.near_copies import alike_pairs
from scanfill.domains.brain_mri.quality.alignment import mutual_information
from scanfill.domains.brain_mri.quality.intensities import find_odd_intensities, measure_intensities
from scanfill.domains.brain_mri.quality.pairwise import (
    ALIKE,
    dark_fluid,
    enhancement,
    find_uncovered,
    measure_coverage,
    signature,
)
from scanfill.domains.brain_mri.quality.sampling import coarse_case
from scanfill.domains.brain_mri.quality.sharpness import find_thick_slices, measure_slices

rng = np.random.default_rng(0)


def brain_like(size: int = 40) -> np.ndarray:
    """Texture in a ball, 0 around it."""
    ball = ((np.indices((size,) * 3) - size / 2 + 0.5) ** 2).sum(axis=0) < (0.45 * size) ** 2
    texture = 100 + 40 * gaussian_filter(np.random.default_rng(1).standard_normal((size,) * 3), 0.7)
    return np.where(ball, texture, 0).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_thick_along_the_axis_that_was_averaged(axis: int) -> None:
    image = brain_like()
    smooth = np.where(image > 0, uniform_filter1d(image, 4, axis=axis), 0)
    slices = measure_slices(smooth, image > 0, [1.0, 1.0, 1.0])
    assert slices is not None
    assert slices.axis == axis
    assert slices.smoothness < 0.6
    assert 1.5 < slices.thickness < 6
    thin = measure_slices(image, image > 0, [1.0, 1.0, 1.0])
    assert thin is not None
    assert thin.smoothness > 0.9


def test_too_little_of_a_brain_says_nothing_of_slices() -> None:
    image = brain_like(12)
    assert measure_slices(image, image > 0, [1.0, 1.0, 1.0]) is None


@pytest.mark.parametrize(("spacing", "count"), [([1, 1, 5], 1), ([5, 5, 5], 0), ([1, 1, 3], 0), ([4, 0.9, 0.9], 1)])
def test_the_header_tells_thick_slices(spacing: list[float], count: int) -> None:
    findings = find_thick_slices("t2", None, spacing, np.diag([*spacing, 1.0]))
    assert len(findings) == count
    if count:
        assert f"{max(spacing):.1f} mm apart" in findings[0].text


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), noise=st.floats(0.1, 3))
def test_mutual_information_is_scikit_images(seed: int, noise: float) -> None:
    values = np.random.default_rng(seed).normal(size=(2, 3000))
    first, second = values[0], values[0] + noise * values[1]
    bins = 16
    levels = [np.minimum(((v - v.min()) / (v.max() - v.min()) * bins).astype(int), bins - 1) for v in (first, second)]
    ours = mutual_information(*levels, bins)
    assert ours == pytest.approx(normalized_mutual_information(first, second, bins=bins), abs=2e-3)


def test_mutual_information_is_two_of_an_image_with_itself_and_one_of_noise() -> None:
    first, second = rng.integers(0, 32, (2, 200_000))
    assert mutual_information(first, first) == pytest.approx(2)
    assert mutual_information(first, second) == pytest.approx(1, abs=2e-3)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_what_tells_two_names_apart_changes_its_sign_when_they_are_swapped(seed: int) -> None:
    first, second = np.random.default_rng(seed).gamma(2, size=(2, 5000))
    assert enhancement(first, second) == pytest.approx(-enhancement(second, first))
    assert dark_fluid(first, second) == pytest.approx(-dark_fluid(second, first))


def test_vessels_are_enhancement_and_dark_csf_is_dark_fluid() -> None:
    t1 = rng.normal(100, 10, 5000)
    t1ce = t1 + rng.normal(0, 3, 5000)
    t1ce[:50] += 100
    assert enhancement(t1, t1ce) > 0.3
    t2, flair = rng.normal(100, 10, (2, 5000))
    t2[:300] += 100
    flair[:300] -= 60
    assert dark_fluid(t2, flair) > 0.3


def image_of(values: np.ndarray) -> np.ndarray:
    """A cube of 20 voxels, these values inside, 0 around."""
    image = np.zeros((20, 20, 20), np.float32)
    image[2:18, 2:18, 2:18] = values.reshape(16, 16, 16)
    return image


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (rng.normal(100, 10, 4096), []),
        (rng.normal(0, 1, 4096), ["normalised"]),
        (rng.uniform(-1, 1, 4096), ["normalised"]),
        (rng.uniform(0, 1, 4096), ["normalised"]),
        (np.zeros(4096), ["blank"]),
        (np.full(4096, 7), ["blank"]),
        (rng.integers(1, 20, 4096), ["few_levels"]),
        (np.minimum(rng.normal(100, 10, 4096), 112), ["clipped"]),
    ],
)
def test_odd_intensities_have_their_code(values: np.ndarray, codes: list[str]) -> None:
    image = image_of(values.astype(np.float32))
    findings = find_odd_intensities("t1", measure_intensities(image), image.size, has_mask=False)
    assert [finding.code for finding in findings] == codes


def test_a_mask_makes_a_z_scored_image_usable() -> None:
    image = image_of(rng.normal(0, 1, 4096).astype(np.float32))
    for has_mask, severity in ((True, "warning"), (False, "error")):
        (finding,) = find_odd_intensities("t1", measure_intensities(image), image.size, has_mask=has_mask)
        assert finding.severity == severity


def coarse(images: dict[str, np.ndarray], affine: np.ndarray) -> object:
    return coarse_case({k: v.astype(np.float32) for k, v in images.items()}, dict.fromkeys(images, 0.0), affine, None)


def test_coverage_says_where_the_image_stops() -> None:
    phantom = subject(1, 1, 48)
    case = coarse(half_covered(dict(phantom.images), phantom), phantom.affine)
    measures = measure_coverage(case)  # type: ignore[arg-type]
    (finding,) = find_uncovered(case, measures)  # type: ignore[arg-type]
    assert finding.modality == "flair"
    assert finding.value == pytest.approx(0.5, abs=0.1)
    assert "at the back of the head" in finding.text


def test_coarse_voxels_lie_where_the_fine_ones_lay() -> None:
    fine = np.zeros((30, 30, 30), np.float32)
    fine[10:12, 14:16, 20:22] = 5  # one coarse voxel, if the box begins at an even place
    fine[4, 4, 4] = 1
    affine = np.array([[1, 0, 0, -7], [0, 1, 0, 3], [0, 0, 1, 9], [0, 0, 0, 1.0]])
    case = coarse_case({"t1": fine}, {"t1": 0.0}, affine, None)
    brightest = np.argwhere(case.images["t1"] == 5)
    assert len(brightest) == 1
    where = case.affine @ [*brightest[0], 1]
    np.testing.assert_allclose(where[:3], affine[:3, :3] @ [10.5, 14.5, 20.5] + affine[:3, 3])


def test_signatures_tell_copies_from_other_images() -> None:
    phantom, other = subject(1, 1, 48), subject(3, 3, 64)
    one = coarse(duplicate(dict(phantom.images), phantom), phantom.affine)
    two = coarse(dict(other.images), other.affine)
    signatures = [signature(one, "t1"), signature(two, "t1"), signature(one, "t1ce"), signature(two, "t2")]  # type: ignore[arg-type]
    assert [pair[:2] for pair in alike_pairs(signatures, ["a", "b", "c", "d"], ALIKE)] == [(0, 2)]
    assert list(alike_pairs(signatures, ["a", "b", "a", "d"], ALIKE)) == []
    assert list(alike_pairs([], [], ALIKE)) == []
