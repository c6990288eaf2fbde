"""MONAI bundles for incomplete medical imaging data: missing sequences, rare lesions, few patients.

Import from the submodules: ``scanfill.networks``, ``scanfill.transforms``, ``scanfill.losses``, ``scanfill.metrics``,
``scanfill.inferers``, ``scanfill.engines``, ``scanfill.data``, ``scanfill.report``.
"""

from pathlib import Path

__version__ = "0.2.0"
__all__ = ["__version__", "bundle_path", "bundle_paths"]


def bundle_path(name: str) -> Path:
    """Return the folder of a bundle, installed with the package or in a working copy.

    Args:
        name: Name of a bundle, such as ``brain_tumor_segmentation``, or a path, which is returned unchanged.

    Raises:
        FileNotFoundError: No such bundle; the message lists those that exist.
    """
    if (Path(name) / "configs").is_dir():
        return Path(name)
    known = bundle_paths()
    if (plain := name.rstrip("/")) in known:
        return known[plain]
    msg = f"There is no bundle {name!r}; available bundles: {', '.join(known)}."
    raise FileNotFoundError(msg)


def bundle_paths() -> dict[str, Path]:
    """Return the folders of all bundles by name: those installed with the package, or in a working copy."""
    package = Path(__file__).resolve().parent
    homes = [home for home in (package.parents[1] / "bundles", package / "bundles") if home.is_dir()]
    found = {folder.name: folder for home in homes for folder in home.iterdir() if (folder / "configs").is_dir()}
    return dict(sorted(found.items()))
