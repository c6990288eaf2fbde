"""A temporary folder for one run: removed when its owner or the process ends, or by the next run if that was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from scanfill.files import writable_folder

if TYPE_CHECKING:
    from typing import Any

PREFIX, LOCK = "scanfill-run-", "in_use"


def run_folder(owner: Any, parent: str | Path | None = None) -> Path:
    """Create a folder that only this run uses.

    Args:
        owner: The folder is removed when this object is, or else when the process ends; not in processes that it forks.
        parent: Where to create it; by default the system's folder for temporary files.

    Returns:
        The folder; others cannot read it.

    Raises:
        OSError: ``parent`` cannot be created or written to.
    """
    parent = writable_folder(parent or tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        _remove_left(left)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    lock = _locked(folder / f".{LOCK}")
    if lock is not None:  # named only now, so that no other run takes the lock in between
        (folder / f".{LOCK}").rename(folder / LOCK)
    weakref.finalize(owner, _remove, folder, os.getpid(), lock)
    return folder


def _remove(folder: Path, process: int, lock: TextIO | None) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            lock.close()


def _remove_left(folder: Path) -> None:
    """Remove the folder of a run that was killed: nobody holds its lock any more."""
    lock = _locked(folder / LOCK) if (folder / LOCK).is_file() else None
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _locked(file: Path) -> TextIO | None:
    """Lock a file for as long as it is open; None if another process has, or the system has no such locks (Windows)."""
    with suppress(ImportError, OSError):
        import fcntl  # noqa: PLC0415

        opened = file.open("a", encoding="utf-8")
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            opened.close()
            return None
        return opened
    return None
