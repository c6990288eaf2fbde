"""Pictures and other files of one slice, as volumes of one slice."""

from __future__ import annotations

import json
import locale
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.data import MetaTensor
from PIL import Image

from one_slice_files import save_dicom, save_picture
from scanfill.data import ReadCased, SaveLabeld, SaveSyntheticd, load_schema, median_spacing
from scanfill.data.case_quality import check_any
from scanfill.data.copies import add_fingerprints, check_copies
from scanfill.data.image import PICTURE_AFFINE, read_image
from scanfill.data.paste import paste_synthetic
from scanfill.data.provenance import Origin
from scanfill.data.single_slice import as_picture, is_picture_slice
from scanfill.errors import CaseError, UsageError
from scanfill.report import SavePreviewd
from scanfill.report.synthesis import SaveSynthesisPreviewd
from tiny_cases import save

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "name": "slices",
    "spatial_dims": 3,
    "single_slices": True,
    "images": [{"key": "ct"}],
    "label": {"names": {"1": "disc", "2": "bar"}},
    "conditions": [{"key": "pixel", "required": False}],
    "pixel_size": "pixel",
    "finder": {"by": "table", "table": "cases.csv"},
}
SIZE = (6, 4)
RAMP = np.arange(24).reshape(SIZE) * 10
DISC = np.where(np.arange(6)[:, None] < 3, 1, np.where(np.arange(4) < 2, 2, 0))


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "case"
    ct, label = save_picture(folder / "ct.png", RAMP), save_picture(folder / "label.png", DISC)
    return {"case_id": "c1", "patient": "p1", "ct": str(ct), "label": str(label)}


def read(case: dict[str, Any], **more: Any) -> dict[Any, Any]:
    return ReadCased("ct", "label", schema=SCHEMA)(case | more)


def test_a_picture_is_a_volume_of_one_slice_with_x_to_the_left_and_y_to_the_back(case: dict[str, Any]) -> None:
    found = read(case)
    assert found["ct"].shape == found["label"].shape == (1, 6, 4, 1)
    np.testing.assert_array_equal(found["ct"][0, ..., 0], RAMP)
    np.testing.assert_array_equal(found["label"][0, ..., 0], DISC)
    assert nib.aff2axcodes(found["ct"].affine.numpy()) == ("L", "P", "S")
    np.testing.assert_array_equal(found["label"].affine, PICTURE_AFFINE)


@given(values=arrays(np.uint8, st.tuples(st.integers(2, 9), st.integers(2, 9))))
@settings(max_examples=20, deadline=None)
def test_any_picture_is_read_and_shown_as_it_was(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = save_picture(tmp_path_factory.mktemp("any") / "a.png", values)
    image = read_image(path, "x", single_slices=True)
    assert is_picture_slice(image)
    np.testing.assert_array_equal(image[0, ..., 0], values)
    picture = as_picture(image)
    np.testing.assert_array_equal(picture, read_image(path, "x", spatial_dims=2))
    assert isinstance(picture, MetaTensor)
    assert torch.equal(picture.affine, torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 1), (1, 6, 4)])
def test_a_volume_file_of_one_slice_keeps_its_place(tmp_path: Path, shape: tuple[int, ...]) -> None:
    affine = np.array([[0, 0, -2.0, 5], [0, -3, 0, 6], [-4, 0, 0, 7], [0, 0, 0, 1]])
    path = save(tmp_path / "a.nii.gz", np.arange(24, dtype=np.float32).reshape(shape), affine)
    image = read_image(path, "x", single_slices=True)
    assert image.shape == (1, *shape, *[1] * (3 - len(shape)))
    np.testing.assert_array_equal(image.affine, affine)
    assert not is_picture_slice(image)
    with pytest.raises(CaseError, match=r"is 2-D, shape .* a 3-D volume is needed"):
        read_image(path, "x")


@pytest.mark.parametrize("shape", [(6,), (6, 1, 1), (2, 3, 4, 5)])
def test_what_has_less_or_more_than_a_slice_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(CaseError, match=r"is \d-D, shape"):
        read_image(save(tmp_path / "a.nii.gz", np.zeros(shape, np.float32)), "x", single_slices=True)


def test_a_flat_metaimage_has_an_affine_of_a_volume(tmp_path: Path) -> None:
    header = "ObjectType = Image\nNDims = 2\nBinaryData = True\nElementSpacing = 0.5 2\nDimSize = 6 4\n"
    header += "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(header.encode() + RAMP.astype(np.uint8).tobytes(order="F"))
    image = read_image(tmp_path / "a.mha", "x", single_slices=True)
    np.testing.assert_array_equal(image[0, ..., 0], RAMP)
    np.testing.assert_allclose(image.affine, np.diag([-0.5, -2, 1, 1]))


def test_a_slice_of_dicom_is_in_hu_where_its_patient_lies(tmp_path: Path) -> None:
    path, spoken = save_dicom(tmp_path / "a.dcm", RAMP - 1000), locale.setlocale(locale.LC_ALL)
    image = read_image(path, "x", single_slices=True)
    assert locale.setlocale(locale.LC_ALL) == spoken
    np.testing.assert_array_equal(image[0, ..., 0], RAMP - 1000)
    np.testing.assert_allclose(image.affine[:3, [0, 1, 3]], [[-0.7, 0, 100], [0, -0.8, 120], [0, 0, 33]])
    with pytest.raises(CaseError, match="unsupported file type"):
        read_image(tmp_path / "a.dcm", "x")


@pytest.mark.parametrize("share", [0.99, 0.5])
def test_a_truncated_slice_of_dicom_is_refused(tmp_path: Path, share: float) -> None:
    content = save_dicom(tmp_path / "a.dcm", RAMP).read_bytes()
    (tmp_path / "a.dcm").write_bytes(content[: int(share * len(content))])
    with pytest.raises(CaseError, match=r"cannot be read: .*truncated, damaged or not \.dcm"):
        read_image(tmp_path / "a.dcm", "x", single_slices=True)


def test_a_label_in_a_picture_lies_where_its_image_lies(case: dict[str, Any], tmp_path: Path) -> None:
    found = read(case, ct=str(save_dicom(tmp_path / "a.dcm", RAMP)))
    np.testing.assert_array_equal(found["label"].affine, found["ct"].affine)
    np.testing.assert_array_equal(found["label"][0, ..., 0], DISC)


def test_a_label_in_a_picture_is_not_put_on_a_slice_with_other_axes(case: dict[str, Any], tmp_path: Path) -> None:
    other = save(tmp_path / "a.nii.gz", RAMP[..., None].astype(np.int16), np.diag([1.0, 1, 1, 1]))
    with pytest.raises(CaseError, match=r"label and ct are on different grids"):
        read(case, ct=str(other))


def test_the_stated_size_of_a_pixel_is_that_of_image_and_label(case: dict[str, Any]) -> None:
    found = read(case, pixel=0.5)
    for key in ("ct", "label"):
        np.testing.assert_array_equal(found[key].affine, np.diag([-0.5, -0.5, 1, 1]))


def test_image_and_label_of_different_size_are_told(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"label has shape \(5, 4, 1\), ct has \(6, 4, 1\).*ct.png"):
        read(case, label=str(save_picture(tmp_path / "small.png", DISC[1:])))


def test_a_value_beyond_the_labels_is_told_with_its_file(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"\(.*odd.png\) contains the value 255, which .* \(it has 0, 1, 2\)"):
        read(case, label=str(save_picture(tmp_path / "odd.png", (DISC > 0) * 255)))


def test_a_label_for_a_picture_is_saved_as_a_picture_of_the_same_size(case: dict[str, Any], tmp_path: Path) -> None:
    found = read(case, pixel=0.5)
    prediction = MetaTensor(found["label"].as_tensor(), affine=found["ct"].affine)  # knows no file
    SaveLabeld("pred", tmp_path / "out", schema=SCHEMA)({**found, "pred": prediction})
    path = tmp_path / "out" / "c1" / "c1_seg.png"
    with Image.open(path) as picture:
        assert (picture.size, picture.mode, picture.info["Software"]) == (SIZE, "L", "scanfill")
    assert json.loads(path.with_suffix(".json").read_text())["labels"] == {"0": "background", "1": "disc", "2": "bar"}
    np.testing.assert_array_equal(read(case, label=str(path))["label"].numpy(), found["label"].numpy())


def test_a_label_for_a_slice_with_a_place_is_saved_as_nifti(case: dict[str, Any], tmp_path: Path) -> None:
    found = read(case, ct=str(save_dicom(tmp_path / "a.dcm", RAMP)))
    pred = MetaTensor(found["label"].as_tensor(), affine=found["ct"].affine)
    SaveLabeld("pred", tmp_path / "out", schema=SCHEMA)({**found, "pred": pred})
    written = nib.load(tmp_path / "out" / "c1" / "c1_seg.nii.gz")
    assert written.shape == (6, 4, 1)
    np.testing.assert_allclose(written.affine, found["ct"].affine, atol=1e-5)


def test_overlapping_labels_of_a_picture_are_one_picture_each(case: dict[str, Any], tmp_path: Path) -> None:
    kind = SCHEMA | {"label": {"kind": "channels", "names": {"1": "disc", "2": "bar"}}}
    files = [str(save_picture(tmp_path / f"{name}.png", (label == DISC) * 255)) for label, name in ((1, "d"), (2, "b"))]
    found = ReadCased("ct", "label", schema=kind)(case | {"label": files, "pixel": 0.5})
    assert found["label"].shape == (2, 6, 4, 1)
    SaveLabeld("label", tmp_path / "out", schema=kind)(found)
    with Image.open(tmp_path / "out" / "c1" / "c1_seg_bar.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture).T, (DISC == 2) * 255)


def test_a_synthetic_slice_is_saved_as_a_picture(case: dict[str, Any], tmp_path: Path) -> None:
    found = read(case)
    (tmp_path / "model.pt").write_bytes(b"weights")
    found["pred"] = MetaTensor(found["ct"].as_tensor() + 0.4, affine=found["ct"].affine)
    options = {"generator": "g", "metadata": {}, "record": {}, "checkpoint": tmp_path / "model.pt"}
    SaveSyntheticd(
        "pred", target="ct", sources=["label"], output_dir=tmp_path / "out", suffix=".png", dtype="uint8", **options
    )(found)
    with Image.open(tmp_path / "out" / "c1" / "c1_synthetic_ct.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture).T, RAMP)


def test_new_values_in_a_hole_of_one_slice_go_into_a_copy_of_its_picture(case: dict[str, Any], tmp_path: Path) -> None:
    hole = np.zeros((6, 4, 1), bool)
    hole[2, 3] = True
    path = tmp_path / "out" / "c1_synthetic_ct.png"
    paste_synthetic(case["ct"], np.full((6, 4, 1), 7.0), hole, path, Origin("g", "0", None, {}))
    with Image.open(path) as picture:
        assert np.asarray(picture).T[2, 3] == 7
        assert (np.asarray(picture).T != RAMP).sum() == 1


def test_a_picture_counts_as_a_picture_in_the_quality_page(case: dict[str, Any], tmp_path: Path) -> None:
    whole = save(
        tmp_path / "v.nii.gz", np.stack([RAMP, RAMP + 1, RAMP], -1).astype(np.int16), np.diag([-1.0, -1, 2, 1])
    )
    flat = save(tmp_path / "f.nii.gz", RAMP[..., None].astype(np.int16), np.diag([-2.0, -3, 4, 1]))
    cases = [case, case | {"case_id": "c2", "patient": "p2", "ct": str(whole)}]
    cases.append(case | {"case_id": "c3", "patient": "p3", "ct": str(flat)})
    picture, volume, one = check_any(cases, load_schema(SCHEMA))
    assert [len(each.views["ct"]) for each in (picture, volume, one)] == [1, 3, 1]
    np.testing.assert_array_equal(one.views["ct"][0], picture.views["ct"][0], "an LPS slice looks like the picture")
    assert one.spacing == (2, 3)


def test_copies_of_a_picture_join_patients_and_copies_of_a_volume_are_refused(
    case: dict[str, Any], tmp_path: Path
) -> None:
    kind = load_schema(SCHEMA)
    cases = [case | {"label": ""}, case | {"case_id": "c2", "patient": "p2", "label": ""}]
    add_fingerprints(cases, kind)
    check_copies(cases, kind)
    assert len({each["patient"] for each in cases}) == 1
    volume = str(save(tmp_path / "v.nii.gz", np.zeros((4, 4, 4), np.int16)))
    cases = [{"case_id": name, "patient": name, "ct": volume} for name in ("a", "b")]
    add_fingerprints(cases, kind)
    with pytest.raises(CaseError, match="'a' and 'b' have the same file"):
        check_copies(cases, kind)


def test_empty_labels_in_pictures_are_not_copies_of_each_other(tmp_path: Path) -> None:
    cases = []
    for name in ("a", "b"):
        label = save_picture(tmp_path / name / "label.png", np.zeros(SIZE))
        ct = save_picture(tmp_path / name / "ct.png", RAMP + len(cases))
        cases.append({"case_id": name, "patient": name, "ct": str(ct), "label": str(label)})
    add_fingerprints(cases, load_schema(SCHEMA))
    check_copies(cases, load_schema(SCHEMA))
    assert [case["patient"] for case in cases] == ["a", "b"]


def test_previews_draw_a_picture_as_a_picture(case: dict[str, Any], tmp_path: Path) -> None:
    found = read(case)
    for dims, folder in ((3, tmp_path / "slice"), (2, tmp_path / "picture")):
        kind = SCHEMA | {"spatial_dims": dims, "single_slices": dims == 3}
        data = ReadCased("ct", "label", schema=kind)(dict(case))
        SavePreviewd("ct", "label", folder, schema=kind, truth_key="label")(data)
        SaveSynthesisPreviewd(["label"], "ct", folder / "synthesis", schema=kind, key="ct", prefix="")(data)
    for file in ("c1/c1_preview.png", "synthesis/c1/c1_preview.png"):
        one, other = (np.asarray(Image.open(tmp_path / kind / file)) for kind in ("slice", "picture"))
        np.testing.assert_array_equal(one, other)
    assert found["ct"].shape[-1] == 1


def test_the_voxel_size_of_pictures_must_be_stated(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match="is a picture, whose pixel size is unknown: state the voxel size"):
        median_spacing({"training": [case]}, ["ct"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spatial_dims": 2}, "single_slices is for volumes, but spatial_dims is 2"),
        ({"pixel_size": "size"}, "pixel_size='size' is not one of its conditions"),
    ],
)
def test_a_schema_of_slices_that_cannot_be_right_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_schema(SCHEMA | changes)
