"""Never replace a file that may be the only copy of someone's work: inputs, and files that scanfill did not write.

A file that scanfill wrote is recognized by its content: the description in a NIfTI header, the software in a PNG, TIFF
or SVG, the entries of a JSON object (and the software in one with outlines, which people draw), the columns of a table,
the generator of a page.
"""

import csv
import filecmp
import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from scanfill.errors import UsageError

SOFTWARE = "scanfill"
"""Name of this package in the metadata of pictures and pages."""

ALIKE = 0.6
"""Minimum fraction of common entries for two JSON objects, or of common columns for two tables, to be of one kind.

Entries vary with options (a table of scores has a column per region and metric); a list in the form of the Medical
Segmentation Decathlon shares half of its entries with one that ``python -m scanfill cases`` writes.
"""

_allowed: set[str] = set()
_inputs: set[str] = set()
_written: set[str] = set()


def allow_replacing(names: str | Path | Iterable[str | Path] | None) -> None:
    """Allow files to be replaced in this process that would otherwise be protected.

    Args:
        names: Paths of files, or of folders for all files below them; a string may list several, separated by commas.
    """
    listed = names.split(",") if isinstance(names, str) else [names] if isinstance(names, Path) else names or ()
    _allowed.update(os.path.realpath(str(name).strip()) for name in listed)


def protect_input(path: str | Path) -> None:
    """Remember a file that is read as data, which must not be replaced in this process."""
    _inputs.add(os.path.realpath(path))


def check_replaceable(path: str | Path, new: str | Path | None = None) -> None:
    """Check that writing a file destroys nothing.

    Args:
        path: The file to write.
        new: Its new content, already written elsewhere; None to check before there is any. An existing file must then
            be one that scanfill can have written.

    Raises:
        UsageError: The file exists and is an input of this run, write-protected, a folder, or not a file of the same
            kind written by scanfill.
    """
    path, real = Path(path), os.path.realpath(path)
    if not os.path.lexists(path) or real in _written or may_be_replaced(path):
        return
    reason = _why_protected(path, real, None if new is None else Path(new))
    if reason:
        msg = f"{path} {reason}, so it is not replaced. Choose another output, or pass --replace {path}."
        raise UsageError(msg)


def note_written(path: str | Path) -> None:
    """Remember a file that this process wrote and may therefore replace."""
    _written.add(os.path.realpath(path))


def is_made(path: str | Path) -> bool:
    """Return whether scanfill can have written a file; True for types that carry no mark."""
    reader = _reader(Path(path))
    return reader is None or reader(Path(path)) is not None


def may_be_replaced(path: str | Path) -> bool:
    """Return whether :py:func:`allow_replacing` named a file, or a folder above it."""
    real = os.path.realpath(path)
    return any(real == name or real.startswith(name + os.sep) for name in _allowed)


def _why_protected(path: Path, real: str, new: Path | None) -> str:
    """Return the reason for not replacing a file; empty if there is none."""
    reasons = {
        "is a folder": path.is_dir(),
        "is an input of this run": real in _inputs,
        "is write-protected": path.exists() and not path.stat().st_mode & 0o222,
    }
    found = next((reason for reason, applies in reasons.items() if applies), "")
    return found or (_why_not_ours(path, new) if path.exists() else "")


def _why_not_ours(path: Path, new: Path | None) -> str:
    reader = _reader(path)
    if reader is None or (new is not None and filecmp.cmp(path, new, shallow=False)):
        return ""
    kind = reader(path)
    if kind is None:
        return "was not written by scanfill"
    same = new is None or _alike(kind, reader(new))
    return "" if same else "was written by something else, or is of another kind"


Kind = str | frozenset[str]


def _alike(old: Kind, new: Kind | None) -> bool:
    if isinstance(old, str) or isinstance(new, str) or new is None:
        return new is None or old == new
    return len(old & new) >= ALIKE * len(old | new)


def _reader(path: Path) -> Callable[[Path], Kind | None] | None:
    name = path.name.lower()
    return next((reader for suffix, reader in READERS.items() if name.endswith(suffix)), None)


def _of_nifti(path: Path) -> str | None:
    """Return the words of a NIfTI-1 description that begins with the package's name."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            text = file.read(228)[148:].split(b"\0")[0].decode("ascii", "replace")
    except (OSError, EOFError, zlib.error):
        return None
    match = re.match(r"scanfill( [a-z]+)*", text)
    return match[0] if match else None


def _of_picture(path: Path) -> str | None:
    """Return the software in a picture's metadata if it is this package."""
    from PIL import Image  # noqa: PLC0415  the scheduler of a study needs no pictures

    with suppress(OSError, SyntaxError, ValueError), Image.open(path) as picture:
        return SOFTWARE if SOFTWARE in str(picture.info.get("Software", "")) else None
    return None


def _of_tiff(path: Path) -> str | None:
    """Return the software in a TIFF's tags if it is this package."""
    from PIL import Image, TiffImagePlugin  # noqa: PLC0415  the scheduler of a study needs no pictures

    with suppress(OSError, SyntaxError, ValueError), Image.open(path) as picture:
        tags = getattr(picture, "tag_v2", {})
        return SOFTWARE if SOFTWARE in str(tags.get(TiffImagePlugin.SOFTWARE, "")) else None
    return None


def _of_page(path: Path) -> str | None:
    """Return the package's name if a page or drawing states it."""
    with path.open("rb") as file:
        return SOFTWARE if SOFTWARE.encode() in file.read(1 << 16).lower() else None


def _of_json(path: Path) -> frozenset[str] | None:
    """Return the entries of a JSON object; nothing if it has outlines that were drawn with other software."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and "annotations" in content and content.get("software") != SOFTWARE:
            return None
        return frozenset(content) if isinstance(content, dict) and content else None
    return None


def _of_table(path: Path) -> frozenset[str] | None:
    """Return the columns of a table; lines that begin with # are comments."""
    with suppress(OSError, UnicodeDecodeError, csv.Error), path.open(newline="", encoding="utf-8") as file:
        lines = (line for line in islice(file, 50) if not line.startswith("#"))
        return frozenset(next(csv.reader(lines), ())) or None
    return None


def _of_scan(_: Path) -> None:
    """Recognize nothing: scanfill writes no files of these types."""


READERS: dict[str, Callable[[Path], Kind | None]] = {
    **dict.fromkeys((".nii.gz", ".nii"), _of_nifti),
    **dict.fromkeys((".nrrd", ".mha", ".mhd", ".jpg", ".jpeg", ".bmp"), _of_scan),
    ".png": _of_picture,
    **dict.fromkeys((".tif", ".tiff"), _of_tiff),
    **dict.fromkeys((".html", ".svg"), _of_page),
    ".json": _of_json,
    **dict.fromkeys((".csv", ".tsv"), _of_table),
}
"""Suffix -> what identifies a file of scanfill. Other types, such as checkpoints, are renamed by their own writers."""
