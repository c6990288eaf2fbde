"""Draw images from label maps: how what was drawn is judged."""

from scanfill.label_to_image.collect import CollectSlices
from scanfill.label_to_image.judgement import SliceJudgement
from scanfill.label_to_image.slices import labelled_slices

__all__ = ["CollectSlices", "SliceJudgement", "labelled_slices"]
