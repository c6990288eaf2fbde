"""A folder lock, released when the process exits."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from scanfill.errors import UsageError


def lock_folder(file: Path, what: str) -> TextIO:
    """Lock the folder of a file; the file records which process holds the lock.

    The lock lasts as long as a process has the file open: this one, and those that inherit it.

    Args:
        file: The lock file; created if missing.
        what: What the other process is doing, for the message.

    Returns:
        The file; closing it releases the lock.

    Raises:
        UsageError: Another process holds the lock.
    """
    lock = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        who = lock.read() or "?"
        lock.close()
        msg = (
            f"Process {who} {what} in {file.parent}. Wait for it or stop it, and run the same command again; or "
            f"choose another output folder."
        )
        raise UsageError(msg) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()} on {os.uname().nodename}")
    lock.flush()
    return lock
