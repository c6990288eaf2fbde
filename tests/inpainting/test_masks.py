"""Masks of lesions: cut out, deformed, drawn, and placed only in allowed tissue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scanfill.errors import CaseError
from scanfill.inpainting import check_placed, cut_lesions, deform_lesion, draw_lesion, place_lesion

SHELLS = [(2, 1.0), (3, 0.6), (1, 0.4)]


def two_lesions() -> Any:
    label = np.zeros((20, 18, 16), np.uint8)
    label[2:8, 2:8, 2:8] = 2
    label[4:6, 4:6, 4:6] = 1
    label[14:16, 12:14, 10:12] = 3
    return label


def test_lesions_are_cut_out_with_all_their_parts_the_largest_first() -> None:
    large, small = cut_lesions(two_lesions())
    assert large.shape == (6, 6, 6)
    assert [int((large == part).sum()) for part in (0, 1, 2, 3)] == [0, 8, 208, 0]
    assert small.shape == (2, 2, 2)
    assert len(cut_lesions(two_lesions(), smallest=9)) == 1
    assert cut_lesions(np.zeros((4, 4))) == []


def test_a_lesion_in_the_box_of_another_is_left_out_of_it() -> None:
    label = np.zeros((9, 9), np.uint8)
    label[0, :] = label[:, 0] = 1
    label[5, 5] = 2
    assert [lesion.max() for lesion in cut_lesions(label)] == [1, 2]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**16), dims=st.sampled_from([2, 3]))
def test_a_placed_lesion_is_whole_and_only_in_allowed_tissue(seed: int, dims: int) -> None:
    rng = np.random.default_rng(seed)
    lesion = draw_lesion(2.5, (1.0,) * dims, rng, SHELLS)  # at most 11 voxels wide
    allowed = ndimage.binary_opening(rng.uniform(size=(20,) * dims) < 0.97, iterations=1)
    allowed[:12, :12] = True
    placed = place_lesion(lesion, allowed, rng)
    assert not (placed.astype(bool) & ~allowed).any()
    assert np.array_equal(np.bincount(placed[placed > 0]), np.bincount(lesion[lesion > 0]))
    check_placed(placed, allowed, "x", [1, 2, 3])


def test_every_place_is_reached_and_no_other() -> None:
    allowed = np.zeros((6, 6), bool)
    allowed[1:4, 2:5] = True
    lesion = np.ones((2, 2), np.uint8)
    rng = np.random.default_rng(0)
    starts = {tuple(np.argwhere(place_lesion(lesion, allowed, rng))[0]) for _ in range(60)}
    assert starts == {(1, 2), (1, 3), (2, 2), (2, 3)}


def test_a_lesion_that_fits_nowhere_or_is_empty_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CaseError, match="a lesion of 27 voxels, 3 x 3 x 3, fits nowhere in the 8 voxels"):
        place_lesion(np.ones((3, 3, 3), np.uint8), np.ones((2, 2, 2), bool), rng)
    with pytest.raises(CaseError, match="is empty"):
        place_lesion(np.zeros((3, 3), np.uint8), np.ones((5, 5), bool), rng)


def test_a_mask_that_cannot_be_used_is_refused_with_the_reason() -> None:
    allowed = np.ones((4, 4), bool)
    allowed[0] = False
    mask = np.zeros((4, 4), np.uint8)
    with pytest.raises(CaseError, match="is empty"):
        check_placed(mask, allowed, "Case 'c'")
    mask[2, 2] = 4
    with pytest.raises(CaseError, match="holds 4, but lesions consist of 1, 2"):
        check_placed(mask, allowed, "Case 'c'", [1, 2])
    with pytest.raises(CaseError, match=r"has shape \(4, 4\), but the images \(5, 4\)"):
        check_placed(mask, np.ones((5, 4), bool), "Case 'c'")
    mask[0, 1] = 1
    with pytest.raises(CaseError, match=r"1 of 2 voxels, the first at \(0, 1\), lie outside the tissue"):
        check_placed(mask, allowed, "Case 'c'", [1, 4])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 4.0), (1.0, 1.0)])
def test_a_drawn_lesion_has_the_size_that_was_asked_for_and_its_shells(spacing: tuple[float, ...]) -> None:
    dims, radius = len(spacing), 12.0
    expected = np.pi * radius**2 if dims == 2 else 4 / 3 * np.pi * radius**3
    drawn = [draw_lesion(radius, spacing, np.random.default_rng(seed), SHELLS) for seed in range(12)]
    sizes = [np.count_nonzero(lesion) * np.prod(spacing) for lesion in drawn]
    assert np.mean(sizes) == pytest.approx(expected, rel=0.25)
    assert all(set(np.unique(lesion)) == {0, 1, 2, 3} for lesion in drawn)
    inner = [ndimage.binary_dilation(lesion == 1)[(lesion != 1)] for lesion in drawn]
    assert all(part.any() for part in inner)
    for lesion in drawn:
        touching = lesion[ndimage.binary_dilation(lesion == 1) & (lesion != 1)]
        most = 0.9 if max(spacing) == 1 else 0.5  # the rim is 2.4 mm thick
        assert (touching == 3).mean() > most, "the core lies inside the rim"


def test_a_lesion_smaller_than_a_voxel_is_one_voxel() -> None:
    assert draw_lesion(0.1, (4.0, 4.0), np.random.default_rng(0)).shape == (1, 1)
    with pytest.raises(ValueError, match="radius above 0"):
        draw_lesion(0, (1.0, 1.0), np.random.default_rng(0))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 3.0)])
def test_a_deformed_lesion_keeps_about_its_volume_and_has_another_shape(spacing: tuple[float, ...]) -> None:
    lesion = draw_lesion(10, spacing, np.random.default_rng(1), SHELLS)
    deformed = [deform_lesion(lesion, spacing, np.random.default_rng(seed)) for seed in range(12)]
    volumes = [np.count_nonzero(each) / np.count_nonzero(lesion) for each in deformed]
    assert np.mean(volumes) == pytest.approx(1, abs=0.2)
    assert np.std(volumes) > 0.03
    assert len({each.shape for each in deformed}) > 4
    assert all(set(np.unique(each)) == {0, 1, 2, 3} for each in deformed)
    same = deform_lesion(lesion, spacing, np.random.default_rng(3))
    assert np.array_equal(same, deformed[3])


def test_a_lesion_of_one_voxel_survives_a_deformation() -> None:
    lesion = np.ones((1, 1, 1), np.uint8)
    for seed in range(20):
        assert deform_lesion(lesion, (1.0, 1.0, 1.0), np.random.default_rng(seed)).any()


def test_a_small_largest_turn_keeps_a_lesion_nearly_as_it_lies() -> None:
    bar = np.ones((31, 5), np.uint8)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        turned = deform_lesion(bar, (1.0, 1.0), rng, displacement=0, scales=(1, 1), largest_turn=0.2)
        assert turned.shape[0] > 2 * turned.shape[1]
    block = np.ones((9, 3, 3), np.uint8)
    kept = deform_lesion(block, (1.0,) * 3, np.random.default_rng(0), displacement=0, scales=(1, 1), largest_turn=0)
    assert np.array_equal(kept, block)


def test_a_larger_distance_of_the_free_points_makes_a_smoother_lesion() -> None:
    def border(coarse: float) -> float:
        drawn = [draw_lesion(24, (1.0, 1.0), np.random.default_rng(seed), coarse=coarse) != 0 for seed in range(8)]
        rims = [mask & ~ndimage.binary_erosion(np.pad(mask, 1))[1:-1, 1:-1] for mask in drawn]
        return float(np.mean([rim.sum() / np.sqrt(mask.sum()) for rim, mask in zip(rims, drawn, strict=True)]))

    assert border(24) < 0.8 * border(6)
