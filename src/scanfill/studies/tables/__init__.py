"""Tables of a study: as published with our figures beside, and of every subset of sequences.

Each ``*_tables`` function turns scores (:py:func:`scanfill.studies.study_scores.read_study_scores`) into
:py:class:`~scanfill.studies.tables.study_table.StudyTable`, which
:py:func:`~scanfill.studies.tables.writer.write_table` writes as CSV, Markdown and LaTeX. A table has the rows that the
study planned; what is not part of it is named in a note. Cross-validation and held-out test are never in one table.
"""
