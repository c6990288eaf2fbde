"""Tables of a study: what they consist of, how strategies are compared in them, and how they are written.

Each ``*_tables`` function turns scores (:py:func:`scanfill.studies.study_scores.read_study_scores`) into
:py:class:`~scanfill.studies.tables.study_table.StudyTable`, which
:py:func:`~scanfill.studies.tables.writer.write_table` writes as CSV, Markdown and LaTeX. A table has the rows that the
study planned; rows outside the study are listed in a note. Cross-validation and held-out test are never in one table.
"""
