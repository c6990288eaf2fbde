"""SHA-256 of files and of what is in memory, as hexadecimal text."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_checksum(path: str | Path) -> str:
    """SHA-256 of a file, which need not fit into memory.

    Raises:
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum(content: bytes | str) -> str:
    """SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
