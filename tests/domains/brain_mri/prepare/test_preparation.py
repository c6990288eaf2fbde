"""Preparing a case, and a folder of cases."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from moved_phantoms import (
    OBLIQUE,
    SAGITTAL,
    VOXEL,
    landmark_error,
    phantom,
    save,
    scan_again,
    subject,
    write_moved_case,
)
from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.prepare import preparation, prepare_folder
from scanfill.domains.brain_mri.prepare.geometry import Pose, Volume, read_pose
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from tiny_cases import save_case

if TYPE_CHECKING:
    from pathlib import Path


pytest_plugins = ("prepare_fixtures",)

MODALITIES = ["t1", "t1ce", "t2", "flair"]


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def test_the_case_finder_and_reader_take_it_as_one_case_on_one_grid(prepared: Path) -> None:
    (case,) = find_cases(prepared, MODALITIES, labels="brats", schema=SCHEMA)
    assert case["case_id"] == "p0"
    read = ReadCased(keys=MODALITIES, label_key="label", schema=SCHEMA)(case)
    assert read["flair"].shape == read["label"].shape == (1, 48, 48, 48)


def test_files_are_the_images_the_transforms_and_the_record(prepared: Path) -> None:
    assert sorted(path.name for path in prepared.rglob("*")) == sorted(
        ["p0", "p0_prepare.json", "p0_seg.nii.gz"]
        + [f"p0_{modality}.nii.gz" for modality in MODALITIES]
        + [f"p0_{modality}_to_t1ce.tfm" for modality in ("t1", "t2", "flair")]
    )


def test_headers_say_millimetres_and_scanner_space(prepared: Path) -> None:
    for path in prepared.rglob("*.nii.gz"):
        header = nib.load(path).header
        assert header.get_xyzt_units()[0] == "mm"
        assert int(header["qform_code"]) == int(header["sform_code"]) == 1
        assert nib.aff2axcodes(header.get_best_affine()) == ("R", "A", "S")
        assert header.get_zooms() == (4.0, 4.0, 4.0)


def test_transforms_bring_landmarks_to_where_they_are(prepared: Path, scanned: tuple[Path, dict[str, Pose]]) -> None:
    for modality, true in scanned[1].items():
        found = read_pose(prepared / "p0" / f"p0_{modality}_to_t1ce.tfm")
        assert landmark_error(found, true) < VOXEL / 4


def test_images_lie_upon_the_unmoved_ones(prepared: Path) -> None:
    """The second way: the phantom's own modality on T1CE's grid, which no registration has touched."""
    for modality in MODALITIES:
        expected = phantom(modality).voxels[::-1, ::-1]  # left, back, up -> right, front, up
        found = voxels(prepared / "p0" / f"p0_{modality}.nii.gz")
        inside = (expected > 0) & (found > 0)
        correlation = np.corrcoef(expected[inside], found[inside])[0, 1]
        assert correlation > (0.999999 if modality == "t1ce" else 0.8), modality  # noise, and two interpolations


def test_the_reference_and_its_label_are_only_turned(prepared: Path) -> None:
    np.testing.assert_array_equal(voxels(prepared / "p0" / "p0_t1ce.nii.gz"), phantom("t1ce").voxels[::-1, ::-1])
    np.testing.assert_array_equal(voxels(prepared / "p0" / "p0_seg.nii.gz"), subject(3, 0, 48).label[::-1, ::-1])


def test_whole_numbers_stay_whole_numbers(prepared: Path) -> None:
    assert voxels(prepared / "p0" / "p0_flair.nii.gz").dtype == np.int16
    assert voxels(prepared / "p0" / "p0_seg.nii.gz").dtype == np.uint8


def test_the_record_says_what_was_done(prepared: Path, scanned: tuple[Path, dict[str, Pose]]) -> None:
    source, poses = scanned
    record = json.loads((prepared / "p0" / "p0_prepare.json").read_text())
    assert record["use"] == "Research use only. Not for diagnosis or treatment."
    assert (record["reference"], record["options"]["spacing"]) == ("t1ce", 4)
    assert record["label"]["drawn_on"] == "t1ce"
    for modality, pose in poses.items():
        entry = record["modalities"][modality]
        original = source / entry["path"]
        assert entry["sha256"] == hashlib.sha256(original.read_bytes()).hexdigest()
        assert tuple(entry["grid"]["shape"]) == nib.load(original).shape
        np.testing.assert_allclose(entry["grid"]["affine"], nib.load(original).affine, atol=1e-4)
        assert entry["rotation_degrees"] == pytest.approx(pose.degrees, abs=1)
        assert entry["shift_mm"] == pytest.approx(pose.shift(phantom("t1ce").grid.middle), abs=1)
        assert entry["mutual_information"] > entry["mutual_information_before"]
        assert entry["overlap"] > entry["overlap_before"]


def test_a_mask_is_applied_to_all_and_written(tmp_path: Path) -> None:
    poses = write_moved_case(tmp_path / "in" / "p0", label=False)
    for modality in ("t2", "flair"):
        (tmp_path / "in" / "p0" / f"{modality}.nii.gz").unlink()
    most = phantom("t1ce").voxels > 0
    most[:17] = False
    save(tmp_path / "in" / "p0" / "mask.nii.gz", Volume(most, phantom("t1ce").grid), np.uint8)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=3).failures == []
    mask = voxels(tmp_path / "out" / "p0" / "p0_mask.nii.gz")
    assert set(np.unique(mask)) == {0, 1}
    assert mask.sum() * 3**3 == pytest.approx(most.sum() * VOXEL**3, rel=0.02)
    for modality in ("t1ce", "t1"):
        image = voxels(tmp_path / "out" / "p0" / f"p0_{modality}.nii.gz")
        assert not image[mask == 0].any()
        assert np.count_nonzero(image) > 0.97 * mask.sum()
    assert landmark_error(read_pose(tmp_path / "out" / "p0" / "p0_t1_to_t1ce.tfm"), poses["t1"]) < VOXEL / 4


def test_a_label_drawn_on_a_moved_image_follows_it(tmp_path: Path) -> None:
    poses = write_moved_case(tmp_path / "in" / "p0", label=False)
    case = tmp_path / "in" / "p0"
    for modality in ("t1", "t2"):
        (case / f"{modality}.nii.gz").unlink()
    label = Volume((subject(3, 0, 48).label > 0).astype(np.float32), phantom("t1ce").grid)
    drawn = scan_again(label, poses["flair"], spacing=(3, 3, 6), axes=OBLIQUE)
    save(case / "seg.nii.gz", Volume((drawn.voxels > 0.5).astype(np.uint8), drawn.grid), np.uint8)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4).failures == []
    found = voxels(tmp_path / "out" / "p0" / "p0_seg.nii.gz") > 0
    expected = label.voxels[::-1, ::-1] > 0
    assert 2 * np.count_nonzero(found & expected) / (found.sum() + expected.sum()) > 0.9


def test_an_image_of_another_patient_is_said_and_not_delivered(tmp_path: Path) -> None:
    write_moved_case(tmp_path / "in" / "p0")
    save(tmp_path / "in" / "p0" / "t2.nii.gz", scan_again(phantom("t2", 1), Pose(), axes=SAGITTAL))
    result = prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4)
    ((name, message),) = result.failures
    assert name == "p0"
    assert "'p0': registration to t1ce failed, so nothing was written. t2: " in message
    assert "same patient" in message
    assert list((tmp_path / "out").iterdir()) == []


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Two tiny cases."""
    for name in ("a", "b"):
        save_case(tmp_path / "in" / name)
    return tmp_path / "in"


def test_originals_stay_as_they_are(cohort: Path, tmp_path: Path, quick: None) -> None:  # noqa: ARG001
    before = contents(cohort)
    prepare_folder(cohort, tmp_path / "out")
    assert contents(cohort) == before


def test_a_second_run_does_nothing_and_says_so(cohort: Path, tmp_path: Path, quick: None) -> None:  # noqa: ARG001
    prepare_folder(cohort, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    result = prepare_folder(cohort, tmp_path / "out")
    assert (result.prepared, result.unchanged, result.failures) == ([], ["a", "b"], [])
    assert "2 left unchanged (same input, same options)" in result.describe()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_the_same_input_gives_the_same_bytes(cohort: Path, tmp_path: Path, quick: None) -> None:  # noqa: ARG001
    prepare_folder(cohort, tmp_path / "one")
    prepare_folder(cohort, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("change", ["image", "new modality", "options", "file lost", "older procedure"])
def test_a_case_is_prepared_again_when_something_changed(
    cohort: Path,
    tmp_path: Path,
    quick: None,  # noqa: ARG001
    change: str,
) -> None:
    lost = tmp_path / "flair.nii.gz"
    if change == "new modality":
        (cohort / "a" / "flair.nii.gz").rename(lost)
    prepare_folder(cohort, tmp_path / "out")
    record = tmp_path / "out" / "a" / "a_prepare.json"
    if change == "image":
        save_case(cohort / "a", seed=99)
    elif change == "new modality":
        lost.rename(cohort / "a" / "flair.nii.gz")
    elif change == "file lost":
        (tmp_path / "out" / "a" / "a_t2.nii.gz").unlink()
    elif change == "older procedure":
        record.write_text(json.dumps(json.loads(record.read_text()) | {"procedure": 0}))
    result = prepare_folder(cohort, tmp_path / "out", spacing=2 if change == "options" else 1)
    assert result.prepared == (["a", "b"] if change == "options" else ["a"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]
    assert (tmp_path / "out" / "a" / "a_flair.nii.gz").exists()
    assert json.loads(record.read_text())["procedure"] == 1


def test_a_killed_run_goes_on_where_it_stopped(
    cohort: Path,
    tmp_path: Path,
    quick: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = preparation.write_record

    def killed(path: Path, record: dict[str, object]) -> None:
        if record["case_id"] == "b":
            raise KeyboardInterrupt
        write(path, record)

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "write_record", killed)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # a kill leaves no time to tidy up
        with pytest.raises(KeyboardInterrupt):
            prepare_folder(cohort, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".b.partial", "a"]
    assert [case["case_id"] for case in find_cases(tmp_path / "out", labels=None, schema=SCHEMA)] == ["a"]
    again = prepare_folder(cohort, tmp_path / "out")
    assert (again.prepared, again.unchanged) == (["b"], ["a"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]


def test_one_bad_case_does_not_stop_the_others(
    cohort: Path,
    tmp_path: Path,
    quick: None,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(cohort / "a" / "t1.nii.gz", cohort / "a" / "t1n.nii.gz")
    save(cohort / "c" / "t2.nii.gz", phantom("t2"))
    result = prepare_folder(cohort, tmp_path / "out")
    assert result.prepared == ["b"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]
    with pytest.raises(SystemExit) as caught:
        result.report()
    assert caught.value.code == 1
    said = capsys.readouterr().out
    assert "2 of 3 cases failed:" in said
    assert "'a' has 2 files for t1" in said
    assert "'c' has no t1ce and no t1" in said


@pytest.mark.parametrize("output", ["in", "in/out", "."])
def test_folders_of_which_one_holds_the_other_are_refused(cohort: Path, tmp_path: Path, output: str) -> None:
    before = contents(tmp_path)
    with pytest.raises(
        UsageError, match=r"is in a folder with data, .*another folder with --output|is inside the output folder"
    ):
        prepare_folder(cohort, tmp_path / output)
    assert contents(tmp_path) == before
    assert not (cohort / "out").exists()


def test_a_link_to_a_folder_inside_the_input_is_refused(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(cohort / "a")
    with pytest.raises(UsageError, match="is in a folder with data"):
        prepare_folder(cohort, tmp_path / "link" / "out")


def test_no_case_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(CaseError, match="No cases found"):
        prepare_folder(tmp_path / "in", tmp_path / "out")
    with pytest.raises(CaseError, match="No cases found"):
        prepare_folder(tmp_path / "absent", tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"reference": "adc"}, "adc"),
        ({"reference": "t1,t2"}, "one modality"),
        ({"spacing": 0}, "--spacing 0"),
        ({"spacing": float("nan")}, "--spacing nan"),
        ({"spacing": "1,1,1"}, "--spacing 1,1,1"),
        ({"workers": 0}, "--workers 0"),
        ({"workers": True}, "--workers True"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    cohort: Path, tmp_path: Path, options: dict[str, object], seen: str
) -> None:
    with pytest.raises(UsageError, match=seen):
        prepare_folder(cohort, tmp_path / "out", **options)  # type: ignore[arg-type]


def test_a_folder_that_is_not_ours_is_left_alone(cohort: Path, tmp_path: Path, quick: None) -> None:  # noqa: ARG001
    theirs = save_case(tmp_path / "out" / "a")
    before = contents(theirs)
    ((name, message),) = prepare_folder(cohort, tmp_path / "out").failures
    assert name == "a"
    assert "was not written by `scanfill prepare`" in message
    assert contents(theirs) == before


def only_references(folder: Path, cases: int) -> Path:
    """Cases of one image: prepared in no time, without registration."""
    for number in range(cases):
        save(folder / f"c{number}" / "t1ce.nii.gz", phantom("t1ce", number % 2))
    return folder


def test_workers_do_what_one_process_does(tmp_path: Path) -> None:
    source = only_references(tmp_path / "in", 3)
    np.save(source / "c1" / "t1ce.npy", np.zeros(1))
    (source / "c1" / "t1ce.nii.gz").write_bytes(b"damaged")
    one = prepare_folder(source, tmp_path / "one", spacing=4)
    two = prepare_folder(source, tmp_path / "two", spacing=4, workers=2)
    assert (two.prepared, two.failures) == (one.prepared, one.failures)
    assert two.prepared == ["c0", "c2"]
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of process groups")
def test_ctrl_c_ends_all_processes_and_leaves_whole_cases(tmp_path: Path) -> None:
    source = only_references(tmp_path / "in", 8)
    code = (
        "if __name__ == '__main__':\n"
        f"    from scanfill.domains.brain_mri.prepare import prepare_folder\n"
        f"    prepare_folder({str(source)!r}, {str(tmp_path / 'out')!r}, spacing=2, workers=2)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE)
    for _ in range(600):
        if list((tmp_path / "out").glob("c*")):
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in said
    done = list((tmp_path / "out").glob("c*"))
    assert 1 <= len(done) < 8
    assert all((path / f"{path.name}_prepare.json").exists() for path in done)
