"""The four MRI sequences of a brain: alone in this module, which the scheduler of a study imports in a moment."""

from __future__ import annotations

MODALITIES = ("t1", "t1ce", "t2", "flair")
"""The keys of a case's images, in the order in which networks stack them."""
