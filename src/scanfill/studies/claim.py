"""One process at a time works in a folder; a claim ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, TextIO

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def claim(file: Path, what: str) -> TextIO:
    """Claim the folder of a file, which says who has it.

    The claim lasts as long as a process has the file open: this one, and those that inherit it.

    Args:
        file: Made if absent.
        what: What the other process does, for the message.

    Returns:
        The file; closing it ends the claim.

    Raises:
        UsageError: Another process has it.
    """
    lock = file.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        who = lock.read() or "?"
        lock.close()
        msg = (
            f"Process {who} {what} in {file.parent}. Wait for it, or end it, and give the same command again; or "
            f"choose another output folder."
        )
        raise UsageError(msg) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()} on {os.uname().nodename}")
    lock.flush()
    return lock
