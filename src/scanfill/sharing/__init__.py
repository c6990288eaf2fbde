"""Hand a bundle to somebody else: one archive that runs where scanfill is not installed; and check a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pack import PackedBundle, pack

__all__ = ["PackedBundle", "pack"]


def __getattr__(name: str) -> Any:
    """Import what packs when it is asked for: it brings MONAI, which takes seconds and which `check` does without."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from .pack import PackedBundle, pack  # noqa: PLC0415

    globals().update(PackedBundle=PackedBundle, pack=pack)  # over the submodule `pack`, which the import has set
    return globals()[name]
