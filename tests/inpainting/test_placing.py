"""The shape of a new lesion: where it comes from, where it lies, and which masks are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy import ndimage

from inpainting_phantoms import MODALITIES, read
from scanfill.data import load_schema
from scanfill.errors import CaseError, UsageError
from scanfill.inpainting import PlaceLesiond
from scanfill.inpainting.placing import on_grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from scanfill.inpainting import LesionPool

RULE = load_schema("brain_mri").allowed
SHELLS = [(2, 1.0), (3, 0.6), (1, 0.4)]


def place(request: dict[str, Any], masks: str, lesion_pool: LesionPool | None = None, **options: Any) -> dict[str, Any]:
    placing = PlaceLesiond(MODALITIES, "brain_mri", masks, lesion_pool, shells=SHELLS, **options)
    return placing(read(request))


def lesion_of(case: dict[str, Any]) -> NDArray[np.uint8]:
    return np.asarray(case["lesion"])[0]


def allowed_in(case: dict[str, Any]) -> NDArray[np.bool_]:
    assert RULE is not None
    return RULE({key: case[key] for key in MODALITIES}, label=case.get("label"), mask=None)


@pytest.mark.parametrize("masks", ["moved", "deformed", "drawn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_placed_lesion_lies_in_allowed_tissue_and_on_no_other_lesion(
    requests_for: Callable[..., Any], lesion_pool: LesionPool, masks: str, seed: int
) -> None:
    for request in requests_for(seed=seed):
        case = place(request, masks, lesion_pool)
        lesion = lesion_of(case)
        assert lesion.any()
        assert lesion.shape == case["t1"].shape[1:]
        assert set(np.unique(lesion)) <= {0, 1, 2, 3}
        assert not (lesion.astype(bool) & ~allowed_in(case)).any()
        assert not lesion[np.asarray(case["label"])[0] != 0].any()


@pytest.mark.parametrize("masks", ["moved", "deformed", "drawn"])
def test_the_same_seed_places_the_same_lesion_and_another_one_another(
    requests_for: Callable[..., Any], lesion_pool: LesionPool, masks: str
) -> None:
    first, again, other = (
        lesion_of(place(requests_for(seed=seed, copies=1)[0], masks, lesion_pool)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_moved_lesion_is_that_of_another_patient_with_its_tones(
    requests_for: Callable[..., Any], lesion_pool: LesionPool
) -> None:
    for request in requests_for():
        case = place(request, "moved", lesion_pool)
        assert case["donor"] not in ("", request["source_case"])
        (donor,) = {each.case_id: each for c in lesion_pool.cases for each in lesion_pool.lesions_of(c)}.keys() & {
            case["donor"]
        }
        assert donor == case["donor"]
        there = [part in lesion_of(case) for part in (1, 2, 3)]
        assert case["tones"].shape == case["deviations"].shape == (3, 4)
        assert torch.isfinite(case["tones"][there]).all()


def test_a_drawn_lesion_needs_no_donor_but_then_its_tones_are_unknown(requests_for: Callable[..., Any]) -> None:
    case = place(requests_for()[0], "drawn")
    assert case["donor"] == ""
    assert case["tones"].isnan().all()


def test_a_placed_lesion_keeps_its_distance(requests_for: Callable[..., Any], lesion_pool: LesionPool) -> None:
    case = place(requests_for()[0], "moved", lesion_pool, distance=25.0)
    spacing = np.linalg.norm(np.asarray(case["t1"].affine)[:3, :3], axis=0)
    apart = ndimage.distance_transform_edt(np.asarray(case["label"])[0] == 0, sampling=spacing)
    assert apart[lesion_of(case) != 0].min() >= 25


def test_its_own_lesions_are_those_of_the_label_map(requests_for: Callable[..., Any]) -> None:
    case = place(requests_for()[0], "own")
    assert torch.equal(case["lesion"], case["label"])
    assert "tones" not in case


def test_its_own_lesions_grow_within_the_body(requests_for: Callable[..., Any]) -> None:
    case = place(requests_for()[0], "own", grow=8.0)
    grown, own = lesion_of(case) != 0, np.asarray(case["label"])[0] != 0
    assert set(np.unique(lesion_of(case))) == {0, 1}
    assert (grown & own).sum() == own.sum() < grown.sum()
    assert np.all(np.asarray(case["body"])[0][grown & ~own] != 0)


def test_a_case_without_a_lesion_of_its_own_is_told_what_to_do(requests_for: Callable[..., Any]) -> None:
    request = {key: value for key, value in requests_for()[0].items() if key != "label"}
    with pytest.raises(CaseError, match=r"_001' has no lesion of its own: add its label map, or choose other --masks"):
        place(request, "own")


# --- masks that are given ---------------------------------------------------------------------------------------------


def given(request: dict[str, Any], folder: Path, values: NDArray[Any], affine: Any = None) -> dict[str, Any]:
    """The request with a mask in a file."""
    path = folder / f"{request['source_case']}.nii.gz"
    nib.save(nib.Nifti1Image(values, nib.load(request["t1"]).affine if affine is None else affine), path)
    return request | {"lesion_file": str(path)}


def stored(where: NDArray[np.bool_], value: int = 4) -> NDArray[np.uint8]:
    """A mask in the values of the case's file."""
    return np.where(where, value, 0).astype(np.uint8)


def some(where: NDArray[np.bool_], count: int = 20) -> NDArray[np.bool_]:
    """The first few voxels of a region."""
    kept = np.zeros_like(where)
    kept[tuple(np.argwhere(where)[:count].T)] = True
    return kept


def test_a_given_mask_is_read_in_the_values_of_the_label_maps(requests_for: Callable[..., Any], tmp_path: Path) -> None:
    request = requests_for()[0]
    where = some(allowed_in(read(request)))
    case = place(given(request, tmp_path, stored(where)), str(tmp_path))
    assert np.array_equal(lesion_of(case), np.where(where, 3, 0))


def test_a_given_mask_gets_the_tones_of_a_donor_with_all_its_parts(
    requests_for: Callable[..., Any], lesion_pool: LesionPool, tmp_path: Path
) -> None:
    request = requests_for()[0]
    mask = stored(some(allowed_in(read(request))), 2)
    case = place(given(request, tmp_path, mask), str(tmp_path), lesion_pool)
    assert torch.isfinite(case["tones"][1]).all()
    assert case["donor"] != request["source_case"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("empty", r"is empty: there is no lesion to make. Draw one, or leave the case out"),
        ("outside", r"20 of 20 voxels, the first at \(.*lie outside the tissue.*--anywhere true"),
        ("on a lesion", r"20 of 20 voxels, .*lie outside the tissue.*--anywhere true"),
        ("shape", r"has shape \(16, 32, 32\) and is not on the grid of the images \(32, 32, 32\). Draw it on one"),
        ("affine", r"not on the grid of the images .*Draw it on one"),
        ("unknown label", r"contains the value 9, which convention .brats. does not have.*Correct the file"),
        ("fraction", r"1\.5"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_with_its_file(
    requests_for: Callable[..., Any], tmp_path: Path, fault: str, said: str
) -> None:
    request = requests_for()[0]
    case = read(request)
    good = some(allowed_in(case))
    where = {
        "empty": np.zeros_like(good),
        "outside": some(np.asarray(case["body"])[0] == 0),
        "on a lesion": some(np.asarray(case["label"])[0] != 0),
    }.get(fault, good)
    mask: NDArray[Any] = stored(where, 9 if fault == "unknown label" else 4)
    affine = nib.load(request["t1"]).affine.copy()
    if fault == "shape":
        mask = mask[::2]
    if fault == "affine":
        affine[0, 3] += 5
    if fault == "fraction":
        mask = np.where(where, 1.5, 0).astype(np.float32)
    with pytest.raises(CaseError, match=said) as refused:
        place(given(request, tmp_path, mask, affine), str(tmp_path))
    assert "BraTS20_Training_001" in str(refused.value)
    assert "BraTS20_Training_001.nii.gz" in str(refused.value)


def test_anywhere_is_still_in_the_body(requests_for: Callable[..., Any], tmp_path: Path) -> None:
    request = requests_for()[0]
    case = read(request)
    body = np.asarray(case["body"])[0] != 0
    rim = some(body & ~allowed_in(case))
    assert lesion_of(place(given(request, tmp_path, stored(rim)), str(tmp_path), anywhere=True)).any()
    with pytest.raises(CaseError, match="must lie in the body, where the images are not 0"):
        place(given(request, tmp_path, stored(some(~body))), str(tmp_path), anywhere=True)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_lesions_can_only_be_moved_from_a_pool() -> None:
    with pytest.raises(UsageError, match=r"masks \(='moved'\) needs a pool of lesions"):
        PlaceLesiond(MODALITIES, "brain_mri", "moved")


def test_a_kind_of_data_without_a_rule_for_lesions_is_refused() -> None:
    with pytest.raises(UsageError, match="needs 'label' and 'allowed'"):
        PlaceLesiond(["image"], "images_2d", "drawn")


def test_a_lesion_is_turned_to_the_axes_of_the_image_and_to_its_voxels() -> None:
    lesion = np.zeros((4, 2, 2), np.uint8)
    lesion[:2], lesion[2:] = 1, 2
    turned = on_grid(lesion, (2.0, 2.0, 2.0), np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert turned.shape == pytest.approx((8, 4, 4), abs=1)
    assert (turned[0] == 2).all()
    assert (turned[-1] == 1).all()
