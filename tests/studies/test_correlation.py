"""Correlations with intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.studies.statistics import pearson, spearman

few = settings(deadline=None, max_examples=25)
pairs = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=4, max_size=25)


@pytest.mark.parametrize("seed", range(4))
def test_both_agree_with_scipy(seed: int) -> None:
    x, noise = np.random.default_rng(seed).normal(size=(2, 15))
    y = 0.5 * x + noise
    linear, ranks = pearson(x, y), spearman(x, y)
    assert (linear.r, linear.p) == pytest.approx(tuple(stats.pearsonr(x, y)))
    assert (linear.low, linear.high) == pytest.approx(tuple(stats.pearsonr(x, y).confidence_interval()))
    assert (ranks.r, ranks.p) == pytest.approx(tuple(stats.spearmanr(x, y)))


def test_the_interval_of_ranks_is_that_of_bonett_and_wright() -> None:
    x = np.arange(1.0, 11)
    y = np.array([2.0, 1, 4, 3, 6, 5, 8, 7, 10, 9])  # ten ranks off by one: r = 1 - 6 x 10 / 990
    found = spearman(x, y)
    r = 1 - 60 / 990
    half = 1.959964 * math.sqrt((1 + r**2 / 2) / 7)
    assert found.r == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx((math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))


def test_intervals_cover_the_truth() -> None:
    generator = np.random.default_rng(0)
    truth = 0.6
    ranks_truth = 6 / math.pi * math.asin(truth / 2)
    hits: list[tuple[bool, bool]] = []
    for _ in range(250):
        x, y = generator.multivariate_normal([0, 0], [[1, truth], [truth, 1]], 15).T
        linear, ranks = pearson(x, y), spearman(x, y)
        assert linear.low is not None
        assert linear.high is not None
        assert ranks.low is not None
        assert ranks.high is not None
        hits.append((linear.low < truth < linear.high, ranks.low < ranks_truth < ranks.high))
    assert np.mean(hits, axis=0) == pytest.approx([0.95, 0.95], abs=0.035)


@few
@given(pairs)
def test_a_scale_changes_nothing_and_a_sign_mirrors(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, float).T
    for correlate in (pearson, spearman):
        found, scaled, mirrored = correlate(x, y), correlate(3 * x + 1, y), correlate(-x, y)
        if found.r is None:
            assert "not vary" in found.reason or "neither variable varies" in found.reason
            assert scaled.r is mirrored.r is None
            continue
        assert -1 <= found.r <= 1
        assert scaled.r == pytest.approx(found.r)
        assert mirrored.r == pytest.approx(-found.r)
        if found.low is not None and found.high is not None:
            assert found.low <= found.r <= found.high
            assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
        else:
            assert found.reason


@pytest.mark.parametrize("correlate", [pearson, spearman])
def test_what_cannot_be_known_says_why(correlate: object) -> None:
    found = [
        correlate(*given).reason  # type: ignore[operator]
        for given in (
            ([1, 1, 1, 1], [1, 2, 3, 4]),
            ([1, 2, 3, 4], [2, 2, 2, 2]),
            ([1, 1, 1], [2, 2, 2]),
            ([1, 2], [3, 5]),
            ([1, 2, 3], [3, 5, 4]),
            ([1, 2, 3, 4], [2, 4, 6, 8]),
        )
    ]
    assert found == [
        "the first variable does not vary",
        "the second variable does not vary",
        "neither variable varies",
        "2 patient(s): two always lie on a line, so a correlation needs three",
        "3 patients: an interval needs four",
        "all points lie on one line or order: Fisher's interval is not defined",
    ]


def test_patients_without_a_tumour_are_left_out_and_counted() -> None:
    found = pearson([1.0, math.nan, 2, 4, 3], [2.0, 9, 3, 5, 5])
    assert found.patients == 4
    assert found.r == pytest.approx(stats.pearsonr([1, 2, 4, 3], [2, 3, 5, 5]).statistic)
    assert found.reason == "1 patient(s) without a value left out"


@pytest.mark.parametrize("wrong", [([1, 2, 3], [1, 2]), ([1, 2, math.inf], [1, 2, 3]), ([[1, 2, 3]], [[1, 2, 3]])])
def test_vectors_that_do_not_match_are_refused(wrong: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="two vectors of one length"):
        pearson(*wrong)
