"""Convert images from the scanner to a case on one grid, and labels back again."""

from scanfill.domains.brain_mri.prepare.preparation import Preparation, prepare_folder
from scanfill.domains.brain_mri.prepare.preparation_record import restore_label

__all__ = ["Preparation", "prepare_folder", "restore_label"]
