"""Visual assessment: a blinded sheet of acquired and synthetic slices, and the scoring of the readers' ratings."""

from scanfill.studies.reading_sheet.ratings import score_reading, write_reading_scores
from scanfill.studies.reading_sheet.sheet import ReadingPair, find_pairs, make_reading_sheet

__all__ = ["ReadingPair", "find_pairs", "make_reading_sheet", "score_reading", "write_reading_scores"]
