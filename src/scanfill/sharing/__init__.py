"""Share a bundle as one archive that runs without scanfill installed, and check a pipeline's config."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .packing import PackedBundle, pack

__all__ = ["PackedBundle", "pack"]


def __getattr__(name: str) -> Any:
    """Import the packing code on demand: it imports MONAI, which takes seconds and which `check` does not need."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from .packing import PackedBundle, pack  # noqa: PLC0415

    globals().update(PackedBundle=PackedBundle, pack=pack)  # replaces the submodule `pack`, which the import has set
    return globals()[name]
