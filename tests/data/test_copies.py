"""The same file twice among the cases of a training is found, whatever its names."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill.checksums import SAMPLE, SAMPLES, fingerprint
from scanfill.data import CaseSchema, FolderFinder, ImageSpec, load_cases
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import case_of, regions, save_case

if TYPE_CHECKING:
    from pathlib import Path


def cohort(folder: Path, names: str = "abcde") -> Path:
    for name in names:
        save_case(folder / name, label=regions((1, 2, 4)))
    return folder


def listed(folder: Path, *changes: dict[str, Any], names: str = "abcde") -> Path:
    """A list of the cases, some of them changed."""
    cases = [case_of(folder / name, label=str(folder / name / "seg.nii.gz")) for name in names]
    for number, change in enumerate(changes):
        cases[number] |= change
    path = folder.parent / "list.json"
    path.write_text(json.dumps({"training": cases}))
    return path


def load(folder: Path, *changes: dict[str, Any], **options: Any) -> dict[str, Any]:
    path = listed(folder, *changes)
    return load_cases(folder, path, schema=SCHEMA, labels="brats", **options)


def test_sound_cases_pass_and_get_fingerprints(tmp_path: Path) -> None:
    split = load(cohort(tmp_path / "data"))
    marks = [case["fingerprints"].split() for part in split.values() for case in part]
    assert len({mark for case in marks for mark in case}) == 5 * 4


@pytest.mark.parametrize("key", ["t1", "t1ce", "t2", "flair"])
def test_a_copy_of_an_image_under_another_patient_is_refused(tmp_path: Path, key: str) -> None:
    data = cohort(tmp_path / "data")
    shutil.copy(data / "a" / f"{key}.nii.gz", data / "b" / f"{key}.nii.gz")
    with pytest.raises(CaseError, match=r"Cases 'a' and 'b' have the same file"):
        load(data)


def test_the_same_files_under_another_name_are_refused_even_for_one_patient(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    twin = case_of(data / "a", case_id="twin", patient="a", label=str(data / "a" / "seg.nii.gz"))
    path = listed(data)
    content = json.loads(path.read_text())
    content["training"].append(twin)
    path.write_text(json.dumps(content))
    with pytest.raises(CaseError, match=r"Cases 'a' and 'twin' have the same file"):
        load_cases(data, path, schema=SCHEMA, labels="brats")


def test_two_visits_may_share_one_image(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    shutil.copy(data / "a" / "t2.nii.gz", data / "b" / "t2.nii.gz")
    split = load(data, {"patient": "p"}, {"patient": "p"})
    assert sum(map(len, split.values())) == 5


def test_one_label_for_two_patients_is_refused(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    shutil.copy(data / "a" / "seg.nii.gz", data / "c" / "seg.nii.gz")
    with pytest.raises(CaseError, match=r"Cases 'a' and 'c' have the same label"):
        load(data)


def test_a_patient_with_and_without_an_image_may_share_the_label(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    again = case_of(data / "a", case_id="a_without_flair", patient="a", label=str(data / "a" / "seg.nii.gz"))
    del again["flair"]
    path = listed(data)
    content = json.loads(path.read_text())
    content["training"].append(again)
    path.write_text(json.dumps(content))
    split = load_cases(data, path, schema=SCHEMA, labels="brats", incomplete=True)
    assert sum(map(len, split.values())) == 6


def test_a_label_map_instead_of_a_scan_is_refused(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    shutil.copy(data / "b" / "seg.nii.gz", data / "b" / "flair.nii.gz")
    with pytest.raises(CaseError, match=r"Case 'b': one of its images is a copy of the label of case 'b'"):
        load(data)


@pytest.mark.parametrize("names", [["t1", "t1"], "t1,t2,t1", ["flair", "t1", "flair"]])
def test_a_modality_that_is_named_twice_is_refused(tmp_path: Path, names: Any) -> None:
    with pytest.raises(CaseError, match=r"is named twice in .*name each once"):
        load(cohort(tmp_path / "data"), modalities=names)


def test_two_empty_labels_are_no_copies(tmp_path: Path) -> None:
    data = cohort(tmp_path / "data")
    for name in "ab":
        save_case(data / name, label=np.zeros((12, 12, 12), np.uint8))
    shutil.copy(data / "a" / "seg.nii.gz", data / "b" / "seg.nii.gz")
    assert sum(map(len, load(data).values())) == 5


@pytest.mark.parametrize(("one", "other"), [("flair", "label"), ("t1", "t2")])
def test_one_file_under_two_keys_is_refused(tmp_path: Path, one: str, other: str) -> None:
    data = cohort(tmp_path / "data")
    file = {"label": "seg"}.get(other, other)
    with pytest.raises(CaseError, match=rf"Case 'a': {one} and {other} are the same file"):
        load(data, {one: str(data / "a" / f"{file}.nii.gz")})


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "", [3]])
@pytest.mark.parametrize("key", ["t1", "label"])
def test_a_path_that_is_no_text_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(CaseError, match=rf"Case 'a': {key} in .*list\.json is .*must be the path of a file"):
        load(cohort(tmp_path / "data"), {key: value})


@pytest.mark.parametrize("value", ["../up", "a/b", "", None, True, ["a"], "x\n"])
@pytest.mark.parametrize("key", ["case_id", "patient"])
def test_a_name_that_cannot_name_a_folder_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(CaseError, match=rf"'{key}'.* must be a text that can name a folder"):
        load(cohort(tmp_path / "data"), {key: value})


def test_a_number_is_the_name_that_a_person_meant(tmp_path: Path) -> None:
    split = load(cohort(tmp_path / "data"), {"case_id": 7, "patient": 12})
    (case,) = (case for part in split.values() for case in part if case["case_id"] == "7")
    assert case["patient"] == "12"


@pytest.mark.parametrize("validation", [-0.1, 1, 1.5, "0.2", True, float("nan")])
def test_a_share_that_is_no_fraction_is_refused(tmp_path: Path, validation: Any) -> None:
    with pytest.raises(CaseError.__mro__[1], match=r"validation \(=.*must be a fraction of the patients"):
        load_cases(cohort(tmp_path / "data"), schema=SCHEMA, validation=validation)


def test_a_training_without_validation_is_told_before_it_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_cases(cohort(tmp_path / "data"), schema=SCHEMA, validation=0, ckpt_dir=tmp_path / "models")
    assert "no validation cases (validation=0)" in caplog.text


def test_copies_of_a_picture_are_kept_on_one_side(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    for name in "abcdefgh":
        (tmp_path / name).mkdir()
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(tmp_path / name / "image.png")
    for name in "cfh":
        shutil.copy(tmp_path / "a" / "image.png", tmp_path / name / "image.png")
    pictures = CaseSchema("pictures", 2, [ImageSpec("image")], FolderFinder({"image": "image.png"}))
    for seed in range(20):
        split = load_cases(tmp_path, schema=pictures, validation=0.4, seed=seed)
        copies = [part for part, cases in split.items() for case in cases if case["case_id"] in "acfh"]
        assert len(copies) == 4
        assert len(set(copies)) == 1
    assert (
        "3 pictures are copies of others, in brackets, and count as the same patient: c (a), f (a), h (a)"
        in caplog.text
    )


def test_the_fingerprint_of_a_large_file_covers_all_of_it(tmp_path: Path) -> None:
    path, size = tmp_path / "large", 3 * SAMPLES * SAMPLE
    path.write_bytes(bytes(size))
    before = fingerprint(path)
    for place in (0, (size - SAMPLE) // (SAMPLES - 1), size - 1):
        content = bytearray(size)
        content[place] = 1
        path.write_bytes(content)
        assert fingerprint(path) != before
    path.write_bytes(bytes(size + 1))
    assert fingerprint(path) != before
