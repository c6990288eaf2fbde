"""The overlay multi_gpu_train.yaml of every bundle that has one, in two processes on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from monai.bundle import ConfigParser

from conftest import BUNDLES, REPO, TrainedBundle
from fork_server import run_module
from scanfill.domains import find_phantoms
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.sharing.declaration import PATCHES

if TYPE_CHECKING:
    from pathlib import Path

WITH_OVERLAY = [bundle for bundle in BUNDLES if (bundle / "configs" / "multi_gpu_train.yaml").exists()]

LACK = {"mri_modality_completion": "t1ce", "mri_modality_synthesis": "flair"}
"""The images missing from new patients, so that there is something to synthesize."""


@pytest.mark.slow
@pytest.mark.parametrize("bundle", WITH_OVERLAY, ids=lambda path: path.name)
def test_two_processes_train_one_network(bundle: Path, tmp_path: Path) -> None:
    source = TrainedBundle(bundle, tmp_path, {})
    write, size = find_phantoms()[source.declared.smoke.phantoms or ""].write, source.declared.smoke.size
    write(tmp_path / "phantoms", cases=5, size=size)
    configs = source.configs("train.yaml", "multi_gpu_train.yaml")
    learns_from_patches = source.declared.contract >= PATCHES
    dims = len(ConfigParser.load_config_file(configs[0])["patch_size"]) if learns_from_patches else 0
    patch = ("--patch_size", str([24 if dims == 3 else 32] * dims)) if dims else ()
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
        *("-m", "monai.bundle", "run", "--config_file", str([*configs, str(REPO / "configs" / "smoke.yaml")])),
        *("--bundle_root", str(tmp_path), "--dataset_dir", str(tmp_path / "phantoms")),
        *("--device", "cpu", "--validation", "0.6", *patch),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=500)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-20000:]
    content = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert content["trainer"]["epoch"] == 2
    assert not any(name.startswith("module.") for name in content["network"])
    assert list((tmp_path / "models").glob("model*.pt")) == [tmp_path / "models" / "model.pt"]
    new = tmp_path / "new"
    if bundle.name in LACK:
        brain_cohort(new, cases=1, size=size, without=LACK[bundle.name])
    elif source.declared.of_training:
        new = tmp_path / "phantoms"
    else:
        write(new, cases=2, size=size, seed=7)  # two, so that a lesion can move from one to the other
    asked = ("--condition", "{}", "--num_samples", "1") if source.declared.task == "generation" else ()
    check_left_bundle(tmp_path, new, *asked)


def check_left_bundle(root: Path, new: Path, *asked: str) -> None:
    """The first process has left a bundle that predicts, or generates what it is asked for."""
    split = json.loads((root / "datalist.json").read_text())
    patients = [{case["patient"] for case in split[part]} for part in ("training", "validation")]
    assert len(patients[0]) == 2 <= len(patients[1]), "a patient may have two visits"
    words = ("run", "--config_file", "configs/inference.yaml", "--dataset_dir", str(new), "--device", "cpu", *asked)
    finished = run_module("monai.bundle", *words, cwd=root)
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert list((root / "eval" / "predictions").rglob("*_synthetic_*.png" if asked else "*_preview.png"))
