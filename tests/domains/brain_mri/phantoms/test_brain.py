"""Brain phantoms: subjects, tumours, and cohorts on disk."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion, label

from scanfill.anatomy.brain_anatomy import build_anatomy, draw_folds, draw_shape, grid_axes
from scanfill.anatomy.brain_head import HeadTissue, build_head
from scanfill.data.cases import find_cases
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.domains.brain_mri.phantoms.brain import (
    FIELD_OF_VIEW,
    Tissue,
    brain_cohort,
    make_subject,
    tumour_kind,
    write_cohort,
)
from scanfill.domains.brain_mri.phantoms.brain_tumour import KINDS_OF_TEN, TumourKind, draw_foci, mass_effect
from scanfill.domains.brain_mri.schema import SCHEMA

if TYPE_CHECKING:
    from scanfill.domains.brain_mri.phantoms.brain import BrainPhantom


MODALITIES = {"t1", "t1ce", "t2", "flair"}
SIZE = 48


@pytest.fixture(scope="module")
def cohort() -> list[BrainPhantom]:
    return [make_subject(seed=11, index=index, size=SIZE) for index in range(20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cohort")
    write_cohort(root, cases=3, size=32, seed=5)
    return root


def test_folders_and_files_are_named_as_in_brats(folder: Path) -> None:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(
        f"BraTS20_Training_{case:03d}/BraTS20_Training_{case:03d}_{part}.nii.gz"
        for case in (1, 2, 3)
        for part in ("t1", "t1ce", "t2", "flair", "seg")
    )
    assert not list(folder.glob(".*"))  # nothing unfinished is left behind


def test_files_hold_what_make_subject_returns(folder: Path) -> None:
    phantom = make_subject(seed=5, index=1, size=32)
    case = folder / "BraTS20_Training_002"
    for name, expected in {**phantom.images, "seg": phantom.label}.items():
        image = nib.load(case / f"{case.name}_{name}.nii.gz")
        assert np.array_equal(np.asarray(image.dataobj), expected)
        assert np.allclose(image.affine, phantom.affine)
        assert image.get_data_dtype() == (np.uint8 if name == "seg" else np.int16)
        assert image.header.get_xyzt_units()[0] == "mm"


def test_same_seed_gives_the_same_bytes_whatever_the_count(folder: Path, tmp_path: Path) -> None:
    for case in write_cohort(tmp_path, cases=2, size=32, seed=5):
        for path in case.iterdir():
            assert path.read_bytes() == (folder / case.name / path.name).read_bytes()


def test_another_seed_gives_another_head(folder: Path, tmp_path: Path) -> None:
    (case,) = write_cohort(tmp_path, cases=1, size=32, seed=6)
    path = next(case.glob("*_t1.nii.gz"))
    assert path.read_bytes() != (folder / case.name / path.name).read_bytes()


def test_a_second_run_replaces_files_and_spares_others(tmp_path: Path) -> None:
    case = tmp_path / "BraTS20_Training_001"
    write_cohort(tmp_path, cases=1, size=32, seed=1)
    (case / "notes.txt").write_text("keep")
    write_cohort(tmp_path, cases=1, size=24, seed=0)
    assert (case / "notes.txt").read_text() == "keep"
    assert nib.load(case / "BraTS20_Training_001_t1.nii.gz").shape == (24, 24, 24)


@pytest.mark.parametrize("bad", [{"cases": 0}, {"size": 8}, {"seed": -1}])
def test_bad_arguments_are_refused_with_the_value(tmp_path: Path, bad: dict[str, int]) -> None:
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        write_cohort(tmp_path, **bad)
    assert not list(tmp_path.iterdir())


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32), index=st.integers(0, 1000), size=st.sampled_from([24, 32, 41]))
def test_every_subject_is_lawful(seed: int, index: int, size: int) -> None:
    phantom, again = make_subject(seed, index, size), make_subject(seed, index, size)
    for field in fields(phantom):
        first, second = getattr(phantom, field.name), getattr(again, field.name)
        if isinstance(first, dict):
            assert all(np.array_equal(first[name], second[name]) for name in MODALITIES)
        else:
            assert np.array_equal(first, second)
    assert set(phantom.images) == MODALITIES
    assert set(np.unique(phantom.label)) <= {0, 1, 2, 4}
    assert (phantom.label > 0).any()
    for image in phantom.images.values():
        assert image.shape == phantom.label.shape == phantom.tissue.shape == (size,) * 3
        assert image.min() == 0
        assert image.max() <= 32767
        assert np.array_equal(image, np.rint(image))


def test_affine_maps_the_field_of_view_and_the_tumour(cohort: list[BrainPhantom]) -> None:
    for phantom in cohort:
        assert nib.aff2axcodes(phantom.affine) == ("L", "P", "S")
        assert np.allclose(nib.affines.voxel_sizes(phantom.affine), phantom.spacing)
        assert phantom.spacing == FIELD_OF_VIEW / SIZE
        corner = nib.affines.apply_affine(phantom.affine, [-0.5] * 3)
        opposite = nib.affines.apply_affine(phantom.affine, [SIZE - 0.5] * 3)
        assert np.allclose(np.abs(opposite - corner), FIELD_OF_VIEW)
        voxels = np.rint(nib.affines.apply_affine(np.linalg.inv(phantom.affine), phantom.centres)).astype(int)
        core = binary_dilation(np.isin(phantom.label, (1, 4)))
        assert all(core[tuple(voxel)] for voxel in voxels)


def test_another_size_shows_the_same_head() -> None:
    fine, coarse = make_subject(3, 2, 64), make_subject(3, 2, 32)
    blocks = (fine.label > 0).reshape(32, 2, 32, 2, 32, 2).mean(axis=(1, 3, 5)) > 0.5
    overlap = 2 * (blocks & (coarse.label > 0)).sum() / (blocks.sum() + (coarse.label > 0).sum())
    assert overlap > 0.8
    assert np.allclose(fine.centres, coarse.centres)


def test_background_is_zero_and_masks_differ_a_little(cohort: list[BrainPhantom]) -> None:
    for phantom in cohort:
        masks = [image > 0 for image in phantom.images.values()]
        brain = phantom.tissue > 0
        assert all(not mask[0].any() and not mask[:, :, -1].any() for mask in masks)
        for first in masks:
            assert 0 < (first ^ brain).mean() < 0.03
            assert sum(np.array_equal(first, other) for other in masks) == 1  # only itself


def test_one_case_in_five_is_smoother_along_z(cohort: list[BrainPhantom]) -> None:
    thick = [phantom for phantom in cohort if phantom.thick_slice]
    assert len(thick) == len(cohort) / 5
    for phantom in cohort:
        for image in phantom.images.values():
            inner = (image[1:, :, 1:] > 0) & (image[:-1, :, 1:] > 0) & (image[1:, :, :-1] > 0)
            along_x = np.abs(image[1:, :, 1:] - image[:-1, :, 1:])[inner].mean()
            along_z = np.abs(image[1:, :, 1:] - image[1:, :, :-1])[inner].mean()
            assert (along_z < 0.8 * along_x) == phantom.thick_slice


def test_scale_spans_two_decades_over_sites(cohort: list[BrainPhantom]) -> None:
    assert len({phantom.site for phantom in cohort}) >= 3
    for name in MODALITIES:
        medians = [np.median(phantom.images[name][phantom.images[name] > 0]) for phantom in cohort]
        assert max(medians) / min(medians) >= 100


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), block=st.integers(0, 50))
def test_every_ten_cases_hold_every_kind_of_tumour(seed: int, block: int) -> None:
    kinds = [tumour_kind(seed, 10 * block + place) for place in range(10)]
    assert sorted(kind.value for kind in kinds) == sorted(kind.value for kind in KINDS_OF_TEN)


def test_kinds_show_in_the_label_map(cohort: list[BrainPhantom]) -> None:
    absent = {TumourKind.NO_NECROSIS: 1, TumourKind.NO_EDEMA: 2, TumourKind.NO_ENHANCEMENT: 4}
    for phantom in cohort:
        missing = {1, 2, 4} - set(np.unique(phantom.label).tolist())
        assert missing == ({absent[phantom.kind]} if phantom.kind in absent else set())
        cores = label(np.isin(phantom.label, (1, 4)), np.ones((3, 3, 3)))[0]
        islands = np.sum(np.bincount(cores.ravel())[1:] >= 8)
        assert (islands > 1) == (phantom.kind is TumourKind.MULTIFOCAL)
        assert 0.001 < (phantom.label > 0).mean() < 0.07


@pytest.mark.parametrize("seed", [0, 3])
def test_a_case_without_enhancement_has_not_one_such_voxel(seed: int) -> None:
    index = next(i for i in range(10) if tumour_kind(seed, i) is TumourKind.NO_ENHANCEMENT)
    assert np.unique(make_subject(seed, index, 64).label).tolist() == [0, 1, 2]


def test_necrosis_lies_inside_the_enhancing_rim(cohort: list[BrainPhantom]) -> None:
    for phantom in cohort:
        if phantom.kind in {TumourKind.NO_NECROSIS, TumourKind.NO_ENHANCEMENT}:
            continue
        necrosis = phantom.label == 1
        beyond = binary_dilation(~np.isin(phantom.label, (1, 4)))
        assert (necrosis & beyond).sum() <= 0.1 * necrosis.sum()


def test_edema_lies_in_white_matter_around_the_core(cohort: list[BrainPhantom]) -> None:
    for phantom in cohort:
        edema = phantom.label == 2
        assert np.all(phantom.healthy[edema] == Tissue.WHITE)
        if edema.any():
            world = nib.affines.apply_affine(phantom.affine, np.argwhere(edema))
            near = np.linalg.norm(world[:, None] - phantom.centres[None], axis=2).min(axis=1)
            assert near.max() < 75


def test_tissues_vary_from_subject_to_subject(cohort: list[BrainPhantom]) -> None:
    for tissue, least in ((Tissue.CSF, 1.3), (Tissue.VENTRICLE, 1.5), (Tissue.VESSEL, 1.3), (Tissue.WHITE, 1.1)):
        shares = [(phantom.healthy == tissue).sum() / (phantom.healthy > 0).sum() for phantom in cohort]
        assert min(shares) > 0.002
        assert max(shares) / min(shares) > least


def test_the_tumour_pushes_the_ventricles_away() -> None:
    axes = grid_axes(SIZE)
    grid = np.meshgrid(*axes, indexing="ij")
    shape = draw_shape(np.random.default_rng(1))
    folds = draw_folds(np.random.default_rng(2), axes)
    still = np.zeros((SIZE,) * 3)
    before = build_anatomy(axes, (still, still, still), shape, folds)
    for seed in range(4):
        foci = draw_foci(np.random.default_rng(seed), shape, TumourKind.FULL)
        after = build_anatomy(axes, mass_effect(axes, foci, shape), shape, folds)
        distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, foci[0].centre, strict=True)))
        nearest = [np.percentile(distance[brain.fractions[Tissue.VENTRICLE] > 0.5], 2) for brain in (before, after)]
        assert nearest[1] > nearest[0] + 1.0  # mm
        assert np.array_equal(before.depth, after.depth)  # the skull holds the surface
        assert np.allclose(sum(after.fractions.values()), 1.0)


def test_with_its_skull_it_is_the_same_subject_not_stripped() -> None:
    stripped, head = (make_subject(seed=2, index=1, size=SIZE, skull=skull) for skull in (False, True))
    deep = binary_erosion(stripped.tissue > 0, iterations=2)
    for name, image in head.images.items():
        assert np.abs(image - stripped.images[name])[deep].max() <= 0.02 * image[deep].max()
    assert np.array_equal(head.label, stripped.label)
    outside = ~binary_dilation(stripped.tissue > 0, iterations=1)
    assert (head.images["t1"][outside] > np.median(head.images["t1"][deep])).sum() > 500  # scalp
    assert all((stripped.images[name][outside] > 0).mean() < 0.02 for name in MODALITIES)


def test_around_the_brain_lies_dark_bone_and_around_that_bright_fat() -> None:
    axes = grid_axes(64)
    x, y, z = np.meshgrid(*axes, indexing="ij")
    depth = 60.0 - np.sqrt(x**2 + y**2 + z**2)
    fractions = build_head(np.random.default_rng(0), axes, depth)
    np.testing.assert_allclose(sum(fractions.values()), 1.0)
    above = z > 20
    shares = {
        tissue: [fraction[above & (np.abs(depth + distance) < 1)].mean() for distance in (8.0, 12.0, 30.0)]
        for tissue, fraction in fractions.items()
    }
    assert [max(shares, key=lambda tissue: shares[tissue][place]) for place in range(3)] == [
        HeadTissue.BONE,
        HeadTissue.FAT,
        HeadTissue.AIR,
    ]


def test_a_cohort_with_skull_is_not_taken_for_a_stripped_one(tmp_path: Path) -> None:
    write_cohort(tmp_path, cases=1, size=24, skull=True)
    with_skull = nib.load(next(tmp_path.glob("*/*_t1.nii.gz")))
    assert (np.asarray(with_skull.dataobj) > 0).mean() > 0.9
    brain_cohort(tmp_path, cases=1, size=24)
    assert (np.asarray(nib.load(next(tmp_path.glob("*/*_t1.nii.gz"))).dataobj) > 0).mean() < 0.5


def times(folder: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(folder.rglob("*.nii.gz"))]


def test_a_cohort_is_made_once_and_again_when_another_is_asked_for(tmp_path: Path) -> None:
    folder = Path(brain_cohort(tmp_path / "phantoms", cases=2, size=24))
    first = times(folder)
    assert len(first) == 10
    brain_cohort(folder, cases=2, size=24)
    assert times(folder) == first
    brain_cohort(folder, cases=2, size=24, seed=1)
    assert set(times(folder)).isdisjoint(first)


def test_patients_may_lack_a_modality(tmp_path: Path) -> None:
    folder = Path(brain_cohort(tmp_path, cases=2, size=24, without="t1"))
    assert len(times(folder)) == 8
    assert not list(folder.glob("*/*_t1.nii.gz"))
    first = times(folder)
    brain_cohort(folder, cases=2, size=24, without=["t1"])
    assert times(folder) == first
    brain_cohort(folder, cases=2, size=24, without=["flair"])
    assert len(list(folder.glob("*/*_t1.nii.gz"))) == 2
    assert not list(folder.glob("*/*_flair.nii.gz"))


def test_a_cohort_reads_as_brats(tmp_path: Path) -> None:
    cases = find_cases(
        brain_cohort(tmp_path, cases=2, size=24),
        modalities=["t1", "t1ce", "t2", "flair"],
        labels="brats",
        schema=SCHEMA,
    )
    assert [case["case_id"] for case in cases] == ["BraTS20_Training_001", "BraTS20_Training_002"]
    assert {case["label_convention"] for case in cases} == {"brats"}


def test_figures_on_phantoms_carry_the_caveat_and_others_do_not(tmp_path: Path) -> None:
    cases = find_cases(brain_cohort(tmp_path / "phantoms", cases=1, size=24), labels="none", schema=SCHEMA)
    assert phantom_note(cases, SCHEMA) == PHANTOM_NOTE
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "t1.nii.gz")
    assert phantom_note([{"t1": str(tmp_path / "t1.nii.gz")}], SCHEMA) == ""
