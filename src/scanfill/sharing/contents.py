"""Copy the contents of an archive: a bundle's sources, the presets, and the package."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from scanfill.errors import UsageError
from scanfill.presets import presets_folder

from .sources import all_files, commit_of, find_sources, package_folder, untracked_modules

MADE = ("models", "eval", "data", "scanfill", "presets", "datalist.json")
"""Files that using or packing a bundle creates in its folder."""

OF_A_TRAINING = ("configs", "docs", "LICENSE")
"""Files that are packed from a folder written by a training; anything else there belongs to the user."""


@dataclass(frozen=True)
class Origin:
    """Where the contents of an archive come from.

    Attributes:
        bundle: Commit of the bundle.
        package: Commit of scanfill with its presets.
        time: Time of the later commit, in seconds since 1970; None if no commit is known.
    """

    bundle: str
    package: str
    time: int | None


def copy_sources(bundle: Path, root: Path, *, vendor: bool, trained: bool = False) -> Origin:
    """Copy bundle, presets and package to their places in the archive.

    Args:
        bundle: The bundle's folder.
        root: The archive's folder.
        vendor: Whether to include the package.
        trained: Whether the bundle was written by a training.

    Raises:
        UsageError: The package has modules that git does not track, so they would be missing from the archive.
    """
    package = package_folder()
    if vendor and (new := untracked_modules(package)):
        msg = (
            f"Git does not track {', '.join(new)} in {package}, so they would be missing from the archive: `git add` "
            "or remove them, or pack with --vendor=False."
        )
        raise UsageError(msg)
    own = all_files(bundle, only=OF_A_TRAINING) if trained else find_sources(bundle, leave_out=MADE)
    presets = find_sources(presets_folder(), leave_out=("studies",))
    code = find_sources(package, leave_out=("bundles", "configs"))
    wanted = [(own, root), (presets, root / "presets"), (code, root / "scanfill")]
    for sources, place in wanted if vendor else wanted[:-1]:
        for file in sources.files:
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources.folder / file, place / file)
    times = [sources.time for sources in (own, presets, code) if sources.time is not None]
    return Origin(own.commit, commit_of(code, presets), max(times, default=None))
