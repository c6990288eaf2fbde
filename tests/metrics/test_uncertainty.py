"""Whether an uncertainty map knows where an image is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import laplace

from scanfill.metrics.uncertainty import interval_coverage, interval_half_width, rank_agreement

RNG = np.random.default_rng(0)
VARIANCE = np.exp(RNG.uniform(-3, 1, (20, 20, 20)))
ERROR = np.abs(RNG.laplace(0, np.sqrt(VARIANCE / 2)))
EVERYWHERE = np.ones_like(ERROR)


def test_ranks_agree_whatever_the_scale_of_the_uncertainty() -> None:
    truth = rank_agreement(ERROR, VARIANCE, EVERYWHERE)
    assert 0.2 < truth < 0.9
    assert rank_agreement(ERROR, np.log(VARIANCE), EVERYWHERE) == pytest.approx(truth)
    assert rank_agreement(ERROR, -VARIANCE, EVERYWHERE) == pytest.approx(-truth)
    assert rank_agreement(ERROR, ERROR**2, EVERYWHERE) == pytest.approx(1)


def test_an_uncertainty_that_knows_nothing_agrees_with_nothing() -> None:
    assert abs(rank_agreement(ERROR, RNG.normal(size=ERROR.shape), EVERYWHERE)) < 0.05


def test_only_the_region_counts() -> None:
    region = EVERYWHERE.copy()
    region[10:] = 0
    spoiled = np.where(region > 0, VARIANCE, -ERROR)
    assert rank_agreement(ERROR, spoiled, region) == rank_agreement(ERROR[:10], VARIANCE[:10], EVERYWHERE[:10])
    assert interval_coverage(np.where(region > 0, ERROR, 99), np.log(VARIANCE), region) == interval_coverage(
        ERROR[:10], np.log(VARIANCE[:10]), EVERYWHERE[:10]
    )


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_interval_is_that_of_a_laplace_distribution(share: float) -> None:
    expected = laplace.interval(share, scale=np.sqrt(VARIANCE / 2))[1]
    np.testing.assert_allclose(interval_half_width(np.log(VARIANCE), share), expected)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_right_uncertainty_covers_its_nominal_share(share: float) -> None:
    assert interval_coverage(ERROR, np.log(VARIANCE), EVERYWHERE, share) == pytest.approx(share, abs=0.02)
    assert interval_coverage(ERROR, np.log(VARIANCE) - 2, EVERYWHERE, share) < share - 0.1


def test_nothing_to_compare_is_nan() -> None:
    assert math.isnan(rank_agreement(ERROR, VARIANCE, np.zeros_like(ERROR)))
    assert math.isnan(rank_agreement(ERROR, EVERYWHERE, EVERYWHERE))
    assert math.isnan(interval_coverage(ERROR, VARIANCE, np.zeros_like(ERROR)))


@pytest.mark.parametrize("share", [0, 1, 90])
def test_a_share_that_is_no_probability_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"`share` \(="):
        interval_half_width(np.zeros(1), share)
