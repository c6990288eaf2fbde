"""One zip file of a folder, byte for byte the same whenever and wherever it is made."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from typing import TYPE_CHECKING

from scanfill.checksums import file_checksum
from scanfill.errors import UsageError
from scanfill.files import writing

if TYPE_CHECKING:
    from pathlib import Path

EARLIEST = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)  # what a zip file can say


def write_zip(folder: Path, file: Path, time: int | None) -> None:
    """Store ``folder`` with its name on top: sorted, with one time and the same permissions for all, not compressed.

    The bytes of compressed files depend on the zlib at hand; weights hardly compress, and the rest is small.

    Args:
        folder: What goes in.
        file: The zip file.
        time: Seconds since 1970 that all files get; None for the earliest that a zip file can say.
    """
    when = EARLIEST if time is None else max(EARLIEST, dt.datetime.fromtimestamp(time, tz=dt.UTC))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            name = path.relative_to(folder.parent).as_posix()
            entry = zipfile.ZipInfo(name, date_time=when.timetuple()[:6])
            entry.create_system = 3  # Unix, or the permissions would mean nothing; else it is that of this machine
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def check_free(made: Path, target: Path) -> None:
    """Refuse to replace another file that may have been handed out under the same name.

    Raises:
        UsageError: ``target`` is there, with other content than ``made``.
    """
    if target.exists() and (not target.is_file() or file_checksum(target) != file_checksum(made)):
        msg = (
            f"{target} is there already, with other content. Raise the version in the bundle's configs/metadata.json "
            "and say in its changelog what changed; or, if nobody has that file yet, remove it."
        )
        raise UsageError(msg)


def deliver(made: Path, target: Path) -> bool:
    """Copy a file to where it is wanted; False where the same is there already."""
    check_free(made, target)
    if target.exists():
        return False
    with writing(target) as temporary:
        shutil.copyfile(made, temporary)
    return True
