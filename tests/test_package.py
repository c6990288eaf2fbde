"""The files installed by `pip install scanfill`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from conftest import BUNDLES, REPO

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_wheel_carries_bundles_and_configs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", str(REPO), "--no-deps", "--quiet", "--wheel-dir", str(tmp_path)]
    subprocess.run(command, check=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("scanfill-*.whl"))).namelist())
    assert {"scanfill/py.typed", "scanfill/studies/workflow/Snakefile"} <= names
    assert {f"scanfill/{file.relative_to(REPO).as_posix()}" for file in (REPO / "configs").rglob("*.yaml")} <= names
    for bundle in BUNDLES:
        for file in bundle.rglob("*.yaml"):
            assert f"scanfill/bundles/{file.relative_to(bundle.parent).as_posix()}" in names
