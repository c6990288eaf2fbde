"""A training leaves a bundle: moved elsewhere, it predicts what the configs and overlays of the training predict."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from conftest import BUNDLES, REPO, TrainedBundle, run_bundle, small_steps, words
from fork_server import run_module
from scanfill.domains import find_phantoms
from scanfill.sharing import pack

if TYPE_CHECKING:
    from pathlib import Path

OVERLAYS = {
    "brain_tumor_segmentation": ["unet.yaml", "modern.yaml", "modality_dropout.yaml"],
    "ct_label_to_image": ["small.yaml", "perceptual.yaml"],
    "hand_bone_segmentation": ["full_resolution.yaml", "softmax.yaml"],
    "kidney_tumor_segmentation": ["hallym.yaml"],
    "lesion_inpainting": ["small.yaml", "regression.yaml", "slices.yaml"],
    "mri_modality_completion": ["small.yaml", "adversarial.yaml", "whole.yaml"],
    "mri_modality_synthesis": ["small.yaml", "l1.yaml", "whole.yaml", "edges.yaml"],
}
"""Some for each bundle, as a person may combine them."""

LACK = {"mri_modality_completion": "t1ce", "mri_modality_synthesis": "flair"}
"""The images missing from new patients, so that there is something to synthesize."""

SMOKE = str(REPO / "configs" / "smoke.yaml")


def images(folder: Path) -> dict[str, bytes]:
    """What was predicted; JSON files beside it name the place of their inputs."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    kept = (".nii.gz", ".tif", ".tiff", ".npy", "_synthetic_image.png")  # other pictures show what these contain
    return {name: content for name, content in found.items() if name.endswith(kept)}


def run_there(bundle: Path, *configs: str, **options: Any) -> None:
    """Run configs of a bundle in its folder, as its documents say."""
    files = str([f"configs/{name}" for name in configs])
    finished = run_module("monai.bundle", "run", "--config_file", files, *words(options), cwd=bundle)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-5000:]


def moved(root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(root, tmp_path / "moved", ignore=shutil.ignore_patterns("eval", "data"))


def test_it_needs_no_overlay_and_no_option(trained: TrainedBundle, tmp_path: Path) -> None:
    bundle = moved(trained.root, tmp_path)
    run_there(bundle, "inference.yaml", dataset_dir=trained.new_cases)
    expected = images(trained.root / "eval" / "predictions")
    assert images(bundle / "eval" / "predictions") == expected
    assert expected


def test_it_is_evaluated_on_the_cases_that_judged_the_training(trained: TrainedBundle, tmp_path: Path) -> None:
    bundle = moved(trained.root, tmp_path)
    run_there(bundle, "train.yaml", "evaluate.yaml", dataset_dir=trained.dataset_dir)
    for table in (trained.root / "eval").glob("*.csv"):
        assert (bundle / "eval" / table.name).read_text() == table.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", [bundle for bundle in BUNDLES if bundle.name in OVERLAYS], ids=lambda path: path.name
)
def test_overlays_are_remembered(source: Path, tmp_path: Path) -> None:
    known, new = tmp_path / "known", tmp_path / "new"
    used = TrainedBundle(source, tmp_path / "run", {})
    smoke = used.declared.smoke
    phantoms = find_phantoms()[str(smoke.phantoms)]
    phantoms.write(known, cases=5, size=smoke.size)
    if used.declared.of_training:
        new = known
    else:
        phantoms.write(new, cases=2, size=smoke.size, seed=7)
    for path in new.rglob(f"*_{LACK.get(source.name, 'none')}.nii.gz"):
        path.unlink()
    overlays = [str(source / "configs" / name) for name in OVERLAYS[source.name]]
    steps = small_steps(str(source / "configs" / "train.yaml"), *overlays)
    where = {"bundle_root": used.root, "dataset_dir": known}
    files = [str(source / "configs" / "train.yaml"), *overlays]
    run_bundle([*files, SMOKE], *words({**where, **steps}))
    by_overlays = tmp_path / "by_overlays"
    inference = [str(source / "configs" / "inference.yaml"), *overlays]
    run_bundle(inference, *words({**where, **small_steps(*inference), "dataset_dir": new, "output_dir": by_overlays}))
    expected = images(by_overlays)
    assert expected

    bundle = moved(used.root, tmp_path)
    shutil.rmtree(used.root)
    run_there(bundle, "inference.yaml", dataset_dir=new)
    assert images(bundle / "eval" / "predictions") == expected
    run_there(bundle, "train.yaml", "evaluate.yaml", dataset_dir=known)
    run_there(bundle, "train.yaml", dataset_dir=known, resume=True, max_epochs=3)

    done = pack(bundle, output=tmp_path / "dist")
    shutil.unpack_archive(done.archive, tmp_path / "received")
    run_there(tmp_path / "received" / bundle.name, "inference.yaml", dataset_dir=new, output_dir=tmp_path / "theirs")
    assert len(images(tmp_path / "theirs")) == len(expected)
    said = json.loads((tmp_path / "received" / bundle.name / "configs" / "metadata.json").read_text())["scanfill"]
    assert said["trained_from"] == source.name
    assert said["baked_in"][: len(OVERLAYS[source.name])] == OVERLAYS[source.name]
