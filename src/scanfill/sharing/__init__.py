"""Hand a bundle to somebody else: one archive that runs where scanfill is not installed."""

from __future__ import annotations

from .pack import PackedBundle, pack

__all__ = ["PackedBundle", "pack"]
