"""Check that a packed bundle runs with the version of scanfill that it was packed with."""

from collections.abc import Mapping
from typing import Any

import scanfill
from scanfill.errors import UsageError


def check_version(metadata: Mapping[str, Any]) -> None:
    """Reject a packed bundle if it was made with a different version of scanfill.

    Packed bundles include a copy of scanfill, which MONAI prefers to an installed one; another version runs if the copy
    was left out (``pack --vendor=False``), or if this process has already imported scanfill.

    Args:
        metadata: The bundle's ``metadata.json``, in a config ``@_meta_``. Metadata without a version stamp belongs to
            an unpacked bundle and is accepted.

    Raises:
        UsageError: The major or minor version differs; the message gives both versions.
    """
    stamped = metadata.get("scanfill", {}).get("version")
    if stamped is None or _series(stamped) == _series(scanfill.__version__):
        return
    msg = (
        f"This bundle was packed with scanfill {stamped}, but is running with scanfill {scanfill.__version__}, where "
        f"names may have other meanings. Install 'scanfill=={'.'.join(_series(stamped))}.*', or run it in a separate "
        "process from an archive that includes scanfill."
    )
    raise UsageError(msg)


def _series(version: str) -> list[str]:
    """Return the major and minor version."""
    return str(version).split(".")[:2]
