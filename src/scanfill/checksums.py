"""SHA-256 of files, bytes and text, as a hexadecimal string."""

import hashlib
from pathlib import Path


def file_checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file, which need not fit into memory.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum(content: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of text encoded as UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
