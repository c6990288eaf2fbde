"""Training and inference of lesion_inpainting as a user sees them."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser
from monai.transforms import Compose

from conftest import REPO, TrainedBundle, small_steps
from scanfill.data import ReadCased, load_cases
from scanfill.data.provenance import is_synthetic
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CheckpointError, UsageError
from workflow_runs import run_here, stopped_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "lesion_inpainting"
SMOKE = str(REPO / "configs" / "smoke.yaml")
MODALITIES = ["t1", "t1ce", "t2", "flair"]
FAST = {"steps": 3}

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def use(trained: TrainedBundle, cases: Path, output: Path, *overlays: str, **knobs: Any) -> None:
    """Run inference in this process."""
    files = [*trained.configs("inference.yaml"), *(str(trained.source / "configs" / name) for name in overlays)]
    places = {"bundle_root": str(trained.root), "dataset_dir": str(cases), "output_dir": str(output)}
    donors = {"donors_dir": str(trained.dataset_dir)}
    run_here(files, **{**small_steps(*files), **FAST, **donors, **places, **knobs})


def fails(trained: TrainedBundle, cases: Path, output: Path, **knobs: Any) -> None:
    """Run inference in which a case fails."""
    with pytest.raises(SystemExit) as stopped:
        use(trained, cases, output, **knobs)
    assert stopped.value.code == 1


def copies(trained: TrainedBundle, folder: Path, count: int = 1) -> list[Path]:
    """Copies of the first patients, which a test may damage."""
    cases = sorted(path for path in trained.new_cases.iterdir() if path.is_dir())[:count]
    return [Path(shutil.copytree(case, folder / case.name)) for case in cases]


def file_of(case: Path, name: str) -> Path:
    return case / f"{case.name}_{name}.nii.gz"


def made(output: Path, case: Path, name: str, copy: int = 1) -> Path:
    folder = f"{case.name}-lesion{copy}"
    return output / folder / f"{folder}_synthetic_{name}.nii.gz"


def stored(path: Path) -> NDArray[Any]:
    """Voxels as they are in the file, without its scaling."""
    return np.asarray(nib.load(path).dataobj.get_unscaled())


def sidecar(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    return facts


def hole_of(output: Path, case: Path) -> NDArray[np.bool_]:
    """Where anything has changed in any of its images."""
    changes = [stored(made(output, case, name)) != stored(file_of(case, name)) for name in MODALITIES]
    return np.logical_or.reduce(changes)


def check_outside(original: Path, written: Path, hole: NDArray[np.bool_]) -> None:
    """Every byte is the original's, but for the voxels in the hole and the two texts that mark the file."""
    contents = [bytearray(gzip.decompress(path.read_bytes())) for path in (original, written)]
    fields = nib.load(original).header.template_dtype.fields
    start = int(nib.load(original).dataobj.offset)
    for content in contents:
        for name in ("descrip", "intent_name"):
            kind, first = fields[name][:2]
            content[first : first + kind.itemsize] = bytes(kind.itemsize)
    assert len(contents[0]) == len(contents[1])
    assert contents[0][:start] == contents[1][:start]
    voxels = [np.frombuffer(content, nib.load(original).dataobj.dtype, hole.size, start) for content in contents]
    first, second = (values.reshape(hole.shape, order="F") for values in voxels)
    assert np.array_equal(first[~hole], second[~hole])
    assert (first != second)[hole].any()


# --- what is written --------------------------------------------------------------------------------------------------


def test_only_the_hole_is_new_and_the_label_map_tells_it(trained: TrainedBundle) -> None:
    output = trained.root / "eval" / "predictions"
    for case in sorted(path for path in trained.new_cases.iterdir() if path.is_dir()):
        before, after = stored(file_of(case, "seg")), stored(made(output, case, "label"))
        hole = before != after
        assert hole.any()
        assert not before[hole].any(), "not on a lesion that was there"
        assert set(np.unique(after[hole])) <= {1, 2, 4}, "in the file's own values"
        assert not (hole_of(output, case) & ~hole).any()
        for name in (*MODALITIES, "seg"):
            check_outside(file_of(case, name), made(output, case, "label" if name == "seg" else name), hole)


def test_a_scan_with_other_axes_voxels_and_numbers_changes_only_in_the_hole(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    """16-bit integers with scaling, on axes that point to the left, downward and backward, in thinner slices."""
    (case,) = copies(trained, tmp_path / "cases")
    for name in (*MODALITIES, "seg"):
        scan = nib.load(file_of(case, name))
        finer = nib.Nifti1Image(np.repeat(np.asarray(scan.dataobj), 2, axis=2), scan.affine @ np.diag([1, 1, 0.5, 1]))
        turned = nib.as_closest_canonical(finer).as_reoriented(np.array([[2, 1], [0, -1], [1, -1]]))
        values = np.asarray(turned.dataobj)
        if name == "seg":
            nib.save(nib.Nifti1Image(values.astype(np.uint8), turned.affine), file_of(case, name))
            continue
        slope = float(values.max()) / 30000
        image = nib.Nifti1Image(np.rint(values / slope).astype(np.int16), turned.affine)
        image.header.set_slope_inter(slope, 0)
        image.header["aux_file"] = b"kept"
        nib.save(image, file_of(case, name))
    use(trained, case, tmp_path / "out")
    hole = stored(file_of(case, "seg")) != stored(made(tmp_path / "out", case, "label"))
    for name in MODALITIES:
        written = nib.load(made(tmp_path / "out", case, name))
        assert written.get_data_dtype() == np.int16
        assert written.dataobj.slope == nib.load(file_of(case, name)).dataobj.slope != 1
        assert written.header["aux_file"].item() == b"kept"
        assert nib.aff2axcodes(written.affine) == nib.aff2axcodes(nib.load(file_of(case, name)).affine)
        check_outside(file_of(case, name), made(tmp_path / "out", case, name), hole)


def test_every_file_says_that_it_is_synthetic_and_how_it_came_about(trained: TrainedBundle) -> None:
    output = trained.root / "eval" / "predictions"
    written = sorted(output.glob("*/*.nii.gz"))
    assert len(written) == 5 * 6
    for path in written:
        header, facts = nib.load(path).header, sidecar(path)
        assert header["intent_name"].item() == b"synthetic"
        assert facts["synthetic"] is True
        assert facts["generator"]["bundle"] == NAME
        assert facts["generator"]["checkpoint"]["file"] == "model.pt"
        assert facts["generator"]["training_list"]["patients"] == 4
        assert facts["shows"] == "a lesion that the patient does not have"
        assert facts["hole"]["masks"] == "moved"
        assert sum(facts["hole"]["voxels"].values()) > 0
        assert {*MODALITIES} <= set(facts["inputs"])
        assert "/" not in json.dumps(facts["inputs"]), "no local path"
    assert len({sidecar(path)["seed"] for path in written}) == 5
    assert not [path for path in trained.new_cases.rglob("*.nii.gz") if is_synthetic(path)]


def test_the_list_can_be_learned_from(trained: TrainedBundle, tmp_path: Path) -> None:
    path = trained.root / "eval" / "predictions" / "list.json"
    content = json.loads(path.read_text())
    assert content["name"] == NAME
    assert len(content["learned_from"]) == 4
    cases = load_cases(None, schema="brain_mri", datalist=path, modalities=MODALITIES, validation=0.2)
    listed = [case for part in cases.values() for case in part]
    assert len(content["training"]) == 10
    assert not [case for case in cases["validation"] if case["synthetic"]]
    assert len(listed) == 9, "without the new case of the validation patient"
    new = [case for case in cases["training"] if case["synthetic"]]
    judges = {case["patient"] for case in cases["validation"]}
    assert {case["case_id"] for case in new} == {f"{name}-lesion1" for name in trained.case_ids() if name not in judges}
    case = ReadCased(MODALITIES, "label", schema="brain_mri")(new[0])
    assert set(np.unique(case["label"])) <= {0, 1, 2, 3}
    parser = ConfigParser()
    parser.read_config(str(REPO / "bundles" / "brain_tumor_segmentation" / "configs" / "train.yaml"))
    parser.update({"spacing": [6.0, 6.0, 6.0], "bundle_root": str(tmp_path), "cases": cases})
    prepare = parser.get_parsed_content("preprocessing")
    ready = Compose(prepare)(new[0])
    assert np.isfinite(np.asarray(ready["image"])).all()


def test_the_same_seed_makes_the_same_case_and_another_one_another(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        use(trained, case, tmp_path / folder, seed=seed)
    first, again, other = (made(tmp_path / folder, case, "flair").read_bytes() for folder in "abc")
    assert first == again != other


def test_each_copy_is_another_case(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "out", copies=2)
    labels = [stored(made(tmp_path / "out", case, "label", copy)) for copy in (1, 2)]
    assert not np.array_equal(*labels)
    assert len(json.loads((tmp_path / "out" / "list.json").read_text())["training"]) == 3


def test_a_case_without_a_label_gets_one(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    file_of(case, "seg").unlink()
    use(trained, case, tmp_path / "out")
    label = nib.load(made(tmp_path / "out", case, "label"))
    np.testing.assert_allclose(label.affine, nib.load(file_of(case, "t1")).affine)
    hole = np.asarray(label.dataobj) != 0
    assert hole.any()
    assert not (hole_of(tmp_path / "out", case) & ~hole).any()
    (listed,) = json.loads((tmp_path / "out" / "list.json").read_text())["training"]
    assert listed["case_id"] == f"{case.name}-lesion1"


# --- where the shapes come from ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("masks", ["deformed", "drawn", "own"])
def test_masks_come_from_where_they_were_asked_for(trained: TrainedBundle, tmp_path: Path, masks: str) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "out", masks=masks)
    before, after = stored(file_of(case, "seg")), stored(made(tmp_path / "out", case, "label"))
    assert np.array_equal(before, after) == (masks == "own")
    hole = before != 0 if masks == "own" else before != after
    assert hole_of(tmp_path / "out", case).any()
    assert not (hole_of(tmp_path / "out", case) & ~hole).any()
    assert sidecar(made(tmp_path / "out", case, "t1"))["hole"]["masks"] == masks


def draw(trained: TrainedBundle, case: Path, folder: Path) -> Path:
    """A mask where the first run has placed a lesion."""
    folder.mkdir(exist_ok=True)
    output = trained.root / "eval" / "predictions"
    label = nib.load(file_of(case, "seg"))
    new = (stored(made(output, case, "label")) != stored(file_of(case, "seg"))).astype(np.uint8) * 2
    nib.save(nib.Nifti1Image(new, label.affine), folder / f"{case.name}.nii.gz")
    return folder / f"{case.name}.nii.gz"


def test_a_folder_of_masks_is_followed_voxel_by_voxel(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    mask = draw(trained, case, tmp_path / "masks")
    use(trained, case, tmp_path / "out", masks=str(tmp_path / "masks"))
    after = stored(made(tmp_path / "out", case, "label"))
    where = stored(mask) != 0
    assert np.array_equal(after[where], stored(mask)[where])
    assert np.array_equal(after[~where], stored(file_of(case, "seg"))[~where])
    facts = sidecar(made(tmp_path / "out", case, "flair"))
    assert facts["hole"]["masks"] == "given"
    assert facts["inputs"]["hole"]["file"] == mask.name
    assert str(tmp_path) not in json.dumps(facts)


def test_a_blob_is_not_said_to_be_learned(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    for masks in ("moved", "own"):
        use(trained, case, tmp_path / masks, filled_by="blob", masks=masks)
        facts = sidecar(made(tmp_path / masks, case, "flair"))
        assert facts["generator"]["bundle"] == "scanfill blob"
        assert facts["generator"]["checkpoint"] is None
        assert facts["generator"]["training_list"] is None
        assert facts["hole"]["filler"] == "blob"


def test_removal_leaves_no_label_in_the_hole(trained: TrainedBundle, tmp_path: Path) -> None:
    files = [*trained.configs("train.yaml"), SMOKE, str(trained.source / "configs" / "removal.yaml")]
    places = {"bundle_root": str(tmp_path / "run"), "dataset_dir": str(trained.dataset_dir)}
    run_here(files, **{**small_steps(*files), **places, "max_epochs": 1, "epoch_length": 2})
    assert read_record(tmp_path / "run" / "models" / "model.pt")["parts"] == [1]
    (case,) = copies(trained, tmp_path / "cases")
    model = str(tmp_path / "run" / "models" / "model.pt")
    use(trained, case, tmp_path / "out", "removal.yaml", checkpoint=model, grow=8)
    before, after = stored(file_of(case, "seg")), stored(made(tmp_path / "out", case, "label"))
    assert before.any()
    assert not after.any()
    hole = hole_of(tmp_path / "out", case)
    assert (hole & (before == 0)).any(), "it reaches beyond the label"
    facts = sidecar(made(tmp_path / "out", case, "flair"))
    assert facts["shows"] == "healthy tissue in place of a lesion"
    assert set(facts["hole"]["voxels"]) == {"hole"}
    with stopped_by(CheckpointError, r"parts=\[1, 2, 3\]; this run has \[1\]"):
        use(trained, case, tmp_path / "none", "removal.yaml")


# --- bad input --------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_one_mask_does_not_stop_the_others(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, outside, empty, missing = copies(trained, tmp_path / "cases", 4)
    draw(trained, good, tmp_path / "masks")
    for case, value in ((outside, 2), (empty, 0)):
        mask = nib.load(draw(trained, case, tmp_path / "masks"))
        values = np.zeros(mask.shape, np.uint8)
        values[:3, :3, :3] = value
        nib.save(nib.Nifti1Image(values, mask.affine), tmp_path / "masks" / f"{case.name}.nii.gz")
    fails(trained, tmp_path / "cases", tmp_path / "out", masks=str(tmp_path / "masks"))
    told = "".join(capsys.readouterr())
    assert "3 of 4 cases failed" in told
    assert f"Case {outside.name!r}: the mask {tmp_path}/masks/{outside.name}.nii.gz: 27 of 27 voxels" in told
    assert "pass --anywhere true" in told
    assert f"Case {empty.name!r}: the mask {tmp_path}/masks/{empty.name}.nii.gz is empty" in told
    assert f"Case {missing.name!r} has no mask in {tmp_path}/masks: draw one as {missing.name}.nii.gz" in told
    assert made(tmp_path / "out", good, "flair").is_file()
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [f"{good.name}-lesion1"]
    names = {case["case_id"] for case in json.loads((tmp_path / "out" / "list.json").read_text())["training"]}
    assert f"{good.name}-lesion1" in names
    assert not {f"{case.name}-lesion1" for case in (outside, empty, missing)} & names


def test_a_broken_case_is_no_donor_and_stops_no_other(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    *good, broken = copies(trained, tmp_path / "cases", 3)
    file_of(broken, "t1ce").write_bytes(file_of(broken, "t1ce").read_bytes()[:-200])
    fails(trained, tmp_path / "cases", tmp_path / "out", donors_dir=None)
    assert "1 of 3 cases failed" in "".join(capsys.readouterr())
    assert all(made(tmp_path / "out", case, "flair").is_file() for case in good)


def test_a_synthetic_source_is_altered_only_if_asked_for(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = copies(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "once")
    shutil.copy(made(tmp_path / "once", case, "flair"), file_of(case, "flair"))
    fails(trained, case, tmp_path / "out")
    told = "".join(capsys.readouterr())
    assert "is synthetic (marked in its NIfTI header)" in told
    assert "--synthetic true" in told
    assert not list((tmp_path / "out").glob("*/*.nii.gz"))
    use(trained, case, tmp_path / "twice", synthetic=True)
    assert made(tmp_path / "twice", case, "flair").is_file()


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"masks": "Moved"}, r"masks \(='Moved'\) must be one of moved, deformed, drawn, own"),
        ({"copies": 0}, r"copies \(=0\) must be at least 1"),
        ({"largest_window": 20}, r"largest_window \(=20\) must be a multiple of 8 above 16"),
        ({"steps": 1}, r"steps \(=1\) must be 2 to 1000"),
    ],
    ids=str,
)
def test_an_impossible_wish_stops_the_run(
    trained: TrainedBundle, tmp_path: Path, knobs: dict[str, Any], said: str
) -> None:
    with stopped_by(UsageError, said):
        use(trained, trained.new_cases, tmp_path, **knobs)


def test_a_changed_mask_is_followed_in_the_next_run(trained: TrainedBundle, tmp_path: Path) -> None:
    """Only runs of the command line keep what is finished; here, what a result depends on is compared."""
    (case,) = copies(trained, tmp_path / "cases")
    mask = draw(trained, case, tmp_path / "masks")
    parser = ConfigParser()
    parser.read_config(trained.configs("inference.yaml"))
    parser.update({"bundle_root": str(trained.root), "dataset_dir": str(case), "masks": str(mask.parent)})
    finished, cases = (parser.get_parsed_content(name) for name in ("finished", "cases"))
    before = finished._inputs(cases[0])
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert finished._inputs(cases[0]) != before
