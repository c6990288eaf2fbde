"""What is refused before anything is registered, and how to make a brain mask."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.finder import list_cases
from scanfill.domains.brain_mri.prepare import originals
from scanfill.domains.brain_mri.prepare.originals import mask_path, read_original, strip_commands
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import AFFINE, SHAPE, brain, case_of, image, regions, save, save_case

SHIFTED = AFFINE + np.array([[0, 0, 0, 1.0]] + [[0] * 4] * 3)


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    return case_of(save_case(tmp_path / "c1"))


@pytest.fixture(autouse=True)
def no_skull(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ball of 12 voxels is too small to judge."""
    monkeypatch.setattr(originals, "suspect_skull", lambda _: None)


def without(case: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key not in keys}


@pytest.mark.parametrize(("missing", "reference"), [((), "t1ce"), (("t1ce",), "t1")])
def test_reference_is_t1ce_else_t1(case: dict[str, Any], missing: tuple[str, ...], reference: str) -> None:
    assert read_original(without(case, *missing)).reference == reference


def test_any_modality_can_be_the_reference(case: dict[str, Any]) -> None:
    assert read_original(case, "flair").reference == "flair"


def test_missing_reference_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"'c1' has no t1ce and no t1 .*it has t2, flair.*--reference t2"):
        read_original(without(case, "t1", "t1ce"))
    with pytest.raises(CaseError, match=r"'c1' has no t2 .*--reference t1"):
        read_original(without(case, "t2"), "t2")


def test_two_files_for_one_modality_are_refused(tmp_path: Path) -> None:
    folder = save_case(tmp_path / "c1")
    save(folder / "t1n.nii.gz", image("t1", 7))
    with pytest.raises(CaseError, match=r"2 files for t1: .*t1\.nii\.gz.*t1n\.nii\.gz"):
        read_original(list_cases(tmp_path).cases[0])


def test_a_series_of_volumes_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t2.nii.gz", np.ones((*SHAPE, 3), np.float32))
    with pytest.raises(CaseError, match=r"t2 .*4-D, shape \(12, 12, 12, 3\)"):
        read_original(case)


def test_images_may_lie_on_different_grids(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t2.nii.gz", image("t2", 3)[:, :, ::2], np.diag([2.0, 2, 4, 1]))
    original = read_original(case)
    assert original.images["t2"].grid.shape == (12, 12, 6)
    assert original.images["t1"].grid.shape == SHAPE


@pytest.mark.parametrize("array", [brain()[:-1], brain()], ids=["another shape", "another place"])
def test_a_mask_on_another_grid_is_refused(case: dict[str, Any], tmp_path: Path, array: np.ndarray) -> None:
    mask = save(tmp_path / "mask.nii.gz", array.astype(np.uint8), SHIFTED)
    with pytest.raises(CaseError, match=r"mask .*is not on the grid of t1ce .*(voxels against|voxels apart)"):
        read_original(case | {"mask": str(mask)})


@pytest.mark.parametrize(("factor", "seen"), [(2, r"\[0, 2\]"), (255, r"\[0, 255\]"), (0, "all zero")])
def test_a_mask_of_other_values_is_refused(case: dict[str, Any], tmp_path: Path, factor: int, seen: str) -> None:
    mask = save(tmp_path / "mask.nii.gz", (brain() * factor).astype(np.int16))
    with pytest.raises(CaseError, match=rf"mask .*{seen}"):
        read_original(case | {"mask": str(mask)})


@pytest.mark.parametrize("drawn_on", ["t1ce", "t2"])
def test_a_label_belongs_to_the_image_whose_grid_it_has(case: dict[str, Any], tmp_path: Path, drawn_on: str) -> None:
    save(tmp_path / "c1" / "t2.nii.gz", image("t2", 3), SHIFTED)
    label = save(tmp_path / "seg.nii.gz", regions((1, 2, 4)), SHIFTED if drawn_on == "t2" else AFFINE)
    found = read_original(case | {"label": str(label)}).label
    assert found is not None
    assert found[1] == drawn_on
    np.testing.assert_array_equal(found[0].voxels, regions((1, 2, 4)))


def test_a_label_on_no_images_grid_is_refused(case: dict[str, Any], tmp_path: Path) -> None:
    label = save(tmp_path / "seg.nii.gz", regions(), SHIFTED)
    with pytest.raises(CaseError, match=r"label .*grid of any .*t1ce: up to 0\.5 voxels apart"):
        read_original(case | {"label": str(label)})


@pytest.mark.parametrize("value", [300, -1, 0.5])
def test_a_label_of_impossible_values_is_refused(case: dict[str, Any], tmp_path: Path, value: float) -> None:
    label = save(tmp_path / "seg.nii.gz", (regions() == 1).astype(np.float32) * value)
    with pytest.raises(CaseError, match=r"label .*(integers|fractional)"):
        read_original(case | {"label": str(label)})


@pytest.mark.parametrize(
    ("array", "seen"),
    [
        (np.zeros(SHAPE), "all zero"),
        (np.where(brain(), np.nan, 0), "NaN"),
        (np.where(brain(), np.random.default_rng(0).normal(size=SHAPE), 0), "z-scored"),
        (image("t1", 5), "same voxels"),
    ],
)
def test_an_unusable_image_is_refused(case: dict[str, Any], tmp_path: Path, array: np.ndarray, seen: str) -> None:
    save(tmp_path / "c1" / "t1.nii.gz", image("t1", 5))
    save(tmp_path / "c1" / "flair.nii.gz", array.astype(np.float32))
    with pytest.raises(CaseError, match=rf"flair.*{seen}"):
        read_original(case)


class TestSkull:
    @pytest.fixture(autouse=True)
    def skull(self, monkeypatch: pytest.MonkeyPatch, no_skull: None) -> None:  # noqa: ARG002 - comes before
        monkeypatch.setattr(originals, "suspect_skull", lambda _: "a bright rim")

    def test_a_suspected_skull_stops_the_case_and_names_the_commands(
        self, case: dict[str, Any], tmp_path: Path
    ) -> None:
        with pytest.raises(CaseError, match="whole head: a bright rim") as caught:
            read_original(case)
        reference, mask = tmp_path / "c1" / "t1ce.nii.gz", tmp_path / "c1" / "mask.nii.gz"
        assert f"hd-bet -i {reference} " in str(caught.value)
        assert f"mri_synthstrip -i {reference} -m {mask}" in str(caught.value)

    def test_with_a_mask_the_skull_does_not_matter(self, case: dict[str, Any], tmp_path: Path) -> None:
        mask = save(tmp_path / "c1" / "mask.nii.gz", brain().astype(np.uint8))
        assert read_original(case | {"mask": str(mask)}).mask is not None

    def test_the_check_can_be_left_out(self, case: dict[str, Any]) -> None:
        assert read_original(case, check_skull=False).mask is None


@pytest.mark.parametrize(
    ("folder", "prefix", "names"),
    [
        ("c1", "", ("t1", "t1ce", "t2", "flair")),
        ("BraTS20_Training_001", "BraTS20_Training_001_", ("t1", "t1ce", "t2", "flair")),
        ("BraTS-GLI-00002-000", "BraTS-GLI-00002-000-", ("t1n", "t1c", "t2w", "t2f")),
        ("sub-01", "sub-01_", ("T1w", "ce-gd_T1w", "T2w", "FLAIR")),
        ("all", "left_", ("t1", "t1ce", "t2", "flair")),
    ],
)
def test_the_mask_that_the_commands_write_is_found(
    tmp_path: Path, folder: str, prefix: str, names: tuple[str, ...]
) -> None:
    save_case(tmp_path / folder, prefix, names)
    if folder == "all":
        save_case(tmp_path / folder, "right_", names)
    case, *others = find_cases(tmp_path, labels=None, schema=SCHEMA)
    mask = mask_path(case["t1ce"])
    mask.write_bytes(Path(case["t1ce"]).read_bytes())
    again, *others_again = find_cases(tmp_path, labels=None, schema=SCHEMA)
    assert again == {**case, "mask": str(mask)}
    assert others_again == others


def test_hd_bets_mask_is_moved_to_where_it_is_found(tmp_path: Path) -> None:
    """HD-BET 2 writes ``<output>_bet.nii.gz`` for the mask of ``<output>.nii.gz``."""
    image = tmp_path / "a case" / "t1ce.nii.gz"
    hd_bet, rest = strip_commands(image).removeprefix("HD-BET: ").split(" && ", 1)
    words = shlex.split(hd_bet)
    assert words[:3] == ["hd-bet", "-i", str(image)]
    assert words[5:] == ["--save_bet_mask", "--no_bet_image"]
    move = shlex.split(rest.split(" (without", 1)[0])
    assert move == ["mv", words[4].removesuffix(".nii.gz") + "_bet.nii.gz", str(mask_path(image))]


def test_synthstrips_command_writes_the_mask(tmp_path: Path) -> None:
    image = tmp_path / "t1ce.nii.gz"
    words = shlex.split(strip_commands(image).split("SynthStrip: ")[1])
    assert words == ["mri_synthstrip", "-i", str(image), "-m", str(tmp_path / "mask.nii.gz")]


def test_uncompressed_nifti_is_compressed_for_hd_bet(tmp_path: Path) -> None:
    image = tmp_path / "t1ce.nii"
    assert f"gzip -k {image} && hd-bet -i {image}.gz" in strip_commands(image)
    assert f"mri_synthstrip -i {image} " in strip_commands(image)


def test_other_formats_are_to_be_converted_first(tmp_path: Path) -> None:
    assert "convert" in strip_commands(tmp_path / "t1ce.mha")


def test_the_mask_of_an_nnunet_case_is_named_after_it(tmp_path: Path) -> None:
    assert mask_path(tmp_path / "imagesTr" / "BRATS_001_0002.nii.gz").name == "BRATS_001_mask.nii.gz"
    assert mask_path(tmp_path / "anna" / "x_0002.nii.gz").name == "mask.nii.gz"
