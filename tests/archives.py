"""Helpers for the packing tests: a separate repository to pack from, and an environment without scanfill."""

from __future__ import annotations

import os
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import scanfill
from scanfill.sharing import PackedBundle, pack

if TYPE_CHECKING:
    from pathlib import Path

NAME = "brain_tumor_segmentation"


def git(folder: Path, *words: str) -> str:
    """Run git with a fixed author and date."""
    who = {"NAME": "A", "EMAIL": "a@example.org", "DATE": "2026-01-02T03:04:06Z"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    asked = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env={**os.environ, **names}
    )
    return asked.stdout.strip()


@dataclass(frozen=True)
class Copy:
    """A copy of this project, with its bundles and its package, to pack from."""

    root: Path

    @property
    def bundle(self) -> Path:
        return self.root / "bundles" / NAME

    @property
    def package(self) -> Path:
        return self.root / "src" / "scanfill"

    def pack(self, output: Path, **options: Any) -> PackedBundle:
        """Pack as if the scanfill of this copy were running."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scanfill, "__file__", str(self.package / "__init__.py"))
            return pack(**{"bundle": NAME, "output": output, **options})


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive and return the bundle's folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder / archive.name.partition("_v")[0]


@dataclass(frozen=True)
class Environment:
    """A Python with all dependencies of scanfill but without scanfill; ``folder`` is its working directory."""

    python: Path
    folder: Path

    def run(self, *words: str, code: int = 0, path: Path | None = None) -> str:
        """Run ``python WORDS`` in a folder unrelated to any bundle."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"OMP_NUM_THREADS": "1"} | ({"PYTHONPATH": str(path)} if path else {})
        finished = subprocess.run(
            [str(self.python), *words],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
            timeout=300,
        )
        log = finished.stdout + finished.stderr
        assert finished.returncode == code, f"exit code {finished.returncode}, expected {code}:\n{log[-5000:]}"
        return log
