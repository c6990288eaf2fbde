"""Training and inference of ct_label_to_image as a user sees them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image
from scipy import ndimage

from conftest import REPO, TrainedBundle, small_steps
from scanfill.data import ReadCased, load_cases, read_list
from scanfill.data.provenance import is_synthetic
from scanfill.domains.kidney_ct import CheckCTd
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError, CheckpointError, UsageError
from workflow_runs import run_here, stopped_by

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAME = "ct_label_to_image"
KIDNEYS: dict[str, Any] = {"schema": "kidney_ct"}

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def use(trained: TrainedBundle, output: Path, **knobs: Any) -> None:
    """Run inference in this process."""
    files = trained.configs("inference.yaml")
    places = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "output_dir": str(output)}
    run_here(files, **{**small_steps(*files), **places, **knobs})


def fails(trained: TrainedBundle, output: Path, capsys: pytest.CaptureFixture[str], **knobs: Any) -> str:
    """Run inference in which a case fails, and return what is said."""
    with pytest.raises(SystemExit) as stopped:
        use(trained, output, **knobs)
    assert stopped.value.code == 1
    return " ".join(capsys.readouterr().out.split())


def stored(path: Path) -> NDArray[Any]:
    return np.asarray(nib.load(path).dataobj)


def made(output: Path, name: str, key: str, suffix: str = ".nii.gz") -> Path:
    return output / name / f"{name}_synthetic_{key}{suffix}"


def masks_of(output: Path) -> dict[str, NDArray[Any]]:
    found = {folder.name: stored(made(output, folder.name, "label")) for folder in output.iterdir() if folder.is_dir()}
    assert found
    return found


@pytest.fixture
def few(trained: TrainedBundle, tmp_path: Path) -> Path:
    """A list with two training cases, and the validation part of the training."""
    split = read_list(trained.root / "datalist.json", trained.dataset_dir, **KIDNEYS)
    part = {"training": split["training"][:2], "validation": split["validation"]}
    file = tmp_path / "few.json"
    file.write_text(json.dumps(part))
    return file


def test_new_slices_are_training_cases_and_no_others(trained: TrainedBundle) -> None:
    output = trained.root / "eval" / "predictions"
    split = load_cases(None, output / "list.json", ["ct"], validation=0, **KIDNEYS)
    new = [case for case in split["training"] if case["synthetic"]]
    assert [case["case_id"] for case in new] == [f"{name}-slice1" for name in trained.case_ids()]
    read = ReadCased("ct", "label", **KIDNEYS)
    for case in new:
        image = read(case)
        assert image["ct"].shape == image["label"].shape == (1, 64, 64, 1)
        assert -200 <= float(image["ct"].min()) < float(image["ct"].max()) <= 200, "in the window"
        assert set(np.unique(image["label"])) <= {0, 1, 2}
        assert case["patient"] in case["case_id"]
    for part in ("validation", "test"):
        judged = {"training": split["training"][:1], part: new[:1]}
        file = trained.root / f"{part}.json"
        file.write_text(json.dumps(judged))
        with pytest.raises(CaseError, match="synthetic"):
            read_list(file, **KIDNEYS)


def test_every_file_says_that_it_is_synthetic_and_how_it_came_about(trained: TrainedBundle) -> None:
    output = trained.root / "eval" / "predictions"
    known = read_record(trained.root / "models" / "model.pt")["training"]
    for path in output.glob("*/*.nii.gz"):
        assert is_synthetic(path)
        facts = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert facts["generator"]["bundle"] == NAME
        assert facts["generator"]["training_list"]["patients"] == len(known["patients"])
        assert set(facts["inputs"]) == {"ct", "label"}
        assert facts["mask"]["from"] == "own"


def test_a_slice_lies_where_its_body_lay_and_its_own_mask_is_that_of_the_patient(trained: TrainedBundle) -> None:
    output = trained.root / "eval" / "predictions"
    for name in trained.case_ids():
        truth = nib.load(trained.dataset_dir / name / "segmentation.nii.gz")
        drawn = nib.load(made(output, f"{name}-slice1", "label"))
        to_truth = np.linalg.inv(truth.affine) @ drawn.affine
        places = np.argwhere(np.asarray(drawn.dataobj) > 0)
        found = np.rint(places @ to_truth[:3, :3].T + to_truth[:3, 3]).astype(int)
        values = np.asarray(truth.dataobj)
        assert np.array_equal(values[tuple(found.T)], np.asarray(drawn.dataobj)[tuple(places.T)])
        slices = (values == 2).sum(axis=(1, 2))
        assert not slices.any() or slices[found[0, 0]] == slices.max(), "the slice with most of a tumor"


@pytest.mark.parametrize("masks", ["moved", "deformed", "drawn"])
def test_a_painted_slice_has_the_same_mask_as_that_of_the_network(
    trained: TrainedBundle, few: Path, tmp_path: Path, masks: str
) -> None:
    options = {"masks": masks, "datalist": str(few), "copies": 2}
    use(trained, tmp_path / "drawn", **options)
    use(trained, tmp_path / "painted", filled_by="painted", **options)
    for case in read_list(tmp_path / "painted" / "list.json", **KIDNEYS)["training"]:
        CheckCTd("ct")(ReadCased("ct", "label", **KIDNEYS)(case))
    drawn, painted = masks_of(tmp_path / "drawn"), masks_of(tmp_path / "painted")
    assert len(drawn) == 4
    for name, mask in drawn.items():
        assert mask.any()
        assert np.array_equal(mask, painted[name])
        ct = stored(made(tmp_path / "painted", name, "ct"))
        assert not np.array_equal(ct, stored(made(tmp_path / "drawn", name, "ct")))
        facts = json.loads(made(tmp_path / "painted", name, "ct", ".json").read_text())
        assert facts["generator"]["bundle"] == "scanfill painted"
        assert facts["generator"]["checkpoint"] is None, "nothing learned is in it"


def test_looks_share_a_mask_and_it_is_said_how_much_they_differ(
    trained: TrainedBundle, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(trained, tmp_path / "out", looks=3, masks="moved", datalist=str(few))
    masks = masks_of(tmp_path / "out")
    assert len(masks) == 6
    first = next(iter(masks)).rpartition("-")[0]
    looks = [name for name in masks if name.startswith(first)]
    assert len(looks) == 3
    assert all(np.array_equal(masks[looks[0]], masks[name]) for name in looks)
    told = json.loads((tmp_path / "out" / "looks.json").read_text())
    assert told["masks"] == 2
    assert set(told) == {"masks", "ms_ssim", "sd"}
    assert "Looks of one mask (2 masks): mean MS-SSIM" in capsys.readouterr().out


def test_given_masks_are_drawn_or_refused_with_the_reason(
    trained: TrainedBundle, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = tmp_path / "masks"
    training = [case["case_id"] for case in read_list(few, **KIDNEYS)["training"]]
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    good = np.zeros((64, 64, 1), np.uint8)
    good[20:26, 34:40] = 1
    alone = good.copy()
    alone[40:43, 34:37] = 2

    def draw(values: NDArray[Any], name: str) -> None:
        masks.mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(values, affine), masks / f"{name}.nii.gz")

    options = {"masks": str(masks), "datalist": str(few)}
    draw(good, training[0])
    draw(alone, training[1])
    said = fails(trained, tmp_path / "one", capsys, **options)
    assert "regions of tumor, the first at (40, 34, 0), lie outside any kidney" in said
    assert np.array_equal(stored(made(tmp_path / "one", f"{training[0]}-slice1", "label")).squeeze(), good[..., 0])
    facts = json.loads(made(tmp_path / "one", f"{training[0]}-slice1", "ct", ".json").read_text())
    assert (facts["mask"]["from"], facts["mask"]["file"]) == ("given", f"{training[0]}.nii.gz")
    draw(good[:60], training[0])
    draw(np.zeros_like(good), training[1])
    said = fails(trained, tmp_path / "two", capsys, **options)
    assert "has shape (60, 64), but the images (64, 64)" in said
    assert "the label map is empty, so there is nothing to draw" in said
    draw(good * 7, training[0])
    outside = np.zeros_like(good)
    outside[:3, :3] = 1
    draw(outside, training[1])
    said = fails(trained, tmp_path / "three", capsys, **options)
    assert "contains the value 7" in said
    assert "Each kidney must lie in the body" in said


def test_a_mask_of_a_validation_patient_stops_the_run(trained: TrainedBundle, few: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    judged = read_list(few, **KIDNEYS)["validation"][0]
    shutil.copy(judged["label"], tmp_path / "masks" / f"{judged['patient']}_segmentation.nii.gz")
    with stopped_by(CaseError, "1 of the 1 masks .* on whom a network is judged"):
        use(trained, tmp_path / "out", masks=str(tmp_path / "masks"), datalist=str(few))


def test_windowed_pictures_become_pictures_of_8_bits(trained: TrainedBundle, few: Path, tmp_path: Path) -> None:
    """Slices as they may have been exported, of a patient whom the generator knows."""
    case = read_list(few, **KIDNEYS)["training"][0]
    truth, scan = (np.moveaxis(stored(case[key]), 0, -1).swapaxes(0, 1) for key in ("label", "ct"))
    number = int((truth > 0).sum(axis=(0, 1)).argmax())
    folder = tmp_path / "slices"
    for name, values in (("images", np.clip((scan + 200) / 400 * 255, 0, 255)), ("labels", truth)):
        (folder / name).mkdir(parents=True)
        Image.fromarray(values[..., number].astype(np.uint8).T).save(folder / name / f"{case['patient']}_x.png")
    use(trained, tmp_path / "out", dataset_dir=str(folder), intensities="windowed", masks="moved")
    new = f"{case['patient']}_x-slice1"
    image = np.asarray(Image.open(made(tmp_path / "out", new, "ct", ".png")))
    assert image.dtype == np.uint8
    assert image.shape == (64, 64)
    assert is_synthetic(made(tmp_path / "out", new, "ct", ".png"))
    listed = load_cases(None, tmp_path / "out" / "list.json", ["ct"], validation=0, **KIDNEYS)["training"]
    case = next(each for each in listed if each["case_id"] == new)
    CheckCTd("ct", "windowed")(ReadCased("ct", "label", **KIDNEYS)(case))


def test_what_a_scan_shows_near_kidneys_does_not_reach_the_network(
    trained: TrainedBundle, few: Path, tmp_path: Path
) -> None:
    """Neither in the kidneys that were there, nor around them, although other kidneys are drawn."""

    def inputs(where: Path) -> torch.Tensor:
        parser = ConfigParser(ConfigParser.load_config_files(trained.configs("inference.yaml")))
        parser.update(
            {"bundle_root": str(trained.root), "dataset_dir": str(where), "output_dir": str(tmp_path / "out")}
        )
        parser.update({"datalist": str(tmp_path / "list.json"), "masks": "moved", "look": "none"})
        return torch.stack([torch.Tensor(case["image"]) for case in parser.get_parsed_content("dataset")])

    (tmp_path / "list.json").write_text(few.read_text().replace(str(trained.dataset_dir), str(tmp_path / "scans")))
    shutil.copytree(trained.dataset_dir, tmp_path / "scans")
    before = inputs(tmp_path / "scans")
    assert before.shape[1] == 2 + 1 + 4
    for case in read_list(tmp_path / "list.json", **KIDNEYS)["training"]:
        scan, kidneys = nib.load(case["ct"]), stored(case["label"]) > 0
        changed = np.where(ndimage.binary_dilation(kidneys), 150, np.asarray(scan.dataobj))
        assert not np.array_equal(changed, np.asarray(scan.dataobj))
        nib.save(nib.Nifti1Image(changed.astype(np.int16), scan.affine), case["ct"])
    assert torch.equal(inputs(tmp_path / "scans"), before)


def test_another_context_than_that_of_the_training_is_refused(trained: TrainedBundle, tmp_path: Path) -> None:
    with stopped_by(CheckpointError, "--context tissue"):
        use(trained, tmp_path / "out", context="body")
    with stopped_by(UsageError, r"context \(='organs'\) must be one of tissue, body, none"):
        use(trained, tmp_path / "out", context="organs")


def test_another_straw_man_is_not_known(trained: TrainedBundle, tmp_path: Path) -> None:
    with stopped_by(UsageError, r"filled_by \(='blob'\) must be network or painted"):
        use(trained, tmp_path / "out", filled_by="blob")


def test_a_segmenter_and_features_are_trained_for_the_losses_and_kept(trained: TrainedBundle, tmp_path: Path) -> None:
    files = trained.configs("train.yaml", "anatomy.yaml", "perceptual.yaml")
    steps = {"segmenter_steps": 2, "feature_steps": 2, "max_epochs": 1, "epoch_length": 1, "batch_size": 2}
    places = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    run_here(files, **{**small_steps(*files), **places, **steps})
    known = [read_record(tmp_path / "models" / name)["training"] for name in ("segmenter.pt", "features.pt")]
    assert known == [read_record(tmp_path / "models" / "model.pt")["training"]] * 2
    with stopped_by(CheckpointError, r"segmenter\.pt was trained with regions=\[\[1, 2\], \[2\]\]; this run has"):
        run_here(files, **{**small_steps(*files), **places, **steps, "segmenter_regions": [[2], [1, 2]]})
