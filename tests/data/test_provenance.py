"""Synthetic images are marked, and known by any one of their marks."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scanfill.data.provenance import (
    Origin,
    carry_mark,
    is_synthetic,
    read_sidecar,
    set_header,
    sidecar_path,
    synthetic_path,
    synthetic_reason,
    write_synthetic,
)
from scanfill.domains.brain_mri.phantoms.brain import write_cohort
from scanfill.errors import CaseError
from tiny_cases import AFFINE, image, save, save_by_hand, save_case

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    case = save_case(tmp_path / "in" / "c1")
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_bytes(b"weights")
    (tmp_path / "fold_0.json").write_text("{}")
    return Origin(
        generator="mri_modality_completion",
        version="0.1.0",
        checkpoint=checkpoint,
        inputs={"t1": case / "t1.nii.gz", "t2": case / "t2.nii.gz"},
        seed=7,
        training_list=tmp_path / "fold_0.json",
        scale="reference, not patient",
        more={"sliding_window": [96, 96, 96]},
    )


@pytest.fixture
def made(origin: Origin, tmp_path: Path) -> Path:
    """A synthetic FLAIR with all its marks."""
    path = synthetic_path(tmp_path / "out", "c1", "flair")
    return write_synthetic(image("flair", 3), AFFINE, path, origin, date=NOON)


def wipe_header(path: Path) -> None:
    """What another tool does that reads voxels and affine, and writes a header of its own."""
    loaded = nib.load(path)
    voxels = np.asarray(loaded.dataobj)
    path.unlink()
    nib.save(nib.Nifti1Image(voxels, loaded.affine), path)


def test_name_says_it_is_synthetic(made: Path, tmp_path: Path) -> None:
    assert made == tmp_path / "out" / "c1" / "c1_synthetic_flair.nii.gz"
    assert {path.name for path in made.parent.iterdir()} == {"c1_synthetic_flair.nii.gz", "c1_synthetic_flair.json"}


def test_sidecar_says_what_made_it_and_from_what(made: Path, tmp_path: Path) -> None:
    facts = json.loads(sidecar_path(made).read_text())
    # printf weights | sha256sum
    weights = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
    assert facts["generator"]["bundle"] == "mri_modality_completion"
    assert facts["generator"]["version"] == "0.1.0"
    assert facts["generator"]["checkpoint"]["file"] == "model.pt"
    assert facts["generator"]["checkpoint"]["sha256"] == weights
    assert facts["generator"]["training_list"]["file"] == "fold_0.json"
    assert set(facts["inputs"]) == {"t1", "t2"}
    assert (facts["seed"], facts["date"]) == (7, "2026-01-02T12:00:00+00:00")
    assert (facts["scale"], facts["sliding_window"]) == ("reference, not patient", [96, 96, 96])
    assert str(tmp_path) not in sidecar_path(made).read_text()


def test_header_says_it_is_synthetic_and_keeps_the_voxels(made: Path) -> None:
    loaded = nib.load(made)
    assert loaded.header["descrip"].item() == b"scanfill synthetic flair, research use only"
    assert loaded.header["intent_name"].item() == b"synthetic"
    assert np.array_equal(loaded.affine, AFFINE)
    assert np.array_equal(np.asarray(loaded.dataobj), image("flair", 3))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_marking_changes_nothing_but_two_header_fields(
    tmp_path: Path, suffix: str, kind: type[nib.Nifti1Image]
) -> None:
    path = tmp_path / f"c1_synthetic_t2{suffix}"
    written = kind(image("t2", 0).astype(np.int16), AFFINE)
    written.header.set_slope_inter(2, 5)
    nib.save(written, path)
    before, header = path.read_bytes(), nib.load(path).header.copy()
    set_header(path, "t2")
    contents = [gzip.decompress(data) if suffix == ".nii.gz" else data for data in (before, path.read_bytes())]
    changed = {index for index, (old, new) in enumerate(zip(*contents, strict=True)) if old != new}
    after = nib.load(path).header
    assert changed
    assert {name for name in header.keys() if header[name].tobytes() != after[name].tobytes()} == {  # noqa: SIM118 - a header iterates over something else
        "descrip",
        "intent_name",
    }
    assert max(changed) < after.sizeof_hdr
    assert synthetic_reason(path)


@settings(deadline=None, max_examples=15)
@given(arrays.arrays(np.float32, (3, 4, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_voxels_survive_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, volume: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("p")
    (folder / "model.pt").write_bytes(b"w")
    origin = Origin("g", "1", folder / "model.pt", {})
    path = write_synthetic(volume, AFFINE, folder / "out" / "a_synthetic_t1.nii.gz", origin)
    assert np.asarray(nib.load(path).dataobj).tobytes() == volume.tobytes()
    assert is_synthetic(path)


def test_known_after_its_name_and_sidecar_are_lost(made: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "flair.nii.gz"
    moved.parent.mkdir()
    shutil.copy(made, moved)
    assert synthetic_reason(moved) == "marked in its NIfTI header"


def test_known_after_the_description_is_overwritten(made: Path, tmp_path: Path) -> None:
    loaded = nib.load(made)
    loaded.header["descrip"] = b"FSL 6.0"
    moved = tmp_path / "flair.nii"
    nib.save(loaded, moved)
    assert synthetic_reason(moved) == "marked in its NIfTI header"


def test_known_by_its_name_after_header_and_sidecar_are_lost(made: Path) -> None:
    wipe_header(made)
    sidecar_path(made).unlink()
    assert synthetic_reason(made) == "marked in its name"


def test_known_by_its_sidecar_after_rename_and_a_new_header(made: Path) -> None:
    wipe_header(made)
    renamed = made.rename(made.with_name("flair.nii.gz"))
    sidecar_path(made).rename(sidecar_path(renamed))
    assert synthetic_reason(renamed) == "marked in its sidecar flair.json"


def test_known_by_its_voxels_while_the_old_sidecar_lies_beside_it(made: Path) -> None:
    wipe_header(made)
    renamed = made.rename(made.with_name("flair.nii"))
    renamed.write_bytes(gzip.decompress(renamed.read_bytes()))
    assert synthetic_reason(renamed) == "its voxels match those described by c1_synthetic_flair.json"
    other = save(made.with_name("t1.nii.gz"), image("t1", 3))
    assert not is_synthetic(other)


def test_ordinary_files_bear_no_mark(tmp_path: Path, made: Path) -> None:
    case = save_case(tmp_path / "acquired")
    (case / "t1.json").write_text('{"MagneticFieldStrength": 3}')
    (case / "t2.json").write_text("not JSON")
    damaged = case / "flair.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:40])
    nrrd = save_by_hand(case / "t1ce.nrrd", image("t1ce", 0), AFFINE)
    beside = save(made.with_name("t1.nii.gz"), image("t1", 3))
    for path in (*case.glob("*.nii.gz"), nrrd, beside, case / "absent.nii.gz"):
        assert synthetic_reason(path) is None, path


def test_a_phantom_is_not_taken_for_a_networks_work(tmp_path: Path) -> None:
    (case,) = write_cohort(tmp_path, cases=1, size=24)
    assert not any(is_synthetic(path) for path in case.iterdir())


@pytest.mark.parametrize("inside", [".", "results"])
def test_never_written_into_the_input_folder(origin: Origin, tmp_path: Path, inside: str) -> None:
    path = tmp_path / "in" / "c1" / inside / "c1_synthetic_flair.nii.gz"
    with pytest.raises(CaseError, match=r"is in a folder with data, .*c1, where results could be mistaken"):
        write_synthetic(image("flair", 0), AFFINE, path, origin)
    assert not path.exists()


def test_a_link_to_the_input_folder_is_the_input_folder(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "in" / "c1")
    with pytest.raises(CaseError, match="is in a folder with data"):
        write_synthetic(image("flair", 0), AFFINE, tmp_path / "link" / "c1_synthetic_flair.nii.gz", origin)


@pytest.mark.parametrize("name", ["flair.nii.gz", "c1_flair.nii.gz", "c1_synthetic.nii.gz"])
def test_other_names_are_refused(origin: Origin, tmp_path: Path, name: str) -> None:
    with pytest.raises(CaseError, match=f"{name} does not mark the image as synthetic"):
        write_synthetic(image("flair", 0), AFFINE, tmp_path / name, origin)


def test_an_input_that_is_gone_is_named_and_nothing_is_written(origin: Origin, tmp_path: Path) -> None:
    Path(origin.inputs["t2"]).unlink()
    path = tmp_path / "out" / "c1_synthetic_flair.nii.gz"
    with pytest.raises(CaseError, match=r"t2.nii.gz cannot be read \(No such file"):
        write_synthetic(image("flair", 0), AFFINE, path, origin)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
def test_crop_and_conversion_keep_the_mark(made: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / "cropped" / f"c1_synthetic_flair{suffix}"
    output.parent.mkdir()
    cropped = image("flair", 3)[2:9, 2:9, 2:9]
    if suffix == ".nrrd":
        save_by_hand(output, cropped, AFFINE)
    else:
        save(output, cropped)
    carry_mark(made, output, "cropped")
    facts = read_sidecar(output)
    assert facts is not None
    assert facts["generator"] == read_sidecar(made)["generator"]
    assert [(step["file"], step["how"]) for step in facts["derived_from"]] == [(made.name, "cropped")]
    if suffix != ".nrrd":
        renamed = output.rename(tmp_path / f"flair{suffix}")
        assert synthetic_reason(renamed) == "marked in its NIfTI header"


def test_a_second_step_keeps_the_first(made: Path, tmp_path: Path) -> None:
    first, second = (save(tmp_path / str(step) / made.name, image("flair", 3)) for step in (1, 2))
    carry_mark(made, first, "resampled to 1 mm")
    carry_mark(first, second, "cropped")
    facts = read_sidecar(second)
    assert facts is not None
    assert [step["how"] for step in facts["derived_from"]] == ["resampled to 1 mm", "cropped"]


def test_the_mark_is_kept_even_when_the_sidecar_was_lost(made: Path, tmp_path: Path) -> None:
    sidecar_path(made).unlink()
    output = save(tmp_path / "new" / made.name, image("flair", 3))
    carry_mark(made, output, "cropped")
    facts = read_sidecar(output)
    assert facts is not None
    assert facts["note"] == "the sidecar of the original was lost"


def test_acquired_images_get_no_mark(tmp_path: Path) -> None:
    case = save_case(tmp_path / "c1")
    output = save(tmp_path / "t1.nii.gz", image("t1", 0))
    assert carry_mark(case / "t1.nii.gz", output, "cropped") is None
    assert not is_synthetic(output)


def test_a_derived_image_must_be_named_so_too(made: Path, tmp_path: Path) -> None:
    output = save(tmp_path / "flair_1mm.nii.gz", image("flair", 3))
    with pytest.raises(CaseError, match=r"flair_1mm.nii.gz does not mark the image as synthetic"):
        carry_mark(made, output, "resampled")
