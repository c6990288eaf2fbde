"""Measure the gain and cost of test-time augmentation on the validation cases of a trained network."""

from scanfill.studies.tta.evaluation import Evaluation, Outcome, evaluation_configs
from scanfill.studies.tta.gain import gain_table, measure, write_gain

__all__ = ["Evaluation", "Outcome", "evaluation_configs", "gain_table", "measure", "write_gain"]
