"""Training, sampling and judging of image_synthesis_2d as a user sees them."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import REPO, TrainedBundle
from scanfill.data.provenance import is_synthetic
from scanfill.domains.images_2d.phantoms import write_image_cohort
from scanfill.engines import read_record
from scanfill.errors import CaseError, CheckpointError, UsageError
from workflow_runs import rows, run_here, stopped_by

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAME = "image_synthesis_2d"
QUICK = {"batch_size": 2, "max_epochs": 1, "epoch_length": 2, "val_interval": 1}

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def sample(trained: TrainedBundle, output: Path, **knobs: Any) -> None:
    where = {"bundle_root": str(trained.root), "output_dir": str(output), "dataset_dir": str(trained.new_cases)}
    run_here(trained.configs("inference.yaml"), **{**where, "num_samples": 2, **knobs})


def images(folder: Path) -> dict[str, NDArray[np.uint8]]:
    found = {}
    for path in sorted(folder.glob("*/*_synthetic_image.png")):
        with Image.open(path) as picture:
            found[path.parent.name] = np.asarray(picture)
    return found


def train(trained: TrainedBundle, root: Path, **knobs: Any) -> dict[str, Any]:
    run_here(
        trained.configs("train.yaml"), bundle_root=str(root), dataset_dir=str(trained.dataset_dir), **{**QUICK, **knobs}
    )
    content: dict[str, Any] = torch.load(root / "models" / "last.pt", weights_only=True)
    return content


def test_a_checkpoint_knows_the_conditions_and_gray_values_of_its_training(trained: TrainedBundle) -> None:
    record = read_record(trained.root / "models" / "model.pt")
    assert record["conditions"]["categories"]["modality"] == ["chest_xray", "mri"]
    assert record["conditions"]["categories"]["class"] == []
    assert record["gray_range"] == [0, 255]


def test_samples_are_marked_with_what_was_asked_for(trained: TrainedBundle, tmp_path: Path) -> None:
    sample(trained, tmp_path, condition={"modality": "mri"}, seed=4)
    assert sorted(images(tmp_path)) == ["sample_0001", "sample_0002"]
    for number, path in enumerate(sorted(tmp_path.glob("*/*.png"))):
        assert is_synthetic(path)
        about = json.loads(path.with_suffix(".json").read_text())
        assert (about["condition"], about["seed"]) == ({"modality": "mri"}, 4 + number)
        assert about["generator"]["bundle"] == NAME


def test_the_same_seed_gives_the_same_image_whatever_is_beside_it(trained: TrainedBundle, tmp_path: Path) -> None:
    sample(trained, tmp_path / "both", condition={}, seed=4)
    sample(trained, tmp_path / "one", condition={}, seed=5, num_samples=1)
    sample(trained, tmp_path / "other", condition={}, seed=6, num_samples=1)
    second = images(tmp_path / "both")["sample_0002"].astype(int)
    assert np.abs(images(tmp_path / "one")["sample_0001"] - second).max() <= 1
    assert np.abs(images(tmp_path / "other")["sample_0001"] - second).max() > 1


def test_a_table_gives_one_sample_per_row_and_reports_what_cannot_be(trained: TrainedBundle, tmp_path: Path) -> None:
    (tmp_path / "wishes.csv").write_text("case_id,modality,pathology\nfirst,mri,\nsecond,mri,pneumonia\n")
    with pytest.raises(SystemExit, match="1"):
        sample(trained, tmp_path / "out", dataset_dir=str(tmp_path / "wishes.csv"), num_samples=None)
    assert list(images(tmp_path / "out")) == ["first"]


def test_a_sweep_changes_one_condition_and_is_drawn_as_a_strip(trained: TrainedBundle, tmp_path: Path) -> None:
    sample(trained, tmp_path, condition={"modality": "mri"}, sweep={"severity": [0.2, 0.8]}, num_samples=1)
    assert list(images(tmp_path)) == ["sample_0001_severity_0.2", "sample_0001_severity_0.8"]
    sheet = tmp_path / "sheet_synthetic_images.png"
    assert is_synthetic(sheet)
    assert is_synthetic(shutil.copy(sheet, tmp_path / "renamed.png"))


def test_samples_may_be_nifti(trained: TrainedBundle, tmp_path: Path) -> None:
    sample(trained, tmp_path, condition={}, num_samples=1, image_type=".nii.gz")
    assert is_synthetic(tmp_path / "sample_0001" / "sample_0001_synthetic_image.nii.gz")


@pytest.mark.parametrize(
    ("knobs", "error", "message"),
    [
        (
            {"condition": {"modality": "ct"}},
            CaseError,
            "'ct' does not occur in the training; there are chest_xray, mri",
        ),
        ({"condition": "a nodule"}, UsageError, "is text, which is not understood"),
        ({"steps": 20}, UsageError, r"steps \(=20\) must be 50 to 1000"),
        ({"image_size": 64}, CheckpointError, "image_size=32; this run has 64. Pass --image_size 32"),
        ({"prediction": "epsilon"}, CheckpointError, "prediction='v_prediction'; this run has 'epsilon'"),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    trained: TrainedBundle, tmp_path: Path, knobs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with stopped_by(error, message):
        sample(trained, tmp_path, **knobs)


def test_the_judgement_has_every_row_and_a_page(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "scores.csv")
    straw = ["mean image", "class mean plus noise", "training images", "noise"]
    assert [row["row"] for row in table] == ["real images", "samples", *straw]
    assert "does not copy" in table[4]["failed"]
    assert {row["instrument"] for row in rows(trained.root / "eval" / "fidelity.csv")} == {"judge", "measured"}
    assert "Generated images, judged" in (trained.root / "eval" / "judgement.html").read_text()


def test_a_step_in_parts_gives_the_same_weights(trained: TrainedBundle, tmp_path: Path) -> None:
    whole, parts = (train(trained, tmp_path / str(size), batch_size=4, micro_batch=size) for size in (None, 2))
    for name, weight in whole["network"].items():
        torch.testing.assert_close(parts["network"][name], weight, atol=1e-4, rtol=1e-3, msg=name)
    assert parts["parts"] == {"size": 2}


def test_checkpointing_gives_the_same_weights(trained: TrainedBundle, tmp_path: Path) -> None:
    plain, checkpointed = (train(trained, tmp_path / str(on), checkpointing=on) for on in (False, True))
    for name, weight in plain["network"].items():
        torch.testing.assert_close(checkpointed["network"][name], weight, atol=1e-4, rtol=1e-3, msg=name)


def test_resume_goes_on_from_the_same_weights_schedule_and_average(trained: TrainedBundle, tmp_path: Path) -> None:
    before = train(trained, tmp_path, max_epochs=2)
    run_here(
        trained.configs("train.yaml"),
        bundle_root=str(tmp_path),
        dataset_dir=str(trained.dataset_dir),
        **{**QUICK, "max_epochs": 3, "learning_rate": 1e-12, "resume": "true"},
    )
    after = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert (after["trainer"]["epoch"], after["lr_scheduler"]["last_epoch"]) == (3, 6)
    assert after["trainer"]["averages"] == before["trainer"]["averages"] + 2


def test_a_training_stops_early_if_asked(trained: TrainedBundle, tmp_path: Path) -> None:
    content = train(trained, tmp_path, max_epochs=6, epoch_length=1, learning_rate=0.0, average=0.5, patience=1)
    assert content["trainer"]["epoch"] == 2


def test_a_folder_per_class_is_learned_as_it_is(
    trained: TrainedBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write_image_cohort(tmp_path / "drawn", cases=8, size=32, seed=9)
    for number, path in enumerate(paths):
        target = tmp_path / "known" / ("one", "other")[number % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    where = {"bundle_root": str(tmp_path / "run"), "dataset_dir": str(tmp_path / "known")}
    run_here(trained.configs("train.yaml"), **where, **{**QUICK, "batch_size": 4}, validation=0.25)
    assert "Fewer training images than a batch (4): class=one (3), class=other (3)." in caplog.text
    known = read_record(tmp_path / "run" / "models" / "model.pt")["conditions"]
    assert known["categories"]["class"] == ["one", "other"]
    run_here(
        trained.configs("inference.yaml"),
        bundle_root=str(tmp_path / "run"),
        output_dir=str(tmp_path / "out"),
        condition={"class": "other"},
        num_samples=1,
    )
    assert list(images(tmp_path / "out")) == ["sample_0001"]


def test_predicting_the_noise_trains_and_samples_too(trained: TrainedBundle, tmp_path: Path) -> None:
    other = {"prediction": "epsilon", "schedule": "linear_beta"}
    train(trained, tmp_path, **other)
    run_here(
        trained.configs("inference.yaml"),
        bundle_root=str(tmp_path),
        condition={},
        num_samples=1,
        output_dir=str(tmp_path / "out"),
        **other,
    )
    assert images(tmp_path / "out")


def test_losses_of_the_image_are_learned_from_and_the_feature_network_is_kept(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    def weights(root: Path, *overlays: str, **knobs: Any) -> dict[str, Any]:
        where = {"bundle_root": str(root), "dataset_dir": str(trained.dataset_dir)}
        run_here(trained.configs("train.yaml", *overlays), **where, **{**QUICK, "batch_size": 8, **knobs})
        network: dict[str, Any] = torch.load(root / "models" / "last.pt", weights_only=True)["network"]
        return network

    both = ("edges.yaml", "perceptual.yaml")
    plain, added = weights(tmp_path / "plain"), weights(tmp_path / "added", *both, feature_steps=2)
    assert any(not torch.equal(plain[name], weight) for name, weight in added.items())
    assert not (tmp_path / "plain" / "models" / "features.pt").exists()
    kept = (tmp_path / "added" / "models" / "features.pt").read_bytes()
    again = {"feature_steps": 2, "resume": "true", "max_epochs": 2}
    weights(tmp_path / "added", *both, **again)
    assert (tmp_path / "added" / "models" / "features.pt").read_bytes() == kept
    with stopped_by(CheckpointError, r"features\.pt was trained with steps=2; this run has 3\. Delete the file"):
        weights(tmp_path / "added", *both, **{**again, "feature_steps": 3})


def test_scores_say_that_these_are_phantoms(trained: TrainedBundle) -> None:
    with (trained.root / "eval" / "scores.csv").open() as file:
        assert all("phantoms" in row["note"] for row in csv.DictReader(file))
