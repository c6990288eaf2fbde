"""Visual assessment: a blinded sheet of acquired and synthetic slices, and the scoring of what readers write on it."""

from __future__ import annotations

from scanfill.studies.reading_sheet.make import ReadingPair, find_pairs, make_reading_sheet
from scanfill.studies.reading_sheet.score import score_reading, write_reading_scores

__all__ = ["ReadingPair", "find_pairs", "make_reading_sheet", "score_reading", "write_reading_scores"]
