"""Fixtures for the packing tests, as a plugin: a second conftest.py would hide the first."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives import Copy, Environment, git, unpack
from conftest import REPO, TrainedBundle

if TYPE_CHECKING:
    from scanfill.sharing import PackedBundle


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A repository with the files of this project that packing uses, committed in their current state."""
    root = tmp_path_factory.mktemp("repository")
    for name in ("src/scanfill", "bundles", "configs"):
        shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "models", "eval"))
    shutil.copy(REPO / ".gitignore", root)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All there is")
    return Copy(root)


@pytest.fixture
def clone(repository: Copy, tmp_path: Path) -> Copy:
    """A clone that a test may modify."""
    git(tmp_path, "clone", "--quiet", str(repository.root), "clone")
    return Copy(tmp_path / "clone")


@pytest.fixture(scope="session")
def weightless(repository: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive without weights."""
    folder = tmp_path_factory.mktemp("weightless")
    return unpack(repository.pack(folder / "dist").archive, folder)


@pytest.fixture(scope="session")
def trained_archive(repository: Copy, trained: TrainedBundle, tmp_path_factory: pytest.TempPathFactory) -> PackedBundle:
    """An archive with the weights of a short training, with the bundle's laptop-sized network if it has one."""
    overlay = "small.yaml" if (trained.source / "configs" / "small.yaml").exists() else None
    return repository.pack(
        tmp_path_factory.mktemp("dist"),
        bundle=repository.root / "bundles" / trained.source.name,
        weights=trained.root / "models" / "model.pt",
        overlays=overlay,
    )


@pytest.fixture(scope="session")
def trained_unpacked(trained_archive: PackedBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle's folder as a recipient has it."""
    return unpack(trained_archive.archive, tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtual environment with every installed package except scanfill."""
    root = tmp_path_factory.mktemp("bare")
    venv.create(root / "venv", symlinks=True, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = root / "venv" / "lib" / version / "site-packages"
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "scanfill" not in entry.name and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    (root / "cwd").mkdir()
    environment = Environment(root / "venv" / "bin" / "python", root / "cwd")
    assert "No module named 'scanfill'" in environment.run("-c", "import scanfill", code=1)
    return environment
