"""SHA-256 of files, bytes and text, as a hexadecimal string."""

import hashlib
from pathlib import Path

SAMPLES, SAMPLE = 16, 1 << 16
"""Number and size in bytes of the parts of a large file that enter its fingerprint."""


def file_checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file, which need not fit into memory.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: str | Path) -> str:
    """Return 16 hexadecimal digits by which a file is recognized under another name, at the cost of reading 1 MB.

    They are from the SHA-256 of the size and of parts spread evenly over the file; a file of up to 1 MB is read whole.

    Raises:
        OSError: The file cannot be read.
    """
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with Path(path).open("rb") as file:
        if size <= SAMPLES * SAMPLE:
            digest.update(file.read())
        else:
            for part in range(SAMPLES):
                file.seek(part * (size - SAMPLE) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE))
    return digest.hexdigest()[:16]


def checksum(content: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of text encoded as UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
