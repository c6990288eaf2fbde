"""Look into folders so that nothing gets lost: what cannot be read is reported, not skipped."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from scanfill.errors import CaseError

SYSTEM_FOLDERS = ("__MACOSX", "lost+found", "System Volume Information", "$RECYCLE.BIN")
"""Folders that operating systems create; only an administrator may read some of them."""

Report = Callable[[Path, str], None]
"""Called with a path that cannot be read, and the reason."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is skipped: its name starts with a dot, or the operating system created it."""
    return name.startswith((".", *SYSTEM_FOLDERS))


def refuse(path: Path, reason: str) -> None:
    """Refuse a folder that cannot be searched completely.

    Raises:
        CaseError: Always, with path and reason.
    """
    msg = f"{path} {reason}"
    raise CaseError(msg)


def walk(folder: Path, report: Report = refuse) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through a folder and those below it, in order, following links, each real folder once.

    Args:
        folder: Where to start.
        report: Called with each folder that cannot be read, and each link without suffix, and so probably to a folder,
            whose target does not exist.

    Yields:
        A folder, the names of its folders, and the names of its other entries, both sorted and without hidden ones.

    Raises:
        CaseError: By default, if anything is to be reported.
    """
    visited = set()

    def unreadable(error: OSError) -> None:
        report(Path(error.filename), unreadable_reason(error))

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        real = os.path.realpath(parent)
        if real in visited:  # a link back to a folder already visited
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        shown = sorted(name for name in names if not is_hidden(name))
        for name in shown:
            path = Path(parent, name)
            if not path.suffix and path.is_symlink() and (reason := not_a_file(path)):
                report(path, reason)
        yield Path(parent), list(folders), shown


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder, sorted, without hidden ones.

    Raises:
        CaseError: One of them, or the folder itself, cannot be read.
    """
    found = []
    for path in entries(folder):
        if path.is_dir():
            entries(path)
            found.append(path)
        elif not path.suffix and path.is_symlink():
            refuse(path, not_a_file(path))
    return found


def entries(folder: Path) -> list[Path]:
    """List what is in a folder, sorted, without hidden entries.

    Raises:
        CaseError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    except OSError as error:
        refuse(folder, unreadable_reason(error))
        raise  # for the type checker


def unreadable_reason(error: OSError) -> str:
    """Describe why a folder cannot be read, and what to do."""
    return (
        f"cannot be read ({error.strerror or error}), so cases in it would be missed: give yourself access, or move it "
        f"out of the folder."
    )


def not_a_file(path: Path) -> str:
    """Describe why a path is not a file with content, and what to do; empty if it is one."""
    try:
        about = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            target = path.readlink()
            return f"is a link to {target}, which does not exist: restore or fetch that file, or remove the link."
        return "does not exist: correct the path in the case list, or restore the file."
    except OSError as error:
        return f"cannot be read ({error.strerror or error}): give yourself access, or correct the path."
    if stat.S_ISREG(about.st_mode):
        return "" if about.st_size else "is empty (0 bytes): copy or download it again."
    kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a device or a pipe"
    return f"is {kind}, not an image file: replace it with the file itself."
