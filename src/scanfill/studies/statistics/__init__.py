"""Statistics of a study: valid comparisons of strategies on the same patients.

Rows of scores become a cross-validation (:py:func:`pool_folds`) or a held-out test (:py:func:`average_fold_models`,
:py:func:`mark_ensemble`), never both. Strategies are paired
(:py:func:`pair_strategies`), compared one by one (:py:func:`compare`) and given verdicts as one family
(:py:func:`judge`), whose rows and footnotes are :py:func:`table_row` and :py:func:`describe_methods`.
:py:func:`pearson` and :py:func:`spearman` correlate two values of each patient. Unknown values are None, with a reason
in words.
"""

from scanfill.metrics.multiple_testing import bonferroni, holm
from scanfill.studies.statistics.bootstrap import Bootstrap, bootstrap_interval
from scanfill.studies.statistics.comparison import Comparison, between_seeds, compare
from scanfill.studies.statistics.correlation import pearson, spearman
from scanfill.studies.statistics.multiplicity import PAPER_ALPHA, Family
from scanfill.studies.statistics.paired_tests import paired_t_test, signed_rank_test, two_one_sided_tests
from scanfill.studies.statistics.pairing import PairedScores, pair_strategies
from scanfill.studies.statistics.power import smallest_difference
from scanfill.studies.statistics.results import (
    CROSS_VALIDATION,
    HELD_OUT,
    average_fold_models,
    mark_ensemble,
    pool_folds,
)
from scanfill.studies.statistics.table_rows import describe_methods, table_row
from scanfill.studies.statistics.verdict import Judged, judge

__all__ = [
    "CROSS_VALIDATION",
    "HELD_OUT",
    "PAPER_ALPHA",
    "Bootstrap",
    "Comparison",
    "Family",
    "Judged",
    "PairedScores",
    "average_fold_models",
    "between_seeds",
    "bonferroni",
    "bootstrap_interval",
    "compare",
    "describe_methods",
    "holm",
    "judge",
    "mark_ensemble",
    "pair_strategies",
    "paired_t_test",
    "pearson",
    "pool_folds",
    "signed_rank_test",
    "smallest_difference",
    "spearman",
    "table_row",
    "two_one_sided_tests",
]
