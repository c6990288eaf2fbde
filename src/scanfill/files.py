"""Write files atomically, and check that output folders are writable before the work starts."""

import datetime as dt
import os
import re
import tempfile
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scanfill.errors import CaseError, UsageError
from scanfill.replacing import allow_replacing, check_replaceable, note_written

FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f]")
"""Characters that must not be in a name."""

LONGEST = 200
"""Maximum length of a name in bytes: file systems allow 255, and suffixes are added."""


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename it to ``path`` when the block succeeds.

    A full disk, an exception or Ctrl-C in the block leaves neither a half-written file nor the temporary one, and an
    existing file at ``path`` stays unchanged. It is only replaced if scanfill wrote it, see
    :py:mod:`scanfill.replacing`. The temporary name keeps the suffixes, because writers choose the format
    by them, and starts with a dot, so that it is not mistaken for an image when cases are searched for.

    Args:
        path: The file to write. Its folder is created if it does not exist.

    Yields:
        The path to write to, in the same folder.

    Raises:
        FileNotFoundError: The block ended without writing anything.
        UsageError: The existing file must not be replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    temporary = path.with_name(f".{path.name.removesuffix(suffix)}.{uuid.uuid4().hex[:8]}.partial{suffix}")
    try:
        note_written(temporary)
        yield temporary
        if not temporary.exists():
            msg = f"Nothing was written for {path}: the block must write to the path it is given ({temporary.name})."
            raise FileNotFoundError(msg)
        check_replaceable(path, temporary)
        os.replace(temporary, path)  # noqa: PTH105 - atomic on every platform, and documented as such
        note_written(path)
    finally:
        temporary.unlink(missing_ok=True)


def writable_folders(paths: Iterable[str | Path], replace: str | Iterable[str] | None = None) -> None:
    """Create several folders and check that they are writable; see :py:func:`writable_folder`.

    Args:
        paths: The folders.
        replace: Files that may be replaced although scanfill did not write them; see
            :py:func:`scanfill.replacing.allow_replacing`.
    """
    allow_replacing(replace)
    for path in paths:
        writable_folder(path)


def set_aside(path: Path) -> Path | None:
    """Rename a file after the time it was last changed, to make room for a new one; None if it does not exist."""
    if not path.exists():
        return None
    when = dt.datetime.fromtimestamp(path.stat().st_mtime, tz=dt.UTC)
    return path.rename(path.with_stem(f"{path.stem}_{when:%Y%m%d_%H%M%S_%f}"))


def check_name(name: object, what: str) -> str:
    """Return a name that is to become a file's or a folder's name, if it cannot lead anywhere else.

    Raises:
        UsageError: It is not a string, is empty, contains a path separator or a control character, or means a folder.
    """
    if not isinstance(name, str) or not name.strip() or name.strip() in (".", "..") or FORBIDDEN.search(name):
        msg = (
            f"{what} is {name!r}, but must be a text that can name a folder: without / and \\, line breaks and other "
            f"control characters, and not empty. Rename it."
        )
        raise UsageError(msg)
    if len(os.fsencode(name)) > LONGEST:
        msg = (
            f"{what} is {len(os.fsencode(name))} bytes long ({name[:40]}...), but may be at most {LONGEST}. Shorten it."
        )
        raise UsageError(msg)
    return name


def check_apart(output: str | Path, data: Collection[Path], option: str = "--output_dir") -> None:
    """Check that results are not written to a folder with data, where they could be mistaken for data.

    Args:
        output: The folder for results.
        data: Resolved paths of folders with data.
        option: Option that sets ``output``, for the message.

    Raises:
        CaseError: ``output`` is one of these folders or is inside one.
    """
    resolved = Path(output).expanduser().resolve()
    for place in (resolved, *resolved.parents):
        if place in data:
            msg = (
                f"The output folder {output} is in a folder with data, {place}, where results could be mistaken for "
                f"data. Choose another folder with {option}."
            )
            raise CaseError(msg)


def writable_folder(path: str | Path) -> Path:
    """Create a folder and check that it is writable, before hours of work depend on it.

    Args:
        path: The folder; created, with its parents, if it does not exist.

    Returns:
        The folder.

    Raises:
        OSError: The folder cannot be created or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        msg = (
            f"The output folder {path} is not writable ({error.strerror or error}): choose another, or free some space."
        )
        raise type(error)(error.errno, msg) from error
    return path
