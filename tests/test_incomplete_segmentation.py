"""brain_tumor_segmentation on cases with missing modalities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from conftest import REPO, TrainedBundle
from scanfill.checksums import file_checksum
from scanfill.data.provenance import is_synthetic
from scanfill.domains.brain_mri.reliability import SaveSegmentationd
from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError, CheckpointError, UsageError
from scanfill.missing.availability import trained_availability
from test_brain_tumor_segmentation import MODALITIES, copy_cases, file_of, predict, rows, run_here, stopped_by
from untrained_bundles import COMPLETION, SYNTHESIS, untrained_bundle

if TYPE_CHECKING:
    from pathlib import Path

NAME = "brain_tumor_segmentation"

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles that make images; what they make is nothing like a scan, but all that is around it is real."""
    folder = tmp_path_factory.mktemp("bundles")
    return {name: untrained_bundle(folder / name, name) for name in (SYNTHESIS, COMPLETION)}


def untrained_segmentation(trained: TrainedBundle, root: Path, modalities: list[str]) -> Path:
    """A checkpoint with random weights."""
    files = trained.configs("inference.yaml")
    parser = ConfigParser(ConfigParser.load_config_files(files))
    parser.update({"modalities": modalities, "availability": False})
    network = parser.get_parsed_content("network_def")
    record = TrainingRecord({"modalities": modalities}, network, facts={"spacing": [6.0, 6.0, 6.0]}).state_dict()
    (root / "models").mkdir(parents=True)
    torch.save(weights_with_record(network.state_dict(), record), root / "models" / "model.pt")
    return root


def label_of(output: Path, case: Path) -> nib.Nifti1Image:
    return nib.load(output / case.name / f"{case.name}_seg.nii.gz")


def about(output: Path, case: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / case.name / f"{case.name}_seg.json").read_text())
    return content


def test_refusing_tells_every_other_way_and_does_not_stop_the_others(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = copy_cases(trained, tmp_path / "cases", 2)
    file_of(bad, "flair").unlink()
    with pytest.raises(SystemExit):
        predict(trained, tmp_path / "cases", tmp_path / "out")
    told = "".join(capsys.readouterr())
    for way in (f"{bad.name!r} has no flair", "--missing zero", "--completion_bundle PATH", "modality_dropout.yaml"):
        assert way in told
    assert label_of(tmp_path / "out", good)
    assert not (tmp_path / "out" / bad.name).exists()


def test_zero_filling_predicts_with_an_ordinary_checkpoint(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "t1").unlink()  # the modality whose grid predictions are brought back to
    predict(trained, case, tmp_path / "out", missing="zero")
    scan, label = nib.load(file_of(case, "t2")), label_of(tmp_path / "out", case)
    assert label.shape == scan.shape
    np.testing.assert_allclose(label.affine, scan.affine, atol=1e-4)
    assert about(tmp_path / "out", case)["inputs"] == dict.fromkeys(MODALITIES, "acquired") | {"t1": "absent"}
    assert rows(tmp_path / "out" / "volumes.csv")[0]["absent"] == "t1"


@pytest.mark.parametrize("report", ["false", "true"])
def test_without_t1ce_the_core_is_one_class_unless_told_otherwise(
    trained: TrainedBundle, tmp_path: Path, report: str
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "t1ce").unlink()
    predict(trained, case, tmp_path / "out", missing="zero", report_unreliable=report)
    (row,) = rows(tmp_path / "out" / "volumes.csv")
    values = np.asarray(label_of(tmp_path / "out", case).dataobj)
    unreliable = about(tmp_path / "out", case)["unreliable"]
    assert row["TC_confidence"] == "reduced confidence"
    assert row["reason"].startswith("T1CE is absent")
    assert isinstance(unreliable, dict)
    if report == "true":
        assert float(row["CET_ml"]) + float(row["NC_ml"]) == pytest.approx(float(row["TC_ml"]), abs=0.01)
        assert unreliable["withheld"] == []
        return
    assert (row["NC_ml"], row["CET_ml"]) == ("null", "null")
    voxel = np.prod(nib.load(file_of(case, "t2")).header.get_zooms()) / 1000
    assert float(row["TC_ml"]) == pytest.approx(np.count_nonzero(values == 1) * voxel, abs=0.01)
    assert set(np.unique(values)) <= {0, 1, 2}
    assert unreliable["withheld"] == ["NC", "CET"]


@pytest.mark.parametrize(("missing", "need"), [("complete", "--completion_bundle"), ("synthesize", "--synthesis_bun")])
def test_a_strategy_without_its_bundle_says_what_it_needs_once_a_case_does(
    trained: TrainedBundle, tmp_path: Path, missing: str, need: str
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    predict(trained, case, tmp_path / "out", missing=missing)
    assert about(tmp_path / "out", case)["inputs"] == dict.fromkeys(MODALITIES, "acquired")
    file_of(case, "flair").unlink()
    with stopped_by(UsageError, need):
        predict(trained, case, tmp_path, missing=missing)


# --- images made by another bundle ------------------------------------------------------------------------------------


def test_what_lacks_is_made_first_and_then_segmented(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path
) -> None:
    whole, part = copy_cases(trained, tmp_path / "cases", 2)
    file_of(part, "t1ce").unlink()
    given = {path.name: path.read_bytes() for path in part.iterdir()}
    output = tmp_path / "out"
    knobs = {"missing": "complete", "completion_bundle": str(bundles[COMPLETION])}
    predict(trained, tmp_path / "cases", output, **knobs)
    assert {path.name: path.read_bytes() for path in part.iterdir()} == given
    completed = output / "completed" / part.name
    assert {name: (completed / name).read_bytes() for name in given} == given
    assert is_synthetic(completed / f"{part.name}_synthetic_t1ce.nii.gz")
    assert [path.name for path in (output / "completed").iterdir()] == [part.name]

    facts = about(output, part)
    assert facts["inputs"] == dict.fromkeys(MODALITIES, "acquired") | {"t1ce": "synthetic"}
    assert facts["made_by"] == {
        "synthetic_inputs": "t1ce",
        "generator": f"{COMPLETION} 0.2.0",
        "generator_sha256": file_checksum(bundles[COMPLETION] / "models" / "model.pt"),
        "generator_training_list": "unknown",
    }
    assert "made_by" not in about(output, whole)
    table = {row["case_id"]: row for row in rows(output / "volumes.csv")}
    assert (table[part.name]["CET_ml"], table[part.name]["synthetic"]) == ("null", "t1ce")
    assert table[part.name]["reason"].startswith("T1CE is synthetic")
    assert table[whole.name]["CET_ml"] != "null"
    assert set(np.unique(label_of(output, part).dataobj)) <= {0, 1, 2}
    assert (output / part.name / f"{part.name}_preview.png").is_file()

    # Each step alone: the completed folder needs no bundle.
    predict(trained, output / "completed", tmp_path / "alone", missing="complete")
    np.testing.assert_array_equal(label_of(tmp_path / "alone", part).dataobj, label_of(output, part).dataobj)
    assert about(tmp_path / "alone", part) == facts
    with pytest.raises(SystemExit):
        predict(trained, output / "completed", tmp_path / "refused")
    assert not (tmp_path / "refused" / part.name).exists()


def test_the_brain_is_that_of_the_given_scans(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "flair").unlink()
    predict(trained, case, tmp_path / "out", missing="synthesize", synthesis_bundles={"flair": str(bundles[SYNTHESIS])})
    made = tmp_path / "out" / "completed" / case.name / f"{case.name}_synthetic_flair.nii.gz"
    image = nib.load(made)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) + 1, image.affine), made)  # now not 0 outside the brain
    masks = []
    save = SaveSegmentationd.__call__

    def remember(self: SaveSegmentationd, data: Any) -> Any:
        masks.append(data["mask"])
        return save(self, data)

    monkeypatch.setattr(SaveSegmentationd, "__call__", remember)
    predict(trained, tmp_path / "out" / "completed", tmp_path / "again", missing="complete")
    given = [np.asarray(nib.load(file_of(case, name)).dataobj) != 0 for name in ("t1", "t1ce", "t2")]
    volumes = [np.count_nonzero(np.logical_or.reduce(given)), int(masks[0].sum())]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.05)  # resampled to the network's grid
    assert volumes[1] < 0.8 * masks[0].numel()


def test_a_case_that_cannot_be_completed_does_not_stop_the_others(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, no_source, damaged, nothing = copy_cases(trained, tmp_path / "cases", 4)
    for case in (good, no_source, damaged):
        file_of(case, "flair").unlink()
    file_of(no_source, "t2").unlink()
    file_of(damaged, "t2").write_bytes(b"no image")
    for modality in MODALITIES:
        file_of(nothing, modality).unlink()
    (nothing / f"{nothing.name}_flair.txt").write_text("lost")
    with pytest.raises(SystemExit):
        predict(
            trained,
            tmp_path / "cases",
            tmp_path / "out",
            missing="synthesize",
            synthesis_bundles={"flair": str(bundles[SYNTHESIS])},
        )
    told = "".join(capsys.readouterr())
    assert "2 of 3 cases failed" in told
    assert f"{no_source.name!r} has no t2 image" in told
    assert f"{damaged.name!r}: flair could not be generated" in told
    assert label_of(tmp_path / "out", good)


def test_a_source_may_be_no_input_of_the_segmentation(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """FLAIR is synthesized from T2 for a network of T1CE and FLAIR."""
    root = untrained_segmentation(trained, tmp_path / "two", modalities=["t1ce", "flair"])
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "flair").unlink()
    run_here(
        trained.configs("inference.yaml"),
        bundle_root=str(root),
        modalities=["t1ce", "flair"],
        dataset_dir=str(case),
        output_dir=str(tmp_path / "out"),
        missing="synthesize",
        synthesis_bundles={"flair": str(bundles[SYNTHESIS])},
    )
    assert about(tmp_path / "out", case)["inputs"] == {"t1ce": "acquired", "flair": "synthetic"}
    assert len(list((tmp_path / "out" / "completed" / case.name).glob("*.nii.gz"))) == 4


@pytest.mark.parametrize("unusable", ["report", "drop"])
def test_t1ce_that_shows_half_of_the_brain_is_flagged_and_left_out_on_request(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path, unusable: str
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    scan = nib.load(file_of(case, "t1ce"))
    voxels = np.asarray(scan.dataobj).copy()
    voxels[:, :, : voxels.shape[2] // 2] = 0
    nib.save(nib.Nifti1Image(voxels, scan.affine), file_of(case, "t1ce"))
    knobs = {"missing": "complete", "completion_bundle": str(bundles[COMPLETION]), "unusable": unusable}
    predict(trained, case, tmp_path / "out", **knobs)
    state = about(tmp_path / "out", case)["inputs"]["t1ce"]
    (row,) = rows(tmp_path / "out" / "volumes.csv")
    assert (row["NC_ml"], row["CET_ml"], row["TC_confidence"]) == ("null", "null", "reduced confidence")
    if unusable == "drop":
        assert state == row["synthetic"].replace("t1ce", "synthetic") == "synthetic"
    else:
        assert state.startswith("unusable (coverage: Covers ")
        assert state.endswith("), but used")
        assert not (tmp_path / "out" / "completed").exists()


def test_evaluation_says_in_every_row_what_made_an_input_and_refuses_what_learned_from_the_cases(
    trained: TrainedBundle, bundles: dict[str, Path], tmp_path: Path
) -> None:
    configs = trained.configs("train.yaml", "evaluate.yaml")
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "leave_out": ["flair"]}
    with_flair = {"missing": "synthesize", "synthesis_bundles": {"flair": str(bundles[SYNTHESIS])}}
    run_here(configs, **knobs, **with_flair, output_dir=str(tmp_path / "made"))
    run_here(configs, **knobs, missing="zero", output_dir=str(tmp_path / "zero"))
    (made,), (zero,) = (rows(tmp_path / name / "scores.csv") for name in ("made", "zero"))
    assert (made["synthetic_inputs"], made["generator"]) == ("flair", f"{SYNTHESIS} 0.2.0")
    assert made["generator_sha256"] == file_checksum(bundles[SYNTHESIS] / "models" / "model.pt")
    assert zero["synthetic_inputs"] == zero["generator"] == ""
    assert made["predicted_ml_WT"] != zero["predicted_ml_WT"]

    known = [{"case_id": made["case_id"], "patient": made["case_id"]}]
    informed = untrained_bundle(tmp_path / "informed", SYNTHESIS, training=known)
    with stopped_by(CaseError, f"was trained on 1 of the 1 cases to be evaluated: {made['case_id']}"):
        run_here(configs, **knobs, missing="synthesize", synthesis_bundles={"flair": str(informed)})
    with stopped_by(CaseError, r"model\.pt was trained on 4 of the 5 cases"):
        run_here(configs, **{**knobs, "leave_out": []}, evaluate_on="all")


def test_evaluation_shows_what_a_missing_modality_costs(trained: TrainedBundle, tmp_path: Path) -> None:
    configs = trained.configs("train.yaml", "evaluate.yaml")
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "leave_out": ["flair"]}
    run_here(configs, **knobs, output_dir=str(tmp_path), missing="zero")
    zero, four = (rows(folder / "scores.csv") for folder in (tmp_path, trained.root / "eval"))
    assert [row["case_id"] for row in zero] == [row["case_id"] for row in four]
    assert [row["predicted_ml_WT"] for row in zero] != [row["predicted_ml_WT"] for row in four]
    with stopped_by(CaseError, "has no flair image"):
        run_here(configs, **knobs, output_dir=str(tmp_path / "refused"))


def test_one_network_for_every_subset_is_recognised_by_its_checkpoint(trained: TrainedBundle, tmp_path: Path) -> None:
    overlay = str(trained.source / "configs" / "modality_dropout.yaml")
    cases = sorted(path for path in trained.dataset_dir.iterdir() if path.is_dir())
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    small = {"patch_size": [16, 16, 16], "max_epochs": 1, "epoch_length": 2}
    unet = [str(trained.source / "configs" / "unet.yaml")]
    run_here([str(trained.source / "configs" / "train.yaml"), *unet, overlay], **knobs, **small)
    assert trained_availability(tmp_path / "models" / "model.pt")

    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    for modality in ("t1", "t1ce", "flair"):
        file_of(case, modality).unlink()
    inference = [str(trained.source / "configs" / "inference.yaml"), *unet]
    run_here(inference, bundle_root=str(tmp_path), dataset_dir=str(case), output_dir=str(tmp_path / "out"))
    assert about(tmp_path / "out", case)["inputs"] == dict.fromkeys(MODALITIES, "absent") | {"t2": "acquired"}
    evaluation = [str(trained.source / "configs" / name) for name in ("train.yaml", "evaluate.yaml")]
    run_here([*evaluation, *unet], **knobs, leave_out=["t1", "flair"], output_dir=str(tmp_path / "scores"))
    assert {row["case_id"] for row in rows(tmp_path / "scores" / "scores.csv")} <= {path.name for path in cases}
    with stopped_by(CheckpointError, "availability=None; this run has True"):
        run_here([*trained.configs("inference.yaml"), overlay], bundle_root=str(trained.root), dataset_dir=str(case))
