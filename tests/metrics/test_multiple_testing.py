"""Holm and Bonferroni."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.errors import UsageError
from scanfill.metrics.multiple_testing import bonferroni, holm

few = settings(deadline=None, max_examples=30)
p_values = st.lists(st.floats(0, 1) | st.none(), max_size=20)


def test_holm_is_as_by_hand() -> None:
    # .01 x 4, .02 x 3, then .03 x 2 = .06 but not below .06, and .04 x 1, not below it either.
    assert holm([0.04, 0.01, 0.03, 0.02], 4) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_planned_tests_that_were_not_run_still_count() -> None:
    assert holm([0.01, 0.02], 10) == pytest.approx([0.1, 0.18])
    assert bonferroni([0.01, 0.2], 10) == pytest.approx([0.1, 1.0])


def test_a_test_without_a_p_stays_without_and_counts() -> None:
    assert holm([None, 0.01], 2) == [None, 0.02]
    assert bonferroni([None, 0.01], 2) == [None, 0.02]


@few
@given(p_values, st.integers(0, 5))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(ps: list[float | None], unrun: int) -> None:
    size = len(ps) + unrun
    triples = [(p, h, b) for p, h, b in zip(ps, holm(ps, size), bonferroni(ps, size), strict=True) if p is not None]
    assert all(p <= h <= b <= 1 for p, h, b in triples if h is not None and b is not None)
    assert [h for _, h, _ in sorted(triples)] == sorted(h for _, h, _ in triples if h is not None)


def test_the_chance_of_any_false_claim_stays_below_alpha() -> None:
    draws = np.random.default_rng(0).random((1000, 20))
    false = [any(p < 0.05 for p in holm(row.tolist(), 20) if p is not None) for row in draws]
    assert np.mean(false) == pytest.approx(0.05, abs=0.02)


def test_a_family_smaller_than_its_tests_is_refused() -> None:
    for correct in (holm, bonferroni):
        with pytest.raises(UsageError, match="family of 1 cannot contain 2 tests"):
            correct([0.1, 0.2], 1)
