"""count_errors and map_errors."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scanfill.metrics.error_kinds import KINDS, ErrorCount, count_errors, map_errors

SHAPE = (12, 12)


def square(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


def test_errors_of_a_hand_drawn_case_are_counted_by_kind() -> None:
    """The truth of a fills rows 0 to 8, that of b rows 6 to 11; both own rows 6 to 8, all 12 columns."""
    everywhere = slice(None)
    truth = {"a": square(slice(0, 9), everywhere), "b": square(slice(6, 12), everywhere)}
    prediction = {name: mask.copy() for name, mask in truth.items()}
    prediction["a"][0, 0] = False  # 9 voxels from row 9, owned by a alone: missed, interior, single
    prediction["a"][8, 1:3] = False  # next to row 9, owned by both: missed, boundary, overlapping
    prediction["a"][9, 3] = True  # next to row 8, owned by b alone: added, boundary, single
    prediction["b"][8, 5] = False  # 3 voxels from row 5, owned by both: missed, interior, overlapping
    counts = count_errors(prediction, truth, band=1)
    assert {kind: (count.missed, count.added) for kind, count in counts.items()} == {
        "boundary, single": (0, 1),
        "boundary, overlapping": (2, 0),
        "interior, single": (1, 0),
        "interior, overlapping": (1, 0),
    }
    # At the boundary and overlapping: a in row 8, b in row 6.
    assert counts["boundary, overlapping"].marked == 24
    errors = map_errors(prediction, truth, band=1)
    expected = np.zeros(SHAPE, np.uint8)
    expected[0, 0], expected[8, 1:3], expected[9, 3], expected[8, 5] = 3, 2, 1, 4
    np.testing.assert_array_equal(errors, expected)


def test_a_structure_that_is_absent_from_the_truth_has_no_boundary() -> None:
    counts = count_errors({"a": square(slice(3, 5), slice(3, 5))}, {"a": np.zeros(SHAPE, bool)})
    assert counts["interior, single"] == ErrorCount(missed=0, added=4, marked=4)
    assert sum(count.wrong for count in counts.values()) == 4


def test_a_voxel_with_two_errors_shows_the_more_serious_one() -> None:
    truth = {"a": square(slice(0, 12), slice(0, 12)), "b": square(slice(0, 6), slice(0, 12))}
    nothing = {name: np.zeros(SHAPE, bool) for name in truth}
    assert map_errors(nothing, truth, band=1)[5, 0] == 1 + KINDS.index("interior, overlapping")


MASKS = arrays.arrays(bool, (2, 2, 5, 6))


@given(MASKS, st.floats(0, 4))
def test_every_error_is_of_one_kind(masks: np.ndarray, band: float) -> None:
    prediction, truth = (dict(zip("ab", pair, strict=True)) for pair in masks)
    counts = count_errors(prediction, truth, band)
    wrong = {name: prediction[name] ^ truth[name] for name in truth}
    assert sum(count.wrong for count in counts.values()) == sum(map(np.count_nonzero, wrong.values()))
    assert sum(count.marked for count in counts.values()) == np.count_nonzero(masks[0] | masks[1])
    np.testing.assert_array_equal(map_errors(prediction, truth, band) > 0, wrong["a"] | wrong["b"])


@given(MASKS)
def test_a_wider_band_moves_errors_from_the_interior_to_the_boundary(masks: np.ndarray) -> None:
    prediction, truth = (dict(zip("ab", pair, strict=True)) for pair in masks)
    narrow, wide = (count_errors(prediction, truth, band) for band in (1, 3))
    for where in ("single", "overlapping"):
        assert narrow[f"boundary, {where}"].wrong <= wide[f"boundary, {where}"].wrong
