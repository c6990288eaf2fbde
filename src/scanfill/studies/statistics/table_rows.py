"""The numbers of a table of verdicts as flat rows, and the notes that must accompany it."""

from collections.abc import Mapping, Sequence

from scanfill.studies.statistics.bootstrap import Bootstrap
from scanfill.studies.statistics.comparison import Summary
from scanfill.studies.statistics.multiplicity import PAPER_ALPHA, Family
from scanfill.studies.statistics.power import POWER
from scanfill.studies.statistics.verdict import FAILS_BELOW, Corrected, Judged

TableRow = dict[str, float | str | None]


def table_row(judged: Judged) -> TableRow:
    """Flatten one comparison with its verdict; unknown values are None, and ``notes`` states why."""
    comparison = judged.comparison
    pairs = comparison.pairs
    return {
        "strategy": pairs.strategy,
        "reference": pairs.reference,
        "score": pairs.score,
        "evaluation": pairs.evaluation,
        "patients": len(pairs.patients),
        "cases": sum(len(cases) for cases in pairs.cases),
        "seeds": comparison.seeds.seeds,
        **_summary("", comparison.values),
        **_summary("reference_", comparison.reference_values),
        **_summary("difference_", comparison.difference),
        "interval_low": comparison.interval.low,
        "interval_high": comparison.interval.high,
        "t": comparison.t_test.statistic,
        **_p_values("t", comparison.t_test.p, judged.t_test),
        "rank_sum": comparison.signed_rank.statistic,
        **_p_values("wilcoxon", comparison.signed_rank.p, judged.signed_rank),
        "wilcoxon_method": comparison.signed_rank.method,
        "margin": comparison.equivalence.margin,
        **_p_values("equivalence", comparison.equivalence.p, judged.equivalence),
        "seed_sd": comparison.seeds.sd,
        "smallest_difference": judged.smallest.value,
        "alpha_of_one_test": judged.smallest.alpha,
        "family_size": judged.family.size,
        "variant": judged.family.variant,
        "verdict": judged.verdict,
        "why": judged.why,
        "notes": _notes(judged),
    }


def describe_methods(
    family: Family, bootstrap: Bootstrap | None = None, margins: Mapping[str, float] | None = None
) -> list[str]:
    """Describe in sentences the methods of a table: tests, family, interval, margins, and the rule of the verdict.

    Without margins, equivalence is not tested, and the sentences do not mention it.
    """
    bootstrap = bootstrap or Bootstrap()
    limits = ", ".join(f"{score} {margin:g}" for score, margin in (margins or {}).items())
    level = (
        f"Each test uses the level {PAPER_ALPHA}, as in the paper; its family here has {family.size} tests."
        if family.variant == "paper"
        else f"Holm's correction over a family of {family.size} tests at {family.alpha:g}; Bonferroni's is also given."
    )
    equivalence = f"Equivalence: two one-sided t-tests, also corrected. Margins set before the run: {limits}."
    fails = f"the reference does not fail (mean Dice {FAILS_BELOW:g} or more)"
    as_good = f"as good as the reference if equivalence passes and {fails}; else " if margins else ""
    return [
        "The patient is the unit: visits are averaged, then seeds. Differences are strategy minus reference.",
        f"Paired t-test (decisive) and Wilcoxon signed-rank test (zeros after Pratt, exact up to 50). {level}",
        (
            f"{bootstrap.level:.0%} bootstrap interval of the mean difference: {bootstrap.draws:,} draws of patients "
            f"within their fold, seed {bootstrap.seed}, expanded percentiles."
        ),
        *([equivalence] if margins else []),
        (
            f"Smallest difference: what a two-sided test at {family.alpha_of_one:.2g} detects with {POWER:.0%} power, "
            "given the observed SD of the differences."
        ),
        (
            f"Verdict: {as_good}better or worse if the t-test passes, the "
            "interval excludes 0 and the difference exceeds the between-seed SD (unknown with one seed, so that "
            "neither is stated); else undecided, which does not mean equal."
        ),
        (
            "Patients of a fold share one trained model; tests and intervals treat them as independent. Only the "
            "between-seed SD shows how much another training would change."
        ),
    ]


def _summary(prefix: str, summary: Summary) -> TableRow:
    return {f"{prefix}mean": summary.mean, f"{prefix}sd": summary.sd, f"{prefix}median": summary.median}


def _p_values(name: str, p: float | None, corrected: Corrected) -> TableRow:
    return {f"p_{name}": p, f"p_{name}_holm": corrected.holm, f"p_{name}_bonferroni": corrected.bonferroni}


def _notes(judged: Judged) -> str:
    """Collect the reasons, without duplicates."""
    comparison = judged.comparison
    parts: Sequence[tuple[str, str]] = [
        ("t-test", comparison.t_test.reason),
        ("Wilcoxon", comparison.signed_rank.reason),
        ("interval", comparison.interval.reason),
        ("equivalence", comparison.equivalence.reason),
        ("seeds", comparison.seeds.reason),
        ("smallest difference", judged.smallest.reason),
        ("SD", "" if comparison.difference.sd is not None else "one patient has no SD"),
    ]
    return "; ".join(f"{name}: {reason}" for name, reason in parts if reason)
