"""Compare the memory that a volume needs with what is available, before it is allocated."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

COPIES = 4
"""Copies of a volume as float32 that must fit: reading one takes up to four (stored type, scaling in float64, result)
and the four images of a case are kept together."""

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup/memory.max")
"""Limit of a container; ``max`` if there is none."""


def available_memory() -> int | None:
    """Return how many bytes can be allocated without swapping; None where the system does not say.

    On Linux, memory of the page cache counts as available, and the limit of a container is respected. Elsewhere it is
    the total memory.
    """
    found = []
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines() if ":" in line)
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError, IndexError):
        found += _physical()
    with suppress(OSError, ValueError):
        found.append(int(CGROUP.read_text(encoding="ascii")))
    return min(found) if found else None


def _physical() -> list[int]:
    try:
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, OSError, ValueError):
        return []


def check_memory(shape: Sequence[int], where: str, remedy: str) -> None:
    """Refuse a volume that would not fit into the memory.

    Args:
        shape: Number of voxels along each axis.
        where: Starts the error message: what has this shape.
        remedy: What to do; ends the message.

    Raises:
        CaseError: :py:data:`COPIES` copies of it need more than is available.
    """
    needed, available = COPIES * 4 * math.prod(int(size) for size in shape), available_memory()
    if available is not None and needed > available:
        msg = (
            f"{where} has {' x '.join(str(size) for size in shape)} voxels: it needs about {needed / 1e9:.1f} GB of "
            f"memory ({COPIES} copies of 32 bits), but {available / 1e9:.1f} GB are available. {remedy}"
        )
        raise CaseError(msg)
