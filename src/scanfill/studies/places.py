"""Find the configs that scanfill provides in addition to its bundles."""

from pathlib import Path

import scanfill
from scanfill.errors import UsageError


def studies_folder() -> Path:
    """Return ``configs/studies``, installed with the package or in a working copy.

    Raises:
        UsageError: The package is in a bundle's archive, which has no studies.
    """
    package = Path(scanfill.__file__).resolve().parent
    homes = (package / "configs" / "studies", package.parents[1] / "configs" / "studies")
    for home in homes:
        if home.is_dir():
            return home
    msg = f"There are no studies next to {package} (a bundle's archive?): python -m pip install 'scanfill[studies]'"
    raise UsageError(msg)
