"""Visual assessment: a blinded sheet of acquired and synthetic images, the scoring of ratings, and a teaching sheet."""

from scanfill.studies.reading_sheet.ratings import score_reading, write_reading_scores
from scanfill.studies.reading_sheet.sheet import ReadingPair, find_pairs, make_reading_sheet
from scanfill.studies.reading_sheet.teaching import TeachingCase, find_teaching_cases, make_teaching_sheet

__all__ = [
    "ReadingPair",
    "TeachingCase",
    "find_pairs",
    "find_teaching_cases",
    "make_reading_sheet",
    "make_teaching_sheet",
    "score_reading",
    "write_reading_scores",
]
