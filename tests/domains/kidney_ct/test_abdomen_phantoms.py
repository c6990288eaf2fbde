"""Abdominal phantoms: anatomy, HU, lesions, variants and visits, and what they ask of a segmenter."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, distance_transform_edt, label

from scanfill.anatomy.kidneys import TumorKind, Variant
from scanfill.anatomy.tissue_hu import KIDNEY, PHASES, Tissue, draw_contrast
from scanfill.domains.kidney_ct.phantoms.abdomen import COVERED, FIELD_OF_VIEW, AbdomenPhantom, draw_visit, make_case
from scanfill.errors import UsageError
from scanfill.metrics.trivial_baselines import AtlasBaseline, VoxelwiseBaseline

SIZE = 64
SEED = 4


@pytest.fixture(scope="module")
def cohort() -> list[AbdomenPhantom]:
    return [make_case(SEED, index, SIZE, 5) for index in range(18)]


def volumes(phantom: AbdomenPhantom) -> list[float]:
    """Milliliters of kidney and of tumor."""
    voxel = abs(np.linalg.det(phantom.affine[:3, :3])) / 1000
    return [np.count_nonzero(phantom.label == value) * voxel for value in (1, 2)]


def spacing(phantom: AbdomenPhantom) -> np.ndarray:
    return np.abs(phantom.affine[:3, :3]).sum(axis=0)


# --- the grid ---------------------------------------------------------------------------------------------------------


def test_axes_run_down_back_and_left_as_in_kits19(cohort: list[AbdomenPhantom]) -> None:
    step, side = 5.0, FIELD_OF_VIEW / SIZE
    phantom = cohort[1]
    assert phantom.affine.tolist() == [[0, 0, -side, 0], [0, -side, 0, 0], [-step, 0, 0, 0], [0, 0, 0, 1]]
    assert phantom.image.dtype == np.int16
    assert phantom.label.dtype == np.uint8
    down, back, left = (
        [np.argwhere(phantom.tissue == tissue)[:, axis].mean() for tissue in pair]
        for axis, pair in enumerate(
            ((Tissue.LIVER, Tissue.CONTENT), (Tissue.CONTENT, Tissue.BONE), (Tissue.LIVER, Tissue.SPLEEN))
        )
    )
    assert down[0] < down[1]
    assert back[0] < back[1]
    assert left[0] < left[1]


@pytest.mark.parametrize("thickness", [1, 2.5, 5])
def test_slices_are_as_thick_as_asked_and_cover_the_same_part(thickness: float) -> None:
    phantom = make_case(SEED, 0, 48, thickness)
    assert phantom.affine[2, 0] == -thickness
    assert phantom.image.shape == (round(COVERED / thickness), 48, 48)


def test_thickness_differs_between_cases_unless_asked_for() -> None:
    drawn = {draw_visit(SEED, index).thickness for index in range(60)}
    assert drawn == {1, 2, 3, 4, 5}
    assert draw_visit(SEED, 0, 2.5).thickness == 2.5


def test_a_thick_slice_averages_thin_ones() -> None:
    thin, thick = (make_case(SEED, 1, 48, thickness) for thickness in (1, 5))
    averaged = thin.image.reshape(-1, 5, 48, 48).mean(axis=1)
    assert np.corrcoef(averaged.ravel(), thick.image.ravel())[0, 1] > 0.99


def test_another_size_shows_the_same_anatomy_on_another_grid() -> None:
    small, large = (make_case(SEED, 1, size, 5) for size in (64, 128))
    coarse = large.image.reshape(40, 64, 2, 64, 2).mean(axis=(2, 4))
    assert np.corrcoef(coarse.ravel(), small.image.ravel())[0, 1] > 0.98
    for value, least in ((1, 0.9), (2, 0.8)):
        share = (large.label == value).reshape(40, 64, 2, 64, 2).mean(axis=(2, 4)) >= 0.5
        same = small.label == value
        assert 2 * (share & same).sum() / (share.sum() + same.sum()) > least


def test_the_same_seed_gives_the_same_case_and_another_one_another() -> None:
    first, again, other = (make_case(seed, 7, 48, 5) for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.label, again.label)
    assert not np.array_equal(first.label, other.label)


@pytest.mark.parametrize(
    ("seed", "index", "size", "thickness", "problem"),
    [
        (-1, 0, 64, 5, "seed=-1"),
        (0, -1, 64, 5, "index=-1"),
        (0, 100_000, 64, 5, "index=100000"),
        (0, 0, 47, 5, "48 to 512 pixels per side, got size=47"),
        (0, 0, 513, 5, "size=513"),
        (0, 0, 64, 0.5, "1 to 5 mm thick, got thickness=0.5"),
        (0, 0, 64, 6, "thickness=6"),
        (0, 0, 64, float("nan"), "thickness=nan"),
    ],
)
def test_impossible_numbers_are_refused(seed: int, index: int, size: int, thickness: float, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        make_case(seed, index, size, thickness)


# --- tissues ----------------------------------------------------------------------------------------------------------


def test_tissues_have_the_hu_of_their_phase(cohort: list[AbdomenPhantom]) -> None:
    checked: Counter[Tissue] = Counter()
    for phantom in cohort:
        contrast, parenchyma = phantom.visit.contrast, {Tissue.CORTEX, Tissue.MEDULLA}
        for tissue in (Tissue.FAT, Tissue.MUSCLE, Tissue.LIVER, Tissue.SPLEEN, Tissue.CORTEX, Tissue.LUNG):
            if tissue in parenchyma and contrast.phase == "arterial":
                continue  # cortex and medulla differ, and both are thin
            inside = np.isin(phantom.tissue, [*parenchyma] if tissue in parenchyma else [tissue])
            inside = binary_erosion(inside, np.ones((3, 3, 3)))
            if inside.sum() >= 30:
                measured = float(np.median(phantom.image[inside]))
                assert measured == pytest.approx(contrast.hu[tissue], abs=15), (tissue, phantom.visit.name)
                checked[tissue] += 1
    assert all(checked[tissue] > 5 for tissue in (Tissue.FAT, Tissue.MUSCLE, Tissue.LIVER, Tissue.SPLEEN))
    assert checked[Tissue.LUNG] > 0
    assert checked[Tissue.CORTEX] > 2


@pytest.mark.parametrize("phase", PHASES)
def test_enhancement_is_that_of_the_phase(phase: str) -> None:
    drawn = [found for seed in range(80) if (found := draw_contrast(np.random.default_rng(seed))).phase == phase]
    cortex, medulla, aorta, liver = (
        np.mean([each.hu[tissue] for each in drawn])
        for tissue in (Tissue.CORTEX, Tissue.MEDULLA, Tissue.ARTERY, Tissue.LIVER)
    )
    low, high = {"none": (25, 40), "arterial": (150, 210), "portal": (150, 210)}[phase]
    assert low < cortex < high
    assert (cortex - medulla > 60) == (phase == "arterial")
    assert (aorta > cortex + 50) == (phase == "arterial")
    assert (liver > 85) == (phase == "portal")


def test_there_are_air_bone_gas_and_a_table(cohort: list[AbdomenPhantom]) -> None:
    for phantom in cohort:
        assert phantom.image.min() < -950
        assert phantom.image.max() > 300
        assert (phantom.image[phantom.tissue == Tissue.CONTENT] < -700).any()
        table = np.argwhere(phantom.tissue == Tissue.TABLE)
        assert table[:, 1].mean() > np.argwhere(phantom.tissue == Tissue.BONE)[:, 1].mean()


def test_a_higher_dose_and_thicker_slices_have_less_noise() -> None:
    def noise(phantom: AbdomenPhantom) -> float:
        return float(phantom.image[:, :3].std())  # air in front of the patient

    thin, thick = (make_case(SEED, 0, 48, thickness) for thickness in (1.5, 5))
    assert noise(thick) == pytest.approx(thick.visit.noise, rel=0.15)
    assert noise(thin) > 1.2 * noise(thick)  # but for what is clipped at -1024
    assert {draw_visit(SEED, index).noise > 10 for index in range(8)} == {False, True}


# --- kidneys and lesions ----------------------------------------------------------------------------------------------


def test_labels_are_kidney_and_tumor(cohort: list[AbdomenPhantom]) -> None:
    for phantom in cohort:
        assert set(np.unique(phantom.label)) <= {0, 1, 2}
        kidneys = phantom.visit.kidneys
        kidney, tumor = volumes(phantom)
        assert (kidney > 0) == bool(kidneys.kidneys)
        assert (tumor > 0) == bool(kidneys.tumors)
        if kidneys.variant is Variant.USUAL:
            assert 130 < kidney + tumor < 900
        assert np.isin(phantom.tissue[phantom.label == 1], [*KIDNEY]).mean() > 0.75 or kidney == 0


def test_cysts_belong_to_the_kidney(cohort: list[AbdomenPhantom]) -> None:
    inside = [phantom.label[phantom.tissue == Tissue.CYST] for phantom in cohort]
    assert np.mean(np.concatenate(inside) == 1) > 0.8


def test_each_tumor_touches_a_kidney(cohort: list[AbdomenPhantom]) -> None:
    for phantom in cohort:
        if not phantom.visit.kidneys.tumors:
            continue
        distance = distance_transform_edt(phantom.label != 1, sampling=spacing(phantom))
        parts, count = label(phantom.label == 2, np.ones((3, 3, 3)))
        assert all(distance[parts == part].min() < 9 for part in range(1, count + 1))  # one voxel and its diagonal


def test_slices_at_both_ends_have_no_kidney(cohort: list[AbdomenPhantom]) -> None:
    shown = np.array([(phantom.label > 0).any(axis=(1, 2)) for phantom in cohort])
    assert shown[:, 0].mean() < 0.2
    assert shown[:, -1].mean() < 0.2
    assert 0.3 < shown.mean() < 0.85


def test_twelve_patients_include_all_variants_and_kinds_of_tumor() -> None:
    for seed, twelve in itertools.product(range(2), range(3)):
        visits = {visit.patient: visit for index in range(48) for visit in [draw_visit(seed, index)]}
        found = [visits[patient].kidneys for patient in range(12 * twelve, 12 * twelve + 12)]
        assert Counter(each.variant for each in found) == {
            Variant.USUAL: 8, Variant.ABSENT: 2, Variant.ECTOPIC: 1, Variant.HORSESHOE: 1
        }  # fmt: skip
        kinds = Counter(each.kind for each in found)
        assert kinds[TumorKind.NONE] in (2, 3, 4)  # one without kidneys has no tumor
        assert kinds[TumorKind.ISODENSE] in (1, 2, 3)


def test_an_absent_kidney_leaves_one_or_none_and_a_horseshoe_is_one_piece() -> None:
    visits = [draw_visit(seed, index) for seed in range(12) for index in range(12)]
    numbers = {variant: Counter() for variant in Variant}
    for visit in visits:
        numbers[visit.kidneys.variant][len(visit.kidneys.kidneys)] += 1
    assert set(numbers[Variant.ABSENT]) == {0, 1}
    assert numbers[Variant.ABSENT][1] > 2 * numbers[Variant.ABSENT][0]
    assert all(set(numbers[other]) == {2} for other in (Variant.USUAL, Variant.ECTOPIC, Variant.HORSESHOE))
    place = next(
        (seed, index)
        for seed in range(12)
        for index in range(12)
        if draw_visit(seed, index).kidneys.variant is Variant.HORSESHOE
    )
    parts, count = label(make_case(*place, 96, 3).label > 0)
    assert np.bincount(parts.ravel())[1:].max() > 0.9 * (parts > 0).sum(), count


def test_an_ectopic_kidney_lies_low() -> None:
    found = [visit for seed in range(12) for visit in [draw_visit(seed, index) for index in range(12)]]
    heights = {
        variant: np.concatenate(
            [
                [kidney.frame.center[2] for kidney in visit.kidneys.kidneys]
                for visit in found
                if visit.kidneys.variant is variant
            ]
        )
        for variant in (Variant.USUAL, Variant.ECTOPIC)
    }
    assert heights[Variant.USUAL].max() < 40
    assert (heights[Variant.ECTOPIC] > 45).mean() == 0.5


def test_an_isodense_tumor_has_its_kidneys_hu_and_bulges_from_it(cohort: list[AbdomenPhantom]) -> None:
    found = [phantom for phantom in cohort if phantom.visit.kidneys.kind is TumorKind.ISODENSE]
    assert found
    for phantom in found:
        visit = phantom.visit
        parenchyma = [visit.contrast.hu[tissue] for tissue in (Tissue.CORTEX, Tissue.MEDULLA)]
        inside = binary_erosion(phantom.tissue == Tissue.TUMOR, np.ones((1, 3, 3)))
        if inside.sum() > 20:
            assert min(parenchyma) - 15 < np.median(phantom.image[inside]) < max(parenchyma) + 15
        for tumor in visit.kidneys.tumors:
            at = [
                kidney.frame.local(tuple(np.float32(value) for value in tumor.frame.center))
                for kidney in visit.kidneys.kidneys
            ]
            depth = max(float(k.depth(place)) for k, place in zip(visit.kidneys.kidneys, at, strict=True))
            assert depth < 0  # the tumor's center is outside the kidney's own outline


def test_nodules_are_as_bright_as_the_tumors(cohort: list[AbdomenPhantom]) -> None:
    differences = []
    for phantom in cohort:
        if phantom.visit.kidneys.kind not in (TumorKind.PAPILLARY, TumorKind.ISODENSE):  # without necrosis
            continue
        nodule, tumor = (
            binary_erosion(phantom.tissue == tissue, np.ones((1, 3, 3))) for tissue in (Tissue.NODULE, Tissue.TUMOR)
        )
        if min(nodule.sum(), tumor.sum()) >= 4:
            differences.append(np.median(phantom.image[nodule]) - np.median(phantom.image[tumor]))
    assert len(differences) >= 2
    assert np.abs(differences).max() < 25


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_case_has_a_name_of_its_own_and_its_patients(seed: int, index: int) -> None:
    visit, following = draw_visit(seed, index), draw_visit(seed, index + 1)
    assert visit.name != following.name
    assert visit.name.startswith(visit.patient_name)
    assert visit.name != draw_visit(seed + 1, index).name
    assert (visit.patient_name == following.patient_name) == (following.number == 2)


# --- visits -----------------------------------------------------------------------------------------------------------


def test_visits_of_a_patient_show_the_same_anatomy_in_another_pose() -> None:
    first, second = (make_case(SEED, index, 96, 3) for index in (2, 3))
    assert first.visit.patient_name == second.visit.patient_name
    assert first.visit.body == second.visit.body
    assert volumes(first) == pytest.approx(volumes(second), rel=0.08)
    assert min(volumes(first)) > 0
    overlap = 2 * ((first.label > 0) & (second.label > 0)).sum() / ((first.label > 0).sum() + (second.label > 0).sum())
    assert overlap < 0.95
    liver = [np.count_nonzero(each.tissue == Tissue.LIVER) for each in (first, second)]
    assert liver[0] == pytest.approx(liver[1], rel=0.25)  # as far as it is scanned


def test_one_of_five_patients_has_two_visits() -> None:
    cases = Counter(draw_visit(0, index).patient_name for index in range(60))
    assert Counter(cases.values()) == {1: 40, 2: 10}


# --- what they ask for ------------------------------------------------------------------------------------------------


def test_neither_position_nor_brightness_is_enough_to_segment_them() -> None:
    def cases(indices: range) -> tuple[list[np.ndarray], list[np.ndarray]]:
        made = [make_case(8, index, 48, 5) for index in indices]
        return [each.image.astype(float) for each in made], [
            np.stack([each.label == value for value in (1, 2)]) for each in made
        ]

    training, (images, truths) = cases(range(16)), cases(range(18, 27))
    for baseline, kidney, tumor in (
        (AtlasBaseline(*training, side=40), 0.6, 0.15),
        (VoxelwiseBaseline(*training), 0.45, 0.15),
    ):
        scores = np.full((len(images), 2), np.nan)
        for number, (image, truth) in enumerate(zip(images, truths, strict=True)):
            for which, (found, mask) in enumerate(zip(baseline.predict(image), truth, strict=True)):
                if mask.any():
                    scores[number, which] = 2 * (found & mask).sum() / (found.sum() + mask.sum())
        mean = np.nanmean(scores, axis=0)
        assert 0.05 < mean[0] < kidney
        assert mean[1] < tumor
