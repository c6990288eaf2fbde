"""Training, evaluation and inference of hand_bone_segmentation as a user sees them."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from PIL import Image, ImageSequence

from conftest import REPO, TrainedBundle, run_bundle, words
from fork_server import run_module
from scanfill.data import write_pages
from scanfill.data.rle import encode
from scanfill.domains.hand_xray import BONES
from scanfill.engines import read_record
from scanfill.errors import CheckpointError
from workflow_runs import rows, run_here, stopped_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "hand_bone_segmentation"
SMOKE = str(REPO / "configs" / "smoke.yaml")
QUICK = {"patch_size": [32, 32], "batch_size": 2, "max_epochs": 1, "epoch_length": 2}

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def pages(path: Path) -> NDArray[np.bool_]:
    """Masks of a TIFF, ``(29, rows, columns)``."""
    with Image.open(path) as picture:
        return np.stack([np.asarray(page) != 0 for page in ImageSequence.Iterator(picture)])


def radiographs(trained: TrainedBundle) -> dict[str, Path]:
    return {path.stem: path for path in sorted(trained.dataset_dir.rglob("*.png"))}


def predict(trained: TrainedBundle, cases: Path, output: Path, **knobs: Any) -> None:
    where = {"bundle_root": str(trained.root), "dataset_dir": str(cases), "output_dir": str(output)}
    run_here(trained.configs("inference.yaml"), **where, **knobs)


def one_hand(trained: TrainedBundle, folder: Path) -> Path:
    """A folder with one of the radiographs."""
    (folder / "one").mkdir()
    return Path(shutil.copy(next(iter(radiographs(trained).values())), folder / "one")).parent


def with_thresholds(trained: TrainedBundle, folder: Path, thresholds: list[float]) -> Path:
    """Copy the checkpoint with other thresholds."""
    weights = torch.load(trained.root / "models" / "model.pt", weights_only=True)
    weights._metadata[""]["record"]["thresholds"] = thresholds
    torch.save(weights, folder / "model.pt")
    return folder / "model.pt"


def test_a_prediction_has_a_page_per_bone_on_the_radiographs_own_grid(trained: TrainedBundle) -> None:
    for case, image in radiographs(trained).items():
        masks = pages(trained.root / "eval" / "predictions" / case / f"{case}_seg.tif")
        with Image.open(image) as picture:
            assert masks.shape == (len(BONES), picture.height, picture.width)


def test_the_json_beside_a_prediction_names_the_pages_in_order(trained: TrainedBundle) -> None:
    about = json.loads(next((trained.root / "eval" / "predictions").glob("*/*_seg.json")).read_text())
    assert list(about["labels"].values()) == list(BONES)
    assert about["use"] == "Research use only. Not for diagnosis or treatment."


def test_a_checkpoint_has_a_threshold_per_bone(trained: TrainedBundle) -> None:
    record = read_record(trained.root / "models" / "model.pt")
    assert len(record["thresholds"]) == record["classes"] == len(BONES)
    assert all(0.3 <= threshold <= 0.7 for threshold in record["thresholds"])


def test_scores_have_both_thresholds_and_the_scores_of_overlaps(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "scores.csv")
    assert len(table) == 2  # both hands of one person
    assert {row["case_id"][:-2] for row in table} == {table[0]["case_id"][:-2]}
    needed = {"mean_dice", "mean_dice_at_half", "overlap_recall", "exchanged", "absent_pixels", "band_dice"}
    assert needed | {"surface_dice_Pisiform", "smoothed_dice_finger-1"} <= set(table[0])


def test_the_summary_has_one_row_per_bone_and_score(trained: TrainedBundle) -> None:
    summary = rows(trained.root / "eval" / "summary.csv")
    assert [row["region"] for row in summary if row["metric"] == "dice"] == list(BONES)
    assert (summary[0]["region"], summary[0]["metric"]) == ("all", "mean_dice")


def test_thresholds_of_the_checkpoint_decide_what_is_predicted(trained: TrainedBundle, tmp_path: Path) -> None:
    everything = with_thresholds(trained, tmp_path, [1e-9] * 28 + [1.0])
    predict(trained, one_hand(trained, tmp_path), tmp_path / "out", checkpoint=str(everything))
    masks = pages(next((tmp_path / "out").glob("*/*_seg.tif")))
    assert masks[:28].all()
    assert not masks[28].any()


def test_a_threshold_on_the_command_line_comes_before_those_of_the_checkpoint(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    everything = with_thresholds(trained, tmp_path, [1e-9] * 29)
    predict(trained, one_hand(trained, tmp_path), tmp_path / "out", checkpoint=str(everything), thresholds=1.0)
    assert not pages(next((tmp_path / "out").glob("*/*_seg.tif"))).any()


def test_probabilities_return_to_the_original_grid_before_they_are_thresholded(trained: TrainedBundle) -> None:
    parser = ConfigParser()
    parser.read_config(trained.configs("inference.yaml"))
    parser.update({"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "image_size": 16})
    case = parser.get_parsed_content("preprocessing")(
        {"case_id": "one", "xray": str(next(iter(radiographs(trained).values())))}
    )
    case["pred"] = MetaTensor(torch.zeros(29, 16, 16), case["image"].affine)
    case["pred"][:, 8:] = 20  # logits of a straight outline in the middle
    back = parser.get_parsed_content("original_grid")(parser.get_parsed_content("activation")[0](case))["pred"]
    assert back.shape == (29, 64, 64)
    steps = {round(float(value), 2) for value in back[0, :, 32]}
    assert steps > {0.5, 1.0}, "interpolated between pixels, so that the outline is not made of blocks"


@pytest.mark.parametrize("image_size", [64, 32, 16])
def test_training_targets_have_the_area_and_place_of_the_bones(trained: TrainedBundle, image_size: int) -> None:
    parser = ConfigParser()
    parser.read_config(trained.configs("train.yaml"))
    parser.update({"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir)})
    parser.update({"image_size": image_size, "validation": 0.5})
    case = parser.get_parsed_content("train#dataset").data[0]
    for step in parser.get_parsed_content("preprocessing"):
        case = step(case)
    truth, target = (case[key].as_tensor().float() for key in ("label", "target"))
    assert target.shape == (29, image_size, image_size)
    shares = torch.nn.functional.avg_pool2d(truth, 64 // image_size)  # the radiographs have 64 pixels
    torch.testing.assert_close(target, shares)


def test_another_number_of_bones_is_refused_with_both_numbers(trained: TrainedBundle, tmp_path: Path) -> None:
    fewer = with_thresholds(trained, tmp_path, [0.5] * 28)
    with stopped_by(CheckpointError, "thresholds for 28 classes; this run has 29"):
        predict(trained, trained.dataset_dir, tmp_path / "out", checkpoint=str(fewer))
    with stopped_by(CheckpointError, "classes=29; this run has 28"):
        predict(trained, trained.dataset_dir, tmp_path / "out", classes=28, thresholds=0.5)


def test_another_image_size_than_that_of_the_training_is_refused(trained: TrainedBundle, tmp_path: Path) -> None:
    with stopped_by(CheckpointError, "image_size=256; this run has 512. Pass --image_size 256"):
        predict(trained, trained.dataset_dir, tmp_path / "out", image_size=512)


def test_an_inverted_radiograph_gets_the_same_prediction_and_a_warning(trained: TrainedBundle, tmp_path: Path) -> None:
    with Image.open(next(iter(radiographs(trained).values()))) as picture:
        values = np.pad(np.maximum(np.asarray(picture), 40), 16)  # black air all around
    for name, stored in (("straight", values), ("inverted", values.max() - values)):
        (tmp_path / name).mkdir()
        Image.fromarray(stored).save(tmp_path / name / "hand.png")
        predict(trained, tmp_path / name, tmp_path / "out" / name, thresholds=0.01)
    there, before = (pages(tmp_path / "out" / name / "hand" / "hand_seg.tif") for name in ("inverted", "straight"))
    assert np.array_equal(there, before)
    about = json.loads((tmp_path / "out" / "inverted" / "hand" / "hand_seg.json").read_text())
    assert any("inverted" in warning for warning in about["warnings"])


def test_one_component_of_each_bone_is_kept_if_asked(trained: TrainedBundle, tmp_path: Path) -> None:
    label = pytest.importorskip("scipy.ndimage").label
    predict(trained, one_hand(trained, tmp_path), tmp_path / "out", thresholds=0.01, largest_component=True)
    for path in (tmp_path / "out").glob("*/*_seg.tif"):
        assert all(label(mask, np.ones((3, 3)))[1] <= 1 for mask in pages(path))


@pytest.mark.parametrize(
    "overlay",
    [
        "softmax.yaml",
        pytest.param("full_resolution.yaml", marks=pytest.mark.slow),
        pytest.param("flexible_unet.yaml", marks=pytest.mark.slow),
        pytest.param("unet_512.yaml", marks=pytest.mark.slow),
    ],
)
def test_an_overlay_applies_unchanged_to_train_evaluate_and_inference(
    trained: TrainedBundle, tmp_path: Path, overlay: str
) -> None:
    configs = trained.source / "configs"
    added = str(configs / overlay)
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    run_here([str(configs / "train.yaml"), added], **knobs, **QUICK)
    run_here([str(configs / "train.yaml"), str(configs / "evaluate.yaml"), added], **knobs)
    run_here([str(configs / "inference.yaml"), added], **knobs)
    assert rows(tmp_path / "eval" / "scores.csv")
    predictions = list((tmp_path / "eval" / "predictions").glob("*/*_seg.tif"))
    assert len(predictions) == len(radiographs(trained))
    assert overlay != "softmax.yaml" or max(pages(path).sum(axis=0).max() for path in predictions) <= 1
    with stopped_by(CheckpointError, "fit this|network=|image_size="):
        run_here(trained.configs("inference.yaml"), **knobs)


@pytest.mark.parametrize(
    ("config", "used"), [("train.yaml", "validate#inferer"), ("inference.yaml", "evaluator#inferer")]
)
@pytest.mark.parametrize("overlays", [[], ["softmax.yaml"]])
def test_outputs_for_mirror_images_are_averaged_as_what_they_are(
    trained: TrainedBundle, config: str, used: str, overlays: list[str]
) -> None:
    parser = ConfigParser()
    parser.read_config(trained.configs(config, *overlays))
    parser.update({"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "tta": "flips"})
    assert parser.get_parsed_content(used).classes.exclusive == bool(overlays)


def test_the_preset_for_radiographs_applies(trained: TrainedBundle, tmp_path: Path) -> None:
    preset = str(REPO / "configs" / "augmentation" / "xray.yaml")
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    run_here([*trained.configs("train.yaml"), preset], **knobs, **QUICK)
    assert read_record(tmp_path / "models" / "model.pt")["flipped_axes"] == []


def test_without_validation_thresholds_are_half(trained: TrainedBundle, tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    run_bundle(
        [*trained.configs("train.yaml"), SMOKE],
        *(word for name, value in {**knobs, **QUICK, "validation": 0}.items() for word in (f"--{name}", str(value))),
    )
    assert "thresholds" not in read_record(tmp_path / "models" / "model.pt")
    predict(trained, one_hand(trained, tmp_path), tmp_path / "out", checkpoint=str(tmp_path / "models" / "model.pt"))
    assert list((tmp_path / "out").glob("*/*_seg.tif"))


def test_resume_goes_on_with_the_output_bias_it_has_learned(trained: TrainedBundle, tmp_path: Path) -> None:
    shutil.copytree(trained.root / "models", tmp_path / "models")
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir), "resume": "true"}
    run_here([*trained.configs("train.yaml"), SMOKE], **knobs, max_epochs=4, batch_size=2, patch_size=[32, 32])
    before, after = (
        torch.load(folder / "models" / "last.pt", weights_only=True) for folder in (trained.root, tmp_path)
    )
    assert (before["trainer"]["epoch"], after["trainer"]["epoch"]) == (2, 4)
    name = "network.network.final_conv_0_4.bias"
    moved = (after["network"][name] - before["network"][name]).abs().max()
    assert 0 < moved < 0.1  # six steps; a new start from the class frequencies would be further away


def test_the_output_starts_at_the_bones_shares_of_pixels(trained: TrainedBundle, tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir), "class_shares": 0.02}
    run_here(trained.configs("train.yaml"), **knobs, **QUICK, learning_rate=1e-9)
    bias = torch.load(tmp_path / "models" / "model.pt", weights_only=True)["network.network.final_conv_0_4.bias"]
    torch.testing.assert_close(bias.sigmoid(), torch.full((4 * 29,), 0.02), atol=1e-4, rtol=0)


KILLED = "+saving: [{_target_: workflow_runs.KillAt}]"
"""An overlay with which inference is killed between the files of a case, KILLED_AT."""


def test_the_table_of_run_lengths_says_what_the_pages_say(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "predictions" / "rle.csv")
    images = [path.name for path in radiographs(trained).values()]
    assert [(row["image_name"], row["class"]) for row in table] == [(image, bone) for image in images for bone in BONES]
    texts = [row["rle"] for row in table]
    for case in radiographs(trained):
        for mask in pages(trained.root / "eval" / "predictions" / case / f"{case}_seg.tif"):
            assert texts.pop(0) == encode(mask)


def test_a_run_that_was_killed_goes_on_to_the_same_table(
    trained: TrainedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "killed.yaml").write_text(KILLED)
    knobs = {"bundle_root": trained.root, "dataset_dir": trained.dataset_dir, "output_dir": tmp_path / "out"}
    files = [*trained.configs("inference.yaml"), str(tmp_path / "killed.yaml")]
    command = ["monai.bundle", "run", "--config_file", str(files), *words(knobs)]
    names = list(radiographs(trained))
    monkeypatch.setenv("KILLED_AT", names[3])
    assert run_module(*command, cwd=REPO / "tests").returncode == -signal.SIGKILL
    assert (tmp_path / "out" / names[3] / f"{names[3]}_rle.csv").is_file()
    assert list(json.loads((tmp_path / "out" / "finished.json").read_text())["finished"]) == names[:3]
    assert not (tmp_path / "out" / "rle.csv").exists()
    monkeypatch.delenv("KILLED_AT")
    whole = (trained.root / "eval" / "predictions" / "rle.csv").read_bytes()
    finished = run_module(*command, cwd=REPO / "tests")
    assert (finished.returncode, "3 of 6 cases are in" in finished.stdout + finished.stderr) == (0, True)
    assert (tmp_path / "out" / "rle.csv").read_bytes() == whole


def test_masks_that_were_corrected_by_hand_are_encoded_anew(trained: TrainedBundle, tmp_path: Path) -> None:
    knobs = {"bundle_root": trained.root, "dataset_dir": trained.dataset_dir, "output_dir": tmp_path / "out"}
    shutil.copytree(trained.root / "eval" / "predictions", tmp_path / "out")
    case = next(iter(radiographs(trained)))
    masks = np.zeros((len(BONES), 64, 64))
    masks[1, 10:14, 20] = 1  # X, Y
    write_pages(tmp_path / "out" / case / f"{case}_seg.tif", masks)
    log = run_bundle(trained.configs("inference.yaml"), *words(knobs))
    assert "Nothing was left to do" in log
    before, after = (rows(folder / "rle.csv") for folder in (trained.root / "eval" / "predictions", tmp_path / "out"))
    assert [row["rle"] for row in after[: len(BONES)]] == ["", encode(masks[1].T), *[""] * (len(BONES) - 2)]
    assert after[len(BONES) :] == before[len(BONES) :]


def test_a_case_that_fails_has_no_rows(
    trained: TrainedBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "new").mkdir()
    good, bad = (Path(shutil.copy(path, tmp_path / "new")) for path in list(radiographs(trained).values())[:2])
    bad.write_bytes(bad.read_bytes()[:-100])
    with pytest.raises(SystemExit):
        predict(trained, tmp_path / "new", tmp_path / "out")
    assert {row["image_name"] for row in rows(tmp_path / "out" / "rle.csv")} == {good.name}
    assert "rle.csv has no rows for 1 of 2 cases, which failed" in caplog.text
