"""The verdict on each strategy of a table, following a rule set before the results are seen.

"withheld" where there are fewer different patients than the study asks for. Otherwise, in this order:

1. "as good as the reference" if equivalence passes: the difference is shown to be within the margin. This holds even
   if the difference is significant, because the margin defines what is too small to matter, and in a large cohort even
   tiny differences are significant; the verdict's text then states that a difference was found. It does not hold if the
   reference itself fails (mean Dice below .5): a comparison must be able to distinguish good from bad, which is called
   assay sensitivity (ICH E10, 1.5), and any two networks that find nothing are equivalent.
2. "better" or "worse" if the paired t-test passes in its family, the bootstrap interval excludes 0, and the difference
   exceeds the between-seed SD. With one seed, that SD is unknown, and neither verdict is given.
3. "undecided" otherwise, with the conditions that were not met. It never means "no difference".

Tests of difference are corrected as one family, and so are tests of equivalence, because a table of sixty unadjusted
claims of equivalence would be expected to contain three false ones. The t-test decides, not Wilcoxon's: the interval,
the margin and the smallest difference all concern the mean, and a signed-rank test can point in the opposite direction.
``paper`` uses .0025 for each test instead of Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scanfill.errors import UsageError
from scanfill.metrics.multiple_testing import bonferroni, holm
from scanfill.studies.statistics.comparison import Comparison
from scanfill.studies.statistics.multiplicity import Family
from scanfill.studies.statistics.power import SmallestDifference, smallest_difference

Verdict = Literal["better", "worse", "as good as the reference", "undecided", "withheld"]

MORE_IS_BETTER = {"dice": True, "precision": True, "sensitivity": True, "hd95": False}
"""Score -> whether higher is better; for other scores, such as volumes, higher is neither better nor worse."""

FAILS_BELOW = 0.5
"""Mean Dice of a reference below which being as good as the reference is meaningless."""


@dataclass(frozen=True)
class Corrected:
    """One p-value after correction for its family; None if the test gave none."""

    holm: float | None
    bonferroni: float | None


@dataclass(frozen=True)
class Judged:
    """A comparison within its table.

    Attributes:
        comparison: The comparison by itself.
        family: The tests it was corrected with.
        t_test: Corrected p of the mean difference.
        signed_rank: Corrected p of Wilcoxon's test.
        equivalence: Corrected p of the two one-sided tests.
        smallest: The smallest difference that could have been detected.
        verdict: See the rule at the top of this file.
        why: The reason for the verdict, in words.
    """

    comparison: Comparison
    family: Family
    t_test: Corrected
    signed_rank: Corrected
    equivalence: Corrected
    smallest: SmallestDifference
    verdict: Verdict
    why: str

    @property
    def is_significant(self) -> bool:
        """Whether the t-test passes in its family."""
        return self.family.passes(self.comparison.t_test.p, self.t_test.holm)


def judge(comparisons: Sequence[Comparison], family: Family, least_patients: int = 0) -> list[Judged]:
    """Correct the comparisons of one table for multiple testing, and give each a verdict.

    Args:
        comparisons: All comparisons of the family that were run, each strategy and score once.
        family: The family, with the number of tests planned.
        least_patients: The verdict is withheld where there are fewer different patients, of all folds together.

    Raises:
        UsageError: There are more comparisons than the family has, a duplicate, or both cross-validation and held-out
            test.
    """
    _check_table(comparisons)
    corrected = [
        [Corrected(*both) for both in zip(holm(ps, family.size), bonferroni(ps, family.size), strict=True)]
        for ps in (
            [comparison.t_test.p for comparison in comparisons],
            [comparison.signed_rank.p for comparison in comparisons],
            [comparison.equivalence.p for comparison in comparisons],
        )
    ]
    judged = [_judge_one(comparison, family, *ps) for comparison, *ps in zip(comparisons, *corrected, strict=True)]
    return [_withheld(one) if len(one.comparison.pairs.patients) < least_patients else one for one in judged]


def _judge_one(
    comparison: Comparison, family: Family, t_test: Corrected, signed_rank: Corrected, equivalence: Corrected
) -> Judged:
    differs = family.passes(comparison.t_test.p, t_test.holm)
    equivalent = family.passes(comparison.equivalence.p, equivalence.holm)
    verdict, why = _decide(comparison, differs=differs, equivalent=equivalent)
    patients = len(comparison.pairs.patients)
    smallest = smallest_difference(comparison.difference.sd, patients, family.alpha_of_one)
    return Judged(comparison, family, t_test, signed_rank, equivalence, smallest, verdict, why)


def _withheld(judged: Judged) -> Judged:
    patients = len(judged.comparison.pairs.patients)
    return replace(judged, verdict="withheld", why=f"{patients} different patients are fewer than the study asks for")


def _decide(comparison: Comparison, *, differs: bool, equivalent: bool) -> tuple[Verdict, str]:
    mean = comparison.difference.mean
    direction = MORE_IS_BETTER.get(comparison.pairs.score.partition("_")[0])
    if equivalent and (reference := comparison.reference_values.mean) < FAILS_BELOW:
        why = f"within {comparison.equivalence.margin:g} of the reference, which itself fails (mean {reference:.2f})"
        return "undecided", why
    if equivalent:
        within = f"the difference ({mean:+.3g}) is shown to be within {comparison.equivalence.margin:g}"
        if comparison.difference.sd == 0 and mean == 0:
            within = "the scores are identical in every patient"
        return "as good as the reference", within + ("; a smaller difference was found" if differs else "")
    lacking = _lacking(comparison, differs=differs)
    if direction is None:
        lacking.append("higher is neither better nor worse for this score")
    if lacking:
        return "undecided", "; ".join(lacking)
    why = f"{mean:+.3g}: significant, the interval excludes 0, above the between-seed SD ({comparison.seeds.sd:.3g})"
    return "better" if (mean > 0) == direction else "worse", why


def _lacking(comparison: Comparison, *, differs: bool) -> list[str]:
    """List the conditions of "better" and "worse" that are not met."""
    seeds, interval, mean = comparison.seeds, comparison.interval, comparison.difference.mean
    lacking = []
    if not differs:
        lacking.append("not significant in its family" if comparison.t_test.p is not None else comparison.t_test.reason)
    if interval.low is None:
        lacking.append(interval.reason)
    elif not interval.excludes_zero:
        lacking.append("the interval includes 0")
    if seeds.sd is None:
        lacking.append(seeds.reason)
    elif abs(mean) <= seeds.sd:
        lacking.append(f"the difference ({mean:+.3g}) does not exceed the between-seed SD ({seeds.sd:.3g})")
    return lacking


def _check_table(comparisons: Sequence[Comparison]) -> None:
    names = [(one.pairs.strategy, one.pairs.reference, one.pairs.score) for one in comparisons]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{repeated[0]} (strategy, reference, score) occurs twice in the table. Give each row its own name."
        raise UsageError(msg)
    if len(evaluations := sorted({one.pairs.evaluation for one in comparisons})) > 1:
        msg = f"One table has {evaluations}, which are never mixed. Use a separate table for each."
        raise UsageError(msg)
