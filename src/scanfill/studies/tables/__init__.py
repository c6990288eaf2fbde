"""Tables of a study: as published with our figures beside, and of every subset of sequences.

Each ``*_tables`` function turns scores (:py:func:`scanfill.studies.score_files.read_study_scores`) into
:py:class:`StudyTable`, which :py:func:`write_table` writes as CSV, Markdown and LaTeX. Cross-validation and held-out
test are never in one table.
"""

from __future__ import annotations

from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.costs import Costs, read_costs, read_receipts
from scanfill.studies.tables.descriptive import descriptive_table
from scanfill.studies.tables.effects import effect_tables
from scanfill.studies.tables.image_error import image_error_tables
from scanfill.studies.tables.replaced import replaced_tables
from scanfill.studies.tables.study_table import Compared, Estimate, MeanSD, StudyTable
from scanfill.studies.tables.subsets import secondary_tables, subset_tables
from scanfill.studies.tables.three_inputs import three_input_tables
from scanfill.studies.tables.writer import as_csv, as_latex, as_markdown, write_table

__all__ = [
    "Compared",
    "Costs",
    "Estimate",
    "MeanSD",
    "Methods",
    "StudyTable",
    "as_csv",
    "as_latex",
    "as_markdown",
    "descriptive_table",
    "effect_tables",
    "image_error_tables",
    "read_costs",
    "read_receipts",
    "replaced_tables",
    "secondary_tables",
    "subset_tables",
    "three_input_tables",
    "write_table",
]
