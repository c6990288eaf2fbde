"""A temporary folder for one run."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import scanfill.data.run_folder
from scanfill.data.run_folder import run_folder

if TYPE_CHECKING:
    from collections.abc import Callable


class Owner:
    pass


def test_the_folder_lives_as_long_as_its_owner(tmp_path: Path) -> None:
    owner = Owner()
    folder = run_folder(owner, tmp_path / "new")
    (folder / "file").write_text("x")
    assert folder.parent == tmp_path / "new"
    del owner
    gc.collect()
    assert not folder.exists()


def test_the_folder_goes_when_the_process_ends(tmp_path: Path) -> None:
    home = Path(scanfill.data.run_folder.__file__).parent  # without its package, whose import takes seconds
    code = f"import sys; sys.path.append({str(home)!r})\nfrom run_folder import run_folder\nclass Owner: pass\n"
    code += f"owner = Owner()\nprint(run_folder(owner, {str(tmp_path)!r}).is_dir())\nraise SystemExit(3)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("True\n", 3)
    assert list(tmp_path.iterdir()) == []


def in_a_fork(work: Callable[[], None]) -> int:
    """Run a function in a copy of this process and return how that ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the process of pytest has threads
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def test_a_forked_process_leaves_the_folder(tmp_path: Path) -> None:
    held = [Owner()]
    folder = run_folder(held[0], tmp_path)
    assert in_a_fork(held.clear) == 0
    assert folder.is_dir()
    held.clear()
    assert not folder.exists()


def test_what_a_killed_run_leaves_is_removed_by_the_next_one_and_nothing_else(tmp_path: Path) -> None:
    def be_killed() -> None:
        owner = Owner()
        run_folder(owner, tmp_path)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_fork(be_killed) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    (tmp_path / "scanfill-run-of-a-person").mkdir()
    owner, other = Owner(), Owner()
    mine = run_folder(owner, tmp_path)
    assert not left.exists()
    run_folder(other, tmp_path)
    assert mine.is_dir()
    assert (tmp_path / "scanfill-run-of-a-person").is_dir()
    assert oct(mine.stat().st_mode)[-3:] == "700"
