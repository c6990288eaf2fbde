"""A single-machine SLURM cluster for the duration of a test; nothing outside its folder is changed.

It needs Debian's packages slurm-wlm and munge, and root, since the daemons run as root. No accounting, no cgroups.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
LACKING = [name for name in NEEDED if shutil.which(name) is None]
needs_slurm = pytest.mark.skipif(
    bool(LACKING) or os.geteuid() != 0,
    reason=f"not installed: {', '.join(LACKING)}" if LACKING else "only root can start SLURM's daemons",
)
PATIENCE = 60.0  # seconds for a daemon to answer

CONFIG = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=600
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# The environment of srun inside a job has no SLURM_CONF, so a wrapper that sets it is placed first in PATH.
SRUN = '#!/bin/sh\nSLURM_CONF="{config}" exec {srun} "$@"\n'


@contextmanager
def slurm_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start the cluster, make it available to this process's children, and stop it."""
    host = socket.gethostname()
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, host=host, cores=os.cpu_count(), ports=_free_ports(2)))
    for name in ("state", "spool", "bin", "munge"):
        (folder / name).mkdir()
    wrapper = folder / "bin" / "srun"
    wrapper.write_text(SRUN.format(config=config, srun=shutil.which("srun")))
    wrapper.chmod(0o755)
    monkeypatch.setenv("SLURM_CONF", str(config))
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    with ExitStack() as daemons:
        for command in (_munge(folder / "munge"), ["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            daemons.enter_context(_running(command, folder / f"{Path(command[0]).name}.out"))
        _wait_for(["sinfo", "--noheader", "--states=idle", "--format=%n"], host)
        yield


def _free_ports(count: int) -> list[int]:
    """Find free ports: a cluster of an earlier test that was killed may still be running."""
    with ExitStack() as sockets:
        found = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def _munge(folder: Path) -> Sequence[str]:
    """Write a key and return the command of its daemon, with files that others cannot read or write."""
    folder.chmod(0o755)
    key = folder / "key"
    key.write_bytes(os.urandom(64))
    key.chmod(0o600)
    places = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed", "key-file": "key"}
    return ["munged", "--foreground", "--force", *(f"--{name}={folder / place}" for name, place in places.items())]


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[None]:
    """Run a daemon in foreground mode, and stop it at the end."""
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait_for(command: Sequence[str], answer: str) -> None:
    """Repeat a command until it prints the answer."""
    end = time.monotonic() + PATIENCE
    while (found := subprocess.run(command, capture_output=True, text=True, check=False)).stdout.strip() != answer:
        if time.monotonic() > end:
            msg = f"SLURM did not start within {PATIENCE:.0f} s: {command} printed {found.stdout!r}, {found.stderr!r}"
            raise TimeoutError(msg)
        time.sleep(0.2)
