"""IntensityHistogram."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scanfill.report.exploration.intensity_histogram import BINS, IntensityHistogram, pooled

WHOLE = arrays.arrays(np.float32, st.integers(1, 60), elements=st.integers(-1000, 3000).map(float))
REAL = arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(-50, 900, width=32))
EDGES = st.lists(st.floats(-2000, 4000), min_size=2, max_size=9, unique=True).map(lambda edges: np.array(sorted(edges)))


@given(WHOLE | REAL, EDGES, st.booleans())
def test_other_bins_hold_the_same_voxels(values: np.ndarray, edges: np.ndarray, zeros: bool) -> None:
    histogram = IntensityHistogram.of(values)
    assert (histogram.counts >= 0).all()
    assert histogram.number == values.size
    counts = histogram.rebin(edges, zeros=zeros)
    assert counts.sum() == pytest.approx(values.size if zeros else np.count_nonzero(values))
    assert (counts >= -1e-9).all()


@given(WHOLE, st.floats(0.01, 1))
def test_a_quantile_is_exact_to_the_width_of_a_bin(values: np.ndarray, share: float) -> None:
    histogram = IntensityHistogram.of(values)
    exact = np.sort(values)[max(math.ceil(share * values.size - 1e-9), 1) - 1]
    assert abs(histogram.quantile(share) - exact) <= (histogram.edges[1] - histogram.edges[0]) / 2


def test_whole_numbers_leave_no_gaps() -> None:
    values = np.arange(-1024, 3072, dtype=np.float32)
    histogram = IntensityHistogram.of(values)
    assert len(histogram.counts) <= BINS
    full = histogram.rebin(histogram.edges)
    assert len(set(full.tolist())) == 1


def test_zeros_are_counted_apart_and_can_be_left_out() -> None:
    histogram = IntensityHistogram.of(np.array([0, 0, 0, 5, 7], np.float32))
    assert (histogram.zeros, histogram.number) == (3, 5)
    assert histogram.quantile(0.5) == 0
    assert histogram.quantile(0.5, zeros=False) == 5
    assert math.isnan(IntensityHistogram.of(np.zeros(4, np.float32)).quantile(0.5, zeros=False))


def test_each_image_counts_equally_however_large_it_is() -> None:
    small, large = (IntensityHistogram.of(np.full(size, value, np.float32)) for size, value in ((10, 1), (1000, 3)))
    np.testing.assert_allclose(pooled([small, large], np.array([0.0, 2.0, 4.0]), zeros=True), [0.5, 0.5])
