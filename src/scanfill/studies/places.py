"""Where the configs lie that scanfill brings along beside its bundles."""

from __future__ import annotations

from pathlib import Path

import scanfill
from scanfill.errors import UsageError


def studies_folder() -> Path:
    """Find ``configs/studies``, installed with the package or in a working copy.

    Raises:
        UsageError: The package is that of a bundle's archive, which has none.
    """
    package = Path(scanfill.__file__).resolve().parent
    homes = (package / "configs" / "studies", package.parents[1] / "configs" / "studies")
    for home in homes:
        if home.is_dir():
            return home
    msg = f"No studies lie beside {package}, as in a bundle's archive: python -m pip install 'scanfill[studies]'"
    raise UsageError(msg)
