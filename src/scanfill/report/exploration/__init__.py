"""What is in a data set: a record of each case, and the sections of a page that are made of the records."""

from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet, ImageRecord, PredictionRecord

__all__ = ["CaseRecord", "ExploredSet", "ImageRecord", "PredictionRecord"]
