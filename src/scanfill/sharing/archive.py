"""Write a folder as one reproducible zip file."""

import datetime as dt
import shutil
import zipfile
from pathlib import Path

from scanfill.checksums import file_checksum
from scanfill.errors import UsageError
from scanfill.files import writing

EARLIEST = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)  # the earliest time a zip file can store


def write_zip(folder: Path, file: Path, time: int | None) -> None:
    """Store ``folder`` under its name: sorted, uncompressed, with the same time and permissions for all files.

    Compressed bytes would depend on the zlib version; weights hardly compress, and the rest is small.

    Args:
        folder: The folder to store.
        file: The zip file to write.
        time: Timestamp of all files, in seconds since 1970; None for the earliest that a zip file can store.
    """
    when = EARLIEST if time is None else max(EARLIEST, dt.datetime.fromtimestamp(time, tz=dt.UTC))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            name = path.relative_to(folder.parent).as_posix()
            entry = zipfile.ZipInfo(name, date_time=when.timetuple()[:6])
            entry.create_system = 3  # Unix, as the permissions require; the default depends on the machine
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def check_free(made: Path, target: Path) -> None:
    """Check that no different file of the same name, which may have been shared, would be replaced.

    Raises:
        UsageError: ``target`` exists with different content than ``made``.
    """
    if target.exists() and (not target.is_file() or file_checksum(target) != file_checksum(made)):
        msg = (
            f"{target} already exists with different content. Raise the version in the bundle's configs/metadata.json "
            "and describe the change in its changelog; or, if the file has not been shared yet, remove it."
        )
        raise UsageError(msg)


def deliver(made: Path, target: Path) -> bool:
    """Copy a file to its destination; return False if the same file is already there."""
    check_free(made, target)
    if target.exists():
        return False
    with writing(target) as temporary:
        shutil.copyfile(made, temporary)
    return True
