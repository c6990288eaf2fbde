"""One process holds one scanfill: a bundle that was packed with another one is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import scanfill
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_version(metadata: Mapping[str, Any]) -> None:
    """Refuse a packed bundle that was made with another scanfill than the one that runs it.

    Packed bundles bring their scanfill along, and MONAI prefers it to an installed one; another one runs where the copy
    was left out (``pack --vendor=False``), or where this process had imported scanfill before.

    Args:
        metadata: The bundle's ``metadata.json``, in a config ``@_meta_``. Without a stamp it is a source, and passes.

    Raises:
        UsageError: Another major or minor version; names both.
    """
    stamped = metadata.get("scanfill", {}).get("version")
    if stamped is None or _series(stamped) == _series(scanfill.__version__):
        return
    msg = (
        f"This bundle was packed with scanfill {stamped}, but scanfill {scanfill.__version__} runs it: the same names "
        f"may mean something else. Install 'scanfill=={'.'.join(_series(stamped))}.*' for it, or run it in a process "
        "of its own from an archive that brings its scanfill along."
    )
    raise UsageError(msg)


def _series(version: str) -> list[str]:
    """Major and minor version."""
    return str(version).split(".")[:2]
