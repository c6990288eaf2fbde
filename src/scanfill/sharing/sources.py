"""Find the source files of a folder and their commit: the files that git tracks."""

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import scanfill
from scanfill.errors import UsageError

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sources:
    """The source files of a folder.

    Attributes:
        folder: The folder.
        files: Paths relative to the folder, sorted.
        commit: Commit of the working copy, with ``-dirty`` if the files differ from it; or ``unknown``.
        time: Time of that commit, in seconds since 1970; None if the commit is unknown.
    """

    folder: Path
    files: list[Path]
    commit: str = UNKNOWN
    time: int | None = None


def package_folder() -> Path:
    """Return the folder of the running scanfill."""
    return Path(scanfill.__file__).resolve().parent


def find_sources(folder: Path, leave_out: Collection[str] = ()) -> Sources:
    """List a folder's source files.

    In a git working copy these are the tracked files, as they are on disk. Elsewhere, in an installed wheel or a folder
    outside git, they are all files except hidden ones and Python's caches.

    Args:
        folder: Folder to search.
        leave_out: Names of files and folders directly in it that are not sources.

    Raises:
        UsageError: Git is installed but cannot list the files.
    """
    tracked = _git(folder, "ls-files", "-z")
    names = [Path(name) for name in tracked.split("\0") if name] if tracked else _walk(folder)
    files = sorted(name for name in names if name.parts[0] not in leave_out and (folder / name).is_file())
    head = _git(folder, "log", "-1", "--format=%H %ct") if tracked else None
    if not head:
        return Sources(folder, files)
    commit, time = head.split()
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return Sources(folder, files, commit + ("-dirty" if changed else ""), int(time))


def all_files(folder: Path, only: Collection[str]) -> Sources:
    """List files of a folder, tracked by git or not, except hidden ones.

    Args:
        folder: Folder to search.
        only: Names of files and folders directly in it to include.
    """
    return Sources(folder, sorted(name for name in _walk(folder) if name.parts[0] in only))


def commit_of(*parts: Sources) -> str:
    """Return the commit of parts of one working copy: that of the first part, dirty if any part is."""
    commit = parts[0].commit.removesuffix("-dirty")
    dirty = commit != UNKNOWN and any(part.commit.endswith("-dirty") for part in parts)
    return commit + ("-dirty" if dirty else "")


def untracked_modules(folder: Path) -> list[str]:
    """List Python files below ``folder`` that git neither tracks nor ignores; none without git."""
    found = _git(folder, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")
    return sorted(name for name in (found or "").split("\0") if name)


def _walk(folder: Path) -> list[Path]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)]


def _git(folder: Path, *words: str) -> str | None:
    """Run git and return its output; None if there is no git, no working copy, or no commit yet."""
    own = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}  # set by git hooks, for the repository that runs them
    environment = {name: value for name, value in os.environ.items() if name not in own} | {"LC_ALL": "C"}
    command = ["git", "-C", str(folder), *words]
    try:
        asked = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)  # noqa: S603  git
    except FileNotFoundError:
        return None
    if asked.returncode == 0:
        return asked.stdout
    if "not a git repository" in asked.stderr or "does not have any commits yet" in asked.stderr:
        return None
    msg = f"git cannot list the tracked files of {folder}: {asked.stderr.strip()}"
    raise UsageError(msg)
