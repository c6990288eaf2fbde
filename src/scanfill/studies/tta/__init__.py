"""What test-time augmentation gains and costs on the cases that judge a trained network."""

from __future__ import annotations

from scanfill.studies.tta.evaluation import Evaluation, Outcome
from scanfill.studies.tta.gain import gain_table, measure, write_gain

__all__ = ["Evaluation", "Outcome", "gain_table", "measure", "write_gain"]
