"""What an archive holds: a bundle's sources, the presets, and the package, from wherever they are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanfill.errors import UsageError
from scanfill.presets import presets_folder

from .sources import all_files, commit_of, find_sources, package_folder, untracked_modules

if TYPE_CHECKING:
    from pathlib import Path

MADE = ("models", "eval", "data", "scanfill", "presets", "datalist.json")
"""What using or packing a bundle makes in its folder."""

OF_A_TRAINING = ("configs", "docs", "LICENSE")
"""What is packed of a folder that a training has left; anything else there is a person's own."""


@dataclass(frozen=True)
class Origin:
    """Where the contents of an archive come from.

    Attributes:
        bundle: Commit of the bundle.
        package: Commit of scanfill with its presets.
        time: Of the later one, in seconds since 1970; None where no commit is known.
    """

    bundle: str
    package: str
    time: int | None


def copy_sources(bundle: Path, root: Path, *, vendor: bool, trained: bool = False) -> Origin:
    """Copy bundle, presets and package to where the archive has them.

    Args:
        bundle: The bundle's folder.
        root: The archive's folder.
        vendor: Whether the package goes in.
        trained: Whether a training has left the bundle.

    Raises:
        UsageError: The package has modules that git does not track, so that an archive would lack them.
    """
    package = package_folder()
    if vendor and (new := untracked_modules(package)):
        msg = (
            f"Git does not track {', '.join(new)} in {package}, so an archive would lack them: `git add` or remove "
            "them, or pack with --vendor=False."
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
