"""robust_z."""

from __future__ import annotations

import numpy as np

from scanfill.metrics.robust_outliers import robust_z


def test_robust_z_counts_in_standard_deviations() -> None:
    values = np.random.default_rng(0).normal(5, 2, 10_000)
    np.testing.assert_allclose(robust_z(values), (values - 5) / 2, atol=0.15)


def test_equal_values_are_no_outliers() -> None:
    assert not robust_z(np.ones(5)).any()


def test_a_single_other_value_among_equal_ones_is_an_outlier() -> None:
    z = robust_z(np.array([1.0] * 9 + [2.0]))
    assert z[-1] > 3.5
    assert not z[:-1].any()
