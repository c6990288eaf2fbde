"""From images as they come from the scanner to a case on one grid, and labels back again."""

from __future__ import annotations

from scanfill.data.prepare.folder import Preparation, prepare_folder
from scanfill.data.prepare.restore import restore_label

__all__ = ["Preparation", "prepare_folder", "restore_label"]
