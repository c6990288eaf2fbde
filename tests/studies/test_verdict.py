"""Comparison, verdict, and the row it becomes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from scanfill.errors import UsageError
from scanfill.studies.statistics import (
    HELD_OUT,
    Bootstrap,
    Family,
    between_seeds,
    compare,
    describe_methods,
    judge,
    table_row,
)
from score_rows import paired

if TYPE_CHECKING:
    from scanfill.studies.statistics import Judged, PairedScores

quick = Bootstrap(draws=500)
MARGINS = {"dice_WT": 0.02, "dice_CET": 0.05}
THREE_SEEDS = {"0": 0.10, "1": 0.11, "2": 0.12}


def spread(mean: float, sd: float, n: int = 15) -> list[float]:
    """Differences with exactly this mean and sample SD."""
    values = np.random.default_rng(n).normal(size=n)
    return (mean + sd * (values - values.mean()) / values.std(ddof=1)).tolist()


def judged(pairs: PairedScores, size: int = 4) -> Judged:
    (result,) = judge([compare(pairs, quick, MARGINS)], Family(size))
    return result


def test_a_comparison_sums_up_both_and_their_difference() -> None:
    found = compare(paired(spread(0.1, 0.05)), quick)
    assert (found.reference_values.mean, found.reference_values.sd, found.reference_values.median) == (0.5, 0.0, 0.5)
    assert found.values.mean == pytest.approx(0.6)
    assert found.difference.sd == pytest.approx(0.05)
    assert found.t_test.statistic == pytest.approx(0.1 / 0.05 * 15**0.5)


def test_a_clear_gain_is_better_and_a_clear_loss_worse() -> None:
    seeds = dict(THREE_SEEDS)
    gain = judged(paired(spread(0.1, 0.05), seed_differences=seeds))
    assert gain.verdict == "better"
    assert "+0.1" in gain.why
    assert judged(paired(spread(-0.1, 0.05), seed_differences=seeds)).verdict == "worse"


def test_of_a_distance_less_is_better() -> None:
    pairs = paired(spread(-3.0, 1.0), score="hd95_WT", seed_differences={"0": -2.9, "1": -3.1})
    found = judged(pairs)
    assert found.verdict == "better"
    assert found.comparison.equivalence.reason == "no margin was set for this score"


def test_of_a_volume_neither_is() -> None:
    found = judged(paired(spread(-3.0, 1.0), score="volume_ml_WT", seed_differences={"0": -2.9, "1": -3.1}))
    assert (found.verdict, found.why) == ("undecided", "higher is neither better nor worse for this score")


def test_to_be_as_good_as_a_reference_that_fails_says_nothing() -> None:
    pairs = paired(spread(0.001, 0.002))
    assert judged(pairs).verdict == "as good as the reference"
    failing = replace(
        pairs, values=tuple(value - 0.4 for value in pairs.values), reference_values=(0.1,) * len(pairs.values)
    )
    found = judged(failing)
    assert found.verdict == "undecided"
    assert "itself fails (mean 0.10)" in found.why


def test_one_seed_cannot_say_better() -> None:
    found = judged(paired(spread(0.1, 0.01)))
    assert found.verdict == "undecided"
    assert "one seed" in found.why


def test_a_difference_no_larger_than_between_seeds_is_undecided() -> None:
    found = judged(paired(spread(0.1, 0.05), seed_differences={"0": 0.0, "1": 0.2}))
    assert found.verdict == "undecided"
    assert "does not exceed the between-seed SD (0.141)" in found.why


def test_what_is_significant_alone_may_not_be_in_its_family() -> None:
    pairs = paired(spread(0.03, 0.05), seed_differences={"0": 0.03, "1": 0.031})
    alone, among_many = judged(pairs, size=1), judged(pairs, size=60)
    assert alone.verdict == "better"
    assert among_many.verdict == "undecided"
    assert among_many.why == "not significant in its family"
    assert among_many.t_test.holm == pytest.approx(min(1, 60 * stats.ttest_1samp(pairs.differences, 0).pvalue))


def test_the_interval_must_exclude_zero() -> None:
    comparison = compare(paired(spread(0.1, 0.05), seed_differences=THREE_SEEDS), quick)
    wide = replace(comparison, interval=replace(comparison.interval, low=-0.01))
    (found,) = judge([wide], Family(1))
    assert (found.verdict, found.why) == ("undecided", "the interval includes 0")


def test_within_the_margin_is_as_good_as_complete_also_where_it_is_significant() -> None:
    pairs = paired(spread(-0.005, 0.01, 200), seed_differences={"0": -0.005, "1": -0.0051})
    found = judged(pairs)
    assert found.t_test.holm is not None
    assert found.t_test.holm < 0.05
    assert found.verdict == "as good as the reference"
    assert found.why == "the difference (-0.005) is shown to be within 0.02; a smaller difference was found"


def test_no_significance_is_not_equivalence() -> None:
    assert judged(paired(spread(0.0, 0.1), seed_differences=THREE_SEEDS)).verdict == "undecided"


def test_equivalence_is_corrected_for_the_family_too() -> None:
    pairs = paired(spread(0.0, 0.03))
    assert judged(pairs, size=1).verdict == "as good as the reference"
    assert judged(pairs, size=60).verdict == "undecided"


def test_the_same_prediction_is_as_good_with_fifteen_patients_and_undecided_with_two() -> None:
    same = judged(paired([0.0] * 15))
    assert (same.verdict, same.why) == ("as good as the reference", "the scores are identical in every patient")
    assert judged(paired([0.0] * 2)).verdict == "undecided"


@pytest.mark.parametrize("values", [[0.1], [0.1, 0.3], [0.1, 0.1], [0.0, 0.0], [0.2] * 15, [0.0] * 15, [0.0, 0.1, 0.1]])
def test_degenerate_differences_are_stated_and_never_nan(values: list[float]) -> None:
    row = table_row(judged(paired(values)))
    assert not any(isinstance(value, float) and math.isnan(value) for value in row.values())
    unknown = [key for key, value in row.items() if value is None]
    assert not unknown or row["notes"]
    assert row["verdict"] in ("undecided", "as good as the reference")
    assert row["why"]


def test_fewer_patients_than_asked_for_get_no_verdict() -> None:
    comparison = compare(paired(spread(0.1, 0.02, n=9), seed_differences=THREE_SEEDS), quick, MARGINS)
    verdicts = [judge([comparison], Family(1), least)[0] for least in (0, 9, 10)]
    assert [found.verdict for found in verdicts] == ["better", "better", "withheld"]
    assert verdicts[2].why == "9 different patients are fewer than the study asks for"
    assert verdicts[2].smallest == verdicts[1].smallest


def test_the_paper_variant_decides_at_its_own_level() -> None:
    pairs = paired(spread(0.05, 0.05), seed_differences={"0": 0.05, "1": 0.051})
    p = stats.ttest_1samp(pairs.differences, 0).pvalue
    assert 0.0005 < p < 0.0025
    verdicts = [
        judge([compare(pairs, quick, MARGINS)], Family(100, variant))[0].verdict for variant in ("holm", "paper")
    ]
    assert verdicts == ["undecided", "better"]


def test_a_row_holds_family_level_and_smallest_difference() -> None:
    row = table_row(judged(paired(spread(0.1, 0.05), seed_differences=THREE_SEEDS), size=48))
    assert (row["patients"], row["cases"], row["seeds"], row["family_size"]) == (15, 15, 3, 48)
    assert row["alpha_of_one_test"] == pytest.approx(0.05 / 48)
    assert row["seed_sd"] == pytest.approx(0.01)
    assert row["smallest_difference"] == pytest.approx(0.0669, abs=0.001)
    assert row["notes"] == ""


def test_the_footnotes_state_family_margins_and_bootstrap() -> None:
    text = " ".join(describe_methods(Family(48), Bootstrap(seed=7), MARGINS))
    for part in ("family of 48 tests", "10,000 draws", "seed 7", "dice_WT 0.02", "dice_CET 0.05", "zeros after Pratt"):
        assert part in text
    assert "0.0025, as in the paper" in " ".join(describe_methods(Family(48, "paper")))


def test_a_table_with_a_row_twice_or_two_evaluations_is_refused() -> None:
    comparison = compare(paired(spread(0.1, 0.05)), quick)
    with pytest.raises(UsageError, match="occurs twice in the table"):
        judge([comparison, comparison], Family(4))
    other = replace(comparison, pairs=replace(comparison.pairs, strategy="dropout", evaluation=HELD_OUT))
    with pytest.raises(UsageError, match=r"\['cross_validation', 'held_out'\], which are never mixed"):
        judge([comparison, other], Family(4))


def test_the_spread_between_seeds_is_unknown_with_one_and_rough_with_two() -> None:
    one, two, three = (between_seeds(dict(list(THREE_SEEDS.items())[:n])) for n in (1, 2, 3))
    assert one.sd is None
    assert "unknown" in one.reason
    assert two.sd == pytest.approx(0.01 / 2**0.5)
    assert "rough" in two.reason
    assert (three.sd, three.reason) == (pytest.approx(0.01), "")
