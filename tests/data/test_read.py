"""Reading a case with every check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.data.provenance import set_header
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import AFFINE, MODALITIES, SHAPE, brain, case_of, image, regions, save, save_case, seed_of

read = ReadCased(MODALITIES, schema=SCHEMA)


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    return case_of(save_case(tmp_path / "c1"))


def labelled(case: dict[str, Any], tmp_path: Path, label: Any, convention: str = "brats") -> dict[str, Any]:
    return case | {"label": str(save(tmp_path / "c1" / "seg.nii.gz", label)), "label_convention": convention}


def test_images_come_as_in_the_file(case: dict[str, Any], tmp_path: Path) -> None:
    result = read(case)
    for modality in MODALITIES:
        assert isinstance(result[modality], MetaTensor)
        assert result[modality].shape == (1, *SHAPE)
        np.testing.assert_allclose(result[modality].affine, AFFINE)
    assert result["case_id"] == "c1"
    assert isinstance(case["t1"], str)
    expected = image("t2", seed_of(tmp_path / "c1"))
    np.testing.assert_array_equal(result["t2"].numpy()[0], expected)


def test_label_is_renumbered_on_its_own_grid(case: dict[str, Any], tmp_path: Path) -> None:
    result = ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(
        labelled(case, tmp_path, regions((2, 1, 3)), "msd")
    )
    assert result["label"].dtype == torch.uint8
    np.testing.assert_array_equal(result["label"].numpy()[0], regions((1, 2, 3)))


def test_empty_label_is_no_error(case: dict[str, Any], tmp_path: Path) -> None:
    result = ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(
        labelled(case, tmp_path, np.zeros(SHAPE, np.uint8))
    )
    assert not result["label"].any()


def test_subset_of_modalities_leaves_the_others_unread(case: dict[str, Any]) -> None:
    result = ReadCased(["t2"], schema=SCHEMA)(case | {"t1": "/not/there.nii.gz"})
    assert result["t1"] == "/not/there.nii.gz"
    assert result["t2"].shape == (1, *SHAPE)


def test_missing_modality_is_named_with_what_is_there(case: dict[str, Any]) -> None:
    del case["t2"]
    with pytest.raises(CaseError, match=r"^Case 'c1' has no t2 image; it has t1, t1ce, flair.*--modalities"):
        read(case)
    assert "t2" not in ReadCased(MODALITIES, allow_missing_keys=True, schema=SCHEMA)(case)


def test_case_without_any_modality_is_an_error(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match="has no t1 and no t2 image; it has none"):
        ReadCased(["t1", "t2"], allow_missing_keys=True, schema=SCHEMA)({"case_id": case["case_id"]})


def test_missing_label_is_named(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"^Case 'c1' has no label map"):
        ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(case)


def test_a_label_that_is_not_needed_may_be_missing_but_is_read_if_there(case: dict[str, Any], tmp_path: Path) -> None:
    reading = ReadCased(MODALITIES, "label", schema=SCHEMA, needs_label=False)
    assert "label" not in reading(case)
    assert reading(case | {"label": ""})["t1"].any()
    there = {"label": str(save(tmp_path / "seg.nii.gz", regions())), "label_convention": "brats2023"}
    assert reading(case | there)["label"].any()


def test_problem_found_earlier_is_raised(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"^two files for t1$"):
        read(case | {"problem": "two files for t1"})


def test_one_file_under_two_names_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"^Case 'c1': t1 and t2 are the same file, .*t1.nii.gz"):
        read(case | {"t2": case["t1"]})


def test_link_to_another_modality_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "link.nii.gz").symlink_to(case["t1"])
    with pytest.raises(CaseError, match="t1 and t2 are the same file"):
        read(case | {"t2": str(tmp_path / "link.nii.gz")})


def test_copy_of_another_modality_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    copy = save(tmp_path / "copy.nii", image("t1", seed_of(tmp_path / "c1")))
    with pytest.raises(CaseError, match=r"t1 and flair hold the same voxels \(.*t1.nii.gz, .*copy.nii\)"):
        read(case | {"flair": str(copy)})


def test_shapes_that_differ_are_both_printed(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t2.nii.gz", image("t2", 0)[:, :, :11])
    with pytest.raises(CaseError, match=r"t2 has shape \(12, 12, 11\), t1 has \(12, 12, 12\)"):
        read(case)


def test_affines_that_differ_are_both_printed(case: dict[str, Any], tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 1
    save(tmp_path / "c1" / "flair.nii.gz", image("flair", 0), moved)
    message = (
        r"flair and t1 are on different grids, up to 0.5 voxels apart: affines \[\[-2 0 0 12\] .*-6\]\] and .*-7\]\]"
    )
    with pytest.raises(CaseError, match=message):
        read(case)


def test_label_on_another_grid_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    flipped = AFFINE.copy()
    flipped[0] *= -1
    save(tmp_path / "c1" / "seg.nii.gz", regions((1, 2, 4)), flipped)
    with pytest.raises(CaseError, match="label and t1 are on different grids"):
        ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(
            case | {"label": str(tmp_path / "c1" / "seg.nii.gz"), "label_convention": "brats"}
        )


def test_rounding_of_a_header_is_no_difference(case: dict[str, Any], tmp_path: Path) -> None:
    nearly = AFFINE.copy()
    nearly[:3] += 1e-4
    save(tmp_path / "c1" / "flair.nii.gz", image("flair", 0), nearly)
    assert "flair" in read(case)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_number_are_refused(case: dict[str, Any], tmp_path: Path, value: float) -> None:
    bad = image("t1ce", 0)
    bad[3, 4, 5] = bad[6, 6, 6] = value
    save(tmp_path / "c1" / "t1ce.nii.gz", bad)
    with pytest.raises(
        CaseError, match=r"t1ce \(.*\) holds 2 voxels that are NaN or infinite, the first, .*\(3, 4, 5\)"
    ):
        read(case)


def test_all_zero_image_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t1.nii.gz", np.zeros(SHAPE, np.int16))
    with pytest.raises(CaseError, match=r"^Case 'c1': t1 \(.*t1.nii.gz\) is all zero"):
        read(case)


def z_scored(background: str) -> np.ndarray:
    """A T1 that somebody normalised: over the brain with 0 outside, over the brain but everywhere, over everything."""
    values = image("t1", 0)
    over = values[brain()] if background != "everything" else values
    scores = (values - over.mean()) / over.std()
    return np.where(brain(), scores, 0) if background == "zero" else scores


@pytest.mark.parametrize("background", ["zero", "shifted", "everything"])
def test_z_scored_image_without_mask_is_refused(case: dict[str, Any], tmp_path: Path, background: str) -> None:
    save(tmp_path / "c1" / "t1.nii.gz", z_scored(background).astype(np.float32))
    with pytest.raises(CaseError, match=r"t1 \(.*\) seems to be z-scored .* negative, mean .*mask.nii.gz"):
        read(case)
    mask = save(tmp_path / "c1" / "mask.nii.gz", brain().astype(np.uint8))
    assert read(case | {"mask": str(mask)})["mask"].dtype == torch.uint8


def test_overshoots_of_interpolation_are_allowed(case: dict[str, Any], tmp_path: Path) -> None:
    values = image("t1", 0)
    values[brain() & (np.random.default_rng(0).random(SHAPE) < 0.02)] = -20
    save(tmp_path / "c1" / "t1.nii.gz", values)
    assert (read(case)["t1"] < 0).any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1, 2, 3), "contains the value 3"),
        ((1, 2, 9), "contains the value 9"),
        ((1, 2, 3.5), "contains the fractional value 3.5"),
    ],
)
def test_label_values_are_checked(
    case: dict[str, Any], tmp_path: Path, values: tuple[float, ...], message: str
) -> None:
    label = np.zeros(SHAPE, np.float32)
    label.flat[:3] = values
    with pytest.raises(CaseError, match=rf"^Case 'c1': label \(.*seg.nii.gz\) {message}"):
        ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(labelled(case, tmp_path, label))


@pytest.mark.parametrize(
    ("mask", "message"),
    [(brain() * 255, r"holds the values \[0, 255\]"), (brain() * 0, "is all zero: it marks no brain")],
)
def test_mask_is_checked(case: dict[str, Any], tmp_path: Path, mask: np.ndarray, message: str) -> None:
    path = save(tmp_path / "c1" / "mask.nii.gz", mask.astype(np.uint8))
    with pytest.raises(CaseError, match=rf"^Case 'c1': mask \(.*mask.nii.gz\) {message}"):
        read(case | {"mask": str(path)})


def test_truncated_file_names_case_and_modality(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "c1" / "t2.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CaseError, match=r"^Case 'c1': t2 \(.*t2.nii.gz, 200 bytes\) cannot be read"):
        read(case)


@pytest.mark.parametrize("key", ["flair", "label"])
def test_a_file_marked_as_synthetic_is_refused_as_an_ordinary_one(
    case: dict[str, Any], tmp_path: Path, key: str
) -> None:
    case = labelled(case, tmp_path, regions((1, 2, 4)))
    set_header(Path(case[key]), key)
    with pytest.raises(CaseError, match=rf"Case 'c1': {key} \(.*\) is synthetic \(marked in its NIfTI header\)"):
        ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(case)
    assert ReadCased(MODALITIES, label_key="label", schema=SCHEMA)(case | {"synthetic": [key]})[key].shape == (
        1,
        *SHAPE,
    )
