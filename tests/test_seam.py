"""Bundles outside brain imaging pass every bundle test, although the package does not know them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import unpack
from conftest import REPO, run_bundle
from scanfill.sharing import pack
from throwaway_bundles import write_throwaway_bundles

if TYPE_CHECKING:
    from pathlib import Path

    from archives import Environment

pytest_plugins = ("archive_fixtures",)

BUNDLES = ("dots_synthesis", "shapes_segmentation", "shapes_to_image")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three bundles and their data."""
    folder = tmp_path_factory.mktemp("throwaway")
    assert tuple(write_throwaway_bundles(folder)) == BUNDLES
    return folder


@pytest.mark.slow  # `make test` has a bundle of another kind: hand_bone_segmentation
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_of_another_kind_passes_the_tests_of_a_bundle(root: Path, name: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_bundles.py", "-k", name]
    environment = {**os.environ, "SCANFILL_BUNDLES": str(root), "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(command, cwd=REPO, env=environment, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    assert " failed" not in finished.stdout
    assert int(finished.stdout.rpartition(" passed")[0].split()[-1]) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_of_another_kind_runs_from_its_archive(
    root: Path, name: str, bare: Environment, tmp_path: Path
) -> None:
    data = root / "data" / name
    config = str(root / name / "configs" / "train.yaml")
    run_bundle([config], "--bundle_root", str(tmp_path), "--dataset_dir", str(data / "known"))
    packed = pack(root / name, tmp_path / "models" / "model.pt", tmp_path)
    bundle = unpack(packed.archive, tmp_path / "elsewhere")
    use = [*("-m", "monai.bundle", "run"), "--config_file", str(bundle / "configs" / "inference.yaml")]
    bare.run(*use, "--bundle_root", str(bundle), "--dataset_dir", str(data / "new"))
    assert {path.name for path in (bundle / "eval" / "predictions").iterdir()} == set(_names(name))


def test_no_line_of_the_package_knows_them() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (REPO / "src").rglob("*.py"))
    assert not [word for word in (*BUNDLES, "mask_disc", '"disc"') if word in text]


def _names(bundle: str) -> list[str]:
    return ["wish_0", "wish_1"] if bundle == "dots_synthesis" else ["case_4", "case_5"]
