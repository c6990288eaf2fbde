"""A forked run behaves like a separate process."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fork_server import Finished, run_module

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, program: str, *words: str, timeout: float = 60) -> Finished:
    (folder / "program.py").write_text(program)
    return run_module("program", *words, cwd=folder, timeout=timeout)


def test_it_has_its_words_its_folder_and_streams_that_native_code_shares(tmp_path: Path) -> None:
    program = "import os, sys\nprint(sys.argv[1:], os.getcwd(), __name__)\nos.write(2, b'native')\n"
    done = run(tmp_path, program, "a", "--b", "c d")
    assert (done.returncode, done.stderr) == (0, "native")
    assert done.stdout == f"['a', '--b', 'c d'] {tmp_path} __main__\n"


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('in words')", 1, "in words\n"),
        ("raise KeyError('image')", 1, "KeyError: 'image'\n"),
        ("import sys; sys.excepthook = lambda *_: print('hooked', file=sys.stderr); 1 / 0", 1, "hooked\n"),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'at the end')", 0, "at the end"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
    ],
)
def test_it_ends_as_an_interpreter_ends(tmp_path: Path, end: str, code: int, told: str) -> None:
    forked = run(tmp_path, end)
    own = subprocess.run(
        [sys.executable, "-m", "program"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
    )
    assert forked.returncode == own.returncode == code
    assert forked.stderr.endswith(told)
    assert own.stderr.splitlines()[-1:] == forked.stderr.splitlines()[-1:]


def test_what_one_run_changes_no_other_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import os, torch, warnings\n"
        "print(torch.get_default_dtype(), os.environ.get('SEEN'), torch.get_num_threads())\n"
        "torch.set_default_dtype(torch.float64)\n"
        "os.environ['SEEN'] = 'by the other'\n"
        "warnings.warn('of which pytest would make an error')\n"
    )
    outputs = [run(tmp_path, program).stdout for _ in range(2)]
    assert outputs == ["torch.float32 None 1\n"] * 2
    monkeypatch.setenv("SEEN", "by the run")
    assert run(tmp_path, program).stdout == "torch.float32 by the run 1\n"


def test_everything_was_imported_before_and_only_its_own_time_is_counted(tmp_path: Path) -> None:
    program = "import sys\nprint('monai.bundle' in sys.modules, 'scanfill.engines' in sys.modules)\n"
    done = run(tmp_path, program + "sum(range(10**7))")
    assert done.stdout == "True True\n"
    assert 0.01 < done.cpu_seconds < 5, "the imports alone take six"
    child = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'sum(range(10**8))'], check=True)\n"
    assert run(tmp_path, child).cpu_seconds > done.cpu_seconds


def test_one_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    program = (
        "import fcntl, subprocess, sys\n"
        "held = open('held', 'w')\n"
        "fcntl.flock(held, fcntl.LOCK_EX)\n"
        "print('begun', flush=True)\n"
        "child = 'import time; time.sleep(1000)'\n"
        "subprocess.run([sys.executable, '-c', child], pass_fds=[held.fileno()])\n"
    )
    with pytest.raises(subprocess.TimeoutExpired) as late:
        run(tmp_path, program, timeout=4)
    assert late.value.output == "begun\n"
    with (tmp_path / "held").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # waits until no process holds the lock
