"""Run ``python -m`` without the cost of imports: a server imports everything once and forks for each run.

Each run is a separate process with its own standard streams, working directory, environment and exit code, and it exits
like an interpreter. It does not test how a new interpreter starts; such tests use a real subprocess.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from multiprocessing import forkserver, get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

IMPORTS = "imported_once"
CONTEXT = get_context("forkserver")
STREAMS = ("stdout", "stderr")
CPU_SECONDS: list[float] = []
"""CPU seconds of each run so far."""


@dataclass(frozen=True)
class Finished:
    """Exit code, output and CPU time (including children) of a run."""

    returncode: int
    stdout: str
    stderr: str
    cpu_seconds: float


def run_module(module: str, *words: str, cwd: Path | None = None, timeout: float = 300) -> Finished:
    """Run ``python -m MODULE WORDS`` in the working directory ``cwd``, by default the current one.

    Raises:
        subprocess.TimeoutExpired: The run took more than ``timeout`` seconds and was killed with its children.
    """
    start_server()
    with TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        child = CONTEXT.Process(target=_run, args=(module, words, cwd or Path.cwd(), environment, folder))
        for stream in STREAMS:
            (folder / stream).touch()
        child.start()
        try:
            child.join(timeout)
        finally:
            if late := child.exitcode is None:
                os.killpg(child.pid or 0, signal.SIGKILL)
                child.join()
        out, err = ((folder / stream).read_text(errors="replace") for stream in STREAMS)
        if late:
            raise subprocess.TimeoutExpired(["python", "-m", module, *words], timeout, out, err)
        told = folder / "cpu_seconds"
        finished = Finished(child.exitcode or 0, out, err, float(told.read_text()) if told.exists() else 0.0)
        child.close()
    CPU_SECONDS.append(finished.cpu_seconds)
    return finished


@functools.cache
def start_server() -> None:
    """Start the server of this test process; both end together."""
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))  # Python 3.11 does not pass sys.path on
        patch.setenv("OMP_NUM_THREADS", "1")  # libraries read it when loaded; and no thread pool may be forked
        CONTEXT.set_forkserver_preload([IMPORTS])
        forkserver.ensure_running()


def _run(module: str, words: tuple[str, ...], cwd: Path, environment: dict[str, str], folder: Path) -> None:
    """In the fork: execute the run and exit with its exit code."""
    os.setsid()
    for descriptor, name in enumerate(STREAMS, start=1):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    code = 1
    try:
        assert IMPORTS in sys.modules, f"the server could not import {IMPORTS}; multiprocessing does not report why"
        imports = importlib.import_module(IMPORTS)
        assert imports.THREADS == 1, f"the server had {imports.THREADS} threads when it forked"
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(cwd)
        sys.path[:] = [str(cwd), *imports.PATH]
        sys.argv = [module, *words]
        np.random.seed()  # noqa: NPY002  as in a new interpreter; otherwise all forks draw the same numbers
        code = _exit_code(module)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001
        sys.__excepthook__(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        (folder / "cpu_seconds").write_text(str(sum(one.ru_utime + one.ru_stime for one in used)))
        os._exit(code)


def _exit_code(module: str) -> int:
    """Run a module as ``__main__``; like Python, report errors by the hook and obey requests to exit."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as asked:
        if asked.code is None or isinstance(asked.code, int):
            return asked.code or 0
        sys.stderr.write(f"{asked.code}\n")
        return 1
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
