"""``kill -9`` at any moment loses nothing that was finished; the same command goes on."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from conftest import BUNDLES, TrainedBundle, small_steps, words
from fork_server import run_module
from moved_phantoms import write_moved_case
from scanfill.checksums import file_checksum
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.engines.checkpoint_files import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SEGMENTATION = [bundle for bundle in BUNDLES if bundle.name == "brain_tumor_segmentation"]
segmentation = pytest.mark.parametrize("trained", SEGMENTATION, ids=lambda path: path.name, indirect=True)
KILLS = 7


def killed(module: str, arguments: list[str], longest: float, seed: int, check: Callable[[], None]) -> Iterator[float]:
    """Start a command several times and kill it at a random moment; afterwards what is finished must be sound."""
    moments = np.random.default_rng(seed).uniform(0.3, longest, KILLS)
    for moment in moments:
        try:
            run_module(module, *arguments, timeout=float(moment))
        except subprocess.TimeoutExpired:
            yield float(moment)
        check()


def finish(module: str, arguments: list[str]) -> str:
    finished = run_module(module, *arguments)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
    return finished.stdout + finished.stderr


def results(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_checksum(path) for path in folder.rglob("*.nii.gz")}


@segmentation
def test_inference(trained: TrainedBundle, tmp_path: Path) -> None:
    new = tmp_path / "new"
    brain_cohort(new, cases=6, size=32, seed=3)
    files = trained.configs("inference.yaml")

    def command(name: str) -> list[str]:
        where = {"bundle_root": trained.root, "dataset_dir": new, "output_dir": tmp_path / name}
        return ["run", "--config_file", str(files), *words({**where, **small_steps(*files)})]

    def check() -> None:
        listed = tmp_path / "killed" / "finished.json"
        if listed.is_file():
            for case, entry in json.loads(listed.read_text())["finished"].items():
                sums = {name: file_checksum(tmp_path / "killed" / case / name) for name in entry["files"]}
                assert sums == entry["files"]

    finish("monai.bundle", command("whole"))
    kills = list(killed("monai.bundle", command("killed"), 6, 0, check))
    assert kills
    log = finish("monai.bundle", command("killed"))
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    rows = {line.split(",")[0] for line in (tmp_path / "killed" / "volumes.csv").read_text().splitlines()[1:]}
    assert rows == {path.name for path in new.iterdir()}, log


@segmentation
def test_training(trained: TrainedBundle, tmp_path: Path) -> None:
    files = [*trained.configs("train.yaml")]
    length: dict[str, Any] = {"max_epochs": 6, "epoch_length": 2, "val_interval": 1, "resume": True}
    where = {"bundle_root": tmp_path / "run", "dataset_dir": trained.dataset_dir}
    arguments = ["run", "--config_file", str(files), *words({**where, **small_steps(*files), **length})]
    epochs = [0]

    def check() -> None:
        last, best = tmp_path / "run" / "models" / "last.pt", tmp_path / "run" / "models" / "model.pt"
        epoch = read_checkpoint(last)["trainer"]["epoch"] if last.is_file() else 0
        assert epoch >= epochs[-1], "an epoch that was finished is not lost"
        epochs.append(epoch)
        if best.is_file():
            read_checkpoint(best)

    assert list(killed("monai.bundle", arguments, 8, 1, check))
    finish("monai.bundle", arguments)
    assert read_checkpoint(tmp_path / "run" / "models" / "last.pt")["trainer"]["epoch"] == 6
    assert (tmp_path / "run" / "models" / "model.pt").is_file()
    assert not list((tmp_path / "run" / "models").glob("model_*.pt")), "a resumed training sets nothing aside"


def test_prepare(tmp_path: Path) -> None:
    for index in range(3):
        write_moved_case(tmp_path / "scans" / f"p{index}", index)
    before = {path: file_checksum(path) for path in (tmp_path / "scans").rglob("*.nii.gz")}
    done: dict[Path, str] = {}

    def arguments(output: str) -> list[str]:
        return ["prepare", str(tmp_path / "scans"), str(tmp_path / output), "--spacing", "4"]

    def check() -> None:
        for folder in (tmp_path / "killed").glob("p*"):
            assert len(list(folder.glob("*prepare.json"))) == 1, "a folder appears when it is complete"
        for path, known in done.items():
            assert file_checksum(path) == known
        done.update({path: file_checksum(path) for path in (tmp_path / "killed").glob("p*/*.nii.gz")})
        assert {path: file_checksum(path) for path in before} == before

    finish("scanfill", arguments("whole"))
    assert list(killed("scanfill", arguments("killed"), 8, 2, check))
    finish("scanfill", arguments("killed"))
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    assert not [path for path in (tmp_path / "killed").iterdir() if path.name.startswith(".")]
