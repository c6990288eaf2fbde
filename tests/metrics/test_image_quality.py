"""compare_case, score_image and the reference images, against hand counts, NumPy and scikit-image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

from scanfill.metrics.image_quality import (
    COPIED,
    IMAGE_REGIONS,
    QUALITY_METRICS,
    QUALITY_REGIONS,
    SYNTHETIC,
    compare_case,
    constant_mean,
    constant_name,
    copy_source,
    evaluation_mask,
    score_image,
)
from scanfill.metrics.intensity_protocols import PROTOCOLS, scale_pair
from scanfill.metrics.ssim import masked_ssim, ssim_map

Volume = npt.NDArray[np.float64]
few = settings(deadline=None, max_examples=8)
seeds = st.integers(0, 10_000)
SHAPE = (14, 13, 12)


def head() -> npt.NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[2:-2, 2:-2, 2:-2] = True
    return mask


def label() -> npt.NDArray[np.uint8]:
    values = np.zeros(SHAPE, np.uint8)
    values[4:7, 4:8, 4:7] = 2
    values[5, 5, 5] = 3
    return values


def originals(seed: int) -> dict[str, Volume]:
    """Four positive images that resemble each other, 0 outside the head; each lacks a voxel of its own."""
    rng = np.random.default_rng(seed)
    common = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1)
    images = {}
    for index, name in enumerate(("t1", "t1ce", "t2", "flair")):
        own = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1)
        images[name] = np.where(head(), 500 + 100 * (index + 1) * (common + own), 0)
        images[name][2 + index, 2, 2] = 0
    return images


def row_of(rows: list[dict[str, float | str]], protocol: str, image: str = "") -> dict[str, Any]:
    (row,) = [row for row in rows if row["protocol"] == protocol and (not image or row["image"] == image)]
    return row


@few
@given(seeds)
def test_mse_of_own_zscores_is_two_minus_twice_the_correlation(seed: int) -> None:
    images = originals(seed)
    brain = evaluation_mask(list(images.values()))
    row = row_of(score_image(images["t2"], images["flair"], brain), "zscore_own")
    correlation = np.corrcoef(images["t2"][brain], images["flair"][brain])[0, 1]
    assert row["mse_brain"] == pytest.approx(2 - 2 * correlation)


@few
@given(seeds)
def test_copy_has_that_mse_under_both_zscores(seed: int) -> None:
    images = originals(seed)
    brain = evaluation_mask(list(images.values()))
    copied = copy_source(images["t2"], images["flair"], brain)
    own, truths = (row_of(score_image(copied, images["flair"], brain), name) for name in ("zscore_own", "zscore_truth"))
    assert own["mse_brain"] == pytest.approx(truths["mse_brain"])
    assert own["mse_brain"] == pytest.approx(
        row_of(score_image(images["t2"], images["flair"], brain), "zscore_own")["mse_brain"]
    )


@few
@given(seeds)
def test_constant_mean_has_the_truths_variance_as_its_error(seed: int) -> None:
    images = originals(seed)
    brain = evaluation_mask(list(images.values()))
    constant = constant_mean(images["flair"], brain)
    assert np.array_equal(constant != 0, brain)
    row = row_of(score_image(constant, images["flair"], brain), "zscore_truth")
    assert row["mse_brain"] == pytest.approx(1)


@few
@given(seeds)
def test_equal_images_are_perfect(seed: int) -> None:
    images = originals(seed)
    brain = evaluation_mask(list(images.values()))
    for row in score_image(images["t1"], images["t1"], brain, label()):
        for region in QUALITY_REGIONS:
            assert row[f"mse_{region}"] == row[f"mae_{region}"] == 0
            assert row[f"psnr_{region}"] == math.inf
            if row["protocol"] in ("brasyn", "percentile_truth"):
                assert row[f"ssim_{region}"] == pytest.approx(1)


@few
@given(seeds)
def test_brain_is_the_average_of_tumour_and_healthy_brain(seed: int) -> None:
    images = originals(seed)
    brain = evaluation_mask(list(images.values()))
    sizes = {"tumour": (brain & (label() > 0)).sum(), "healthy": (brain & (label() == 0)).sum()}
    for row in score_image(images["t2"], images["flair"], brain, label()):
        for metric in ("mse", "mae", "clipped"):
            parts = sum(float(row[f"{metric}_{region}"]) * size for region, size in sizes.items())
            assert row[f"{metric}_brain"] == pytest.approx(parts / brain.sum())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_figures_are_those_computed_by_hand(protocol: str) -> None:
    images = originals(4)
    brain = evaluation_mask(list(images.values()))
    row = row_of(score_image(images["t1ce"], images["t1"], brain, label()), protocol)
    scaled = scale_pair(images["t1ce"], images["t1"], brain, protocol)
    tumour = brain & np.isin(label(), (2, 3))
    image, truth = scaled.image[tumour], scaled.truth[tumour]
    assert row["mse_tumour"] == pytest.approx(np.mean((image - truth) ** 2))
    assert row["mae_tumour"] == pytest.approx(np.mean(np.abs(image - truth)))
    assert row["psnr_tumour"] == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=scaled.data_range))
    assert row["clipped_tumour"] == pytest.approx(scaled.clipped[tumour].mean())


def test_primary_ssim_is_the_map_in_the_region() -> None:
    images = originals(5)
    brain = evaluation_mask(list(images.values()))
    row = row_of(score_image(images["t2"], images["flair"], brain, label()), "percentile_truth")
    scaled = scale_pair(images["t2"], images["flair"], brain, "percentile_truth")
    similarity = ssim_map(scaled.image, scaled.truth)
    assert row["ssim_tumour"] == pytest.approx(similarity[brain & (label() > 0)].mean())
    assert row["ssim_healthy"] == pytest.approx(similarity[brain & (label() == 0)].mean())


def test_organisers_ssim_takes_the_label_and_all_the_rest() -> None:
    images = originals(6)
    brain = evaluation_mask(list(images.values()))
    row = row_of(score_image(images["t2"], images["flair"], brain, label()), "brasyn")
    scaled = scale_pair(images["t2"], images["flair"], brain, "brasyn")
    assert row["ssim_tumour"] == pytest.approx(masked_ssim(scaled.image, scaled.truth, label() > 0))
    assert row["ssim_healthy"] == pytest.approx(masked_ssim(scaled.image, scaled.truth, label() == 0))


def test_zscores_have_no_ssim() -> None:
    images = originals(7)
    brain = evaluation_mask(list(images.values()))
    for protocol in ("zscore_own", "zscore_truth"):
        row = row_of(score_image(images["t2"], images["flair"], brain, label()), protocol)
        assert all(math.isnan(row[f"ssim_{region}"]) for region in QUALITY_REGIONS)


def test_clipped_enhancement_is_told() -> None:
    images = originals(8)
    images["t1ce"][label() == 3] = 5000
    brain = evaluation_mask(list(images.values()))
    rows = score_image(images["t1"], images["t1ce"], brain, label() == 3)
    assert [row_of(rows, name)["clipped_tumour"] for name in PROTOCOLS] == [0, 0, 1, 1]


@pytest.mark.parametrize("without", [None, np.zeros(SHAPE)])
def test_without_a_tumour_its_figures_are_empty(without: Volume | None) -> None:
    images = originals(9)
    brain = evaluation_mask(list(images.values()))
    for row in score_image(images["t2"], images["flair"], brain, without):
        assert all(math.isnan(float(row[f"{metric}_tumour"])) for metric in QUALITY_METRICS)
        assert row["mse_healthy"] == row["mse_brain"]


def test_tensors_arrays_and_channels_score_alike() -> None:
    images = originals(10)
    brain = evaluation_mask(list(images.values()))
    expected = score_image(images["t2"], images["flair"], brain, label())
    tensors = [torch.from_numpy(volume)[None] for volume in (images["t2"], images["flair"], brain, label())]
    assert score_image(*tensors) == expected


def test_a_case_has_a_row_for_every_image_and_protocol() -> None:
    images = originals(11)
    rows = compare_case("c1", "flair", images["flair"] * 1.1, images, ["t1", "t2"], label=label())
    names = [SYNTHETIC, f"{COPIED} (t1)", f"{COPIED} (t2)", constant_name()]
    assert [(row["image"], row["protocol"]) for row in rows] == [(name, p) for name in names for p in PROTOCOLS]
    assert {(row["case_id"], row["target"], row["sources"]) for row in rows} == {("c1", "flair", "t1,t2")}
    single = compare_case("c1", "flair", images["flair"], images, ["t2"], protocols=["zscore_truth"])
    assert [row["image"] for row in single] == [SYNTHETIC, COPIED, constant_name()]
    assert row_of(single, "zscore_truth", SYNTHETIC)["mse_brain"] == 0
    assert row_of(single, "zscore_truth", constant_name())["mse_brain"] == pytest.approx(1)


def test_evaluation_mask_is_where_all_four_are_measured() -> None:
    images = originals(12)
    brain = evaluation_mask([torch.from_numpy(volume)[None] for volume in images.values()])
    assert head().sum() - brain.sum() == 4  # each lacks a voxel
    assert np.array_equal(brain, np.all([volume != 0 for volume in images.values()], axis=0))


def test_three_originals_are_no_evaluation_mask() -> None:
    with pytest.raises(ValueError, match="all four originals, got 3 images"):
        evaluation_mask(list(originals(0).values())[:3])


def test_blank_originals_are_named() -> None:
    images = originals(0) | {"t2": np.zeros(SHAPE)}
    with pytest.raises(ValueError, match=r"Case 'c1', flair: No voxel is nonzero in all four"):
        compare_case("c1", "flair", images["flair"], images, ["t1"])


def test_originals_on_other_grids_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be on one grid, found shapes .*\(14, 13, 11\)"):
        evaluation_mask([*list(originals(0).values())[:3], np.ones((14, 13, 11))])


@pytest.mark.parametrize(
    ("target", "sources"), [("flair", ["flair"]), ("flair", []), ("pd", ["t1"]), ("flair", ["t1", "pd"])]
)
def test_target_and_sources_must_differ_and_exist(target: str, sources: list[str]) -> None:
    with pytest.raises(ValueError, match=r"Case 'c1': target .* must be different modalities"):
        compare_case("c1", target, np.ones(SHAPE), originals(0), sources)


@pytest.mark.parametrize(
    ("image", "brain", "message"),
    [
        (np.ones((3, 3, 3)), head(), r"one grid, found shapes \{'image': \(3, 3, 3\)"),
        (np.ones((2, *SHAPE)), head(), "The image must be one volume"),
        (np.where(head(), np.nan, 0), head(), "The image contains 720 voxels that are NaN"),
        (np.ones(SHAPE), head() & False, "evaluation brain is empty"),
    ],
)
def test_bad_input_is_named(image: Volume, brain: npt.NDArray[np.bool_], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score_image(image, originals(0)["t1"], brain)


def flat_pair() -> tuple[Volume, Volume]:
    """A picture and its truth, drawn at random."""
    rng = np.random.default_rng(3)
    truth = ndimage.gaussian_filter(rng.normal(size=(30, 26)), 2) * 400 - 20
    return truth + rng.normal(0, 5, truth.shape), truth


def test_a_picture_is_scored_as_the_slice_that_it_is_by_hand() -> None:
    image, truth = flat_pair()
    everything, labelled = np.ones(truth.shape, bool), np.zeros(truth.shape, np.uint8)
    labelled[4:9, 5:20] = 7
    rows = score_image(image[None], truth, everything, labelled, regions=IMAGE_REGIONS, spatial_dims=2)
    row = row_of(rows, "zscore_truth")
    assert row["mse_image"] == pytest.approx(((image - truth) ** 2).mean() / truth.var())
    assert row["mae_label"] == pytest.approx(np.abs(image - truth)[4:9, 5:20].mean() / truth.std())
    low, high = np.percentile(truth, (0.5, 99.5))
    scaled = [(np.clip(each, low, high) - low) / (high - low) for each in (image, truth)]
    similarity = ssim_map(*scaled)
    assert similarity.shape == truth.shape
    row = row_of(rows, "percentile_truth")
    assert row["ssim_image"] == pytest.approx(similarity.mean())
    assert row["ssim_rest"] == pytest.approx(similarity[labelled == 0].mean())
    assert not any("brain" in key for key in row)


def test_a_picture_made_from_a_label_map_is_compared_with_a_constant_only() -> None:
    image, truth = flat_pair()
    mask = truth > -20
    rows = compare_case(
        *("c1", "ct", image, {"ct": truth}, ["label"]),
        mask=mask,
        copy_sources=False,
        regions=IMAGE_REGIONS,
        spatial_dims=2,
    )
    assert {row["image"] for row in rows} == {SYNTHETIC, "constant image mean"}
    assert {row["sources"] for row in rows} == {"label"}
    expected = ((image - truth)[mask] ** 2).mean() / truth[mask].var()
    assert row_of(rows, "zscore_truth", SYNTHETIC)["mse_image"] == pytest.approx(expected)
    assert row_of(rows, "zscore_truth", "constant image mean")["mse_image"] == pytest.approx(1)


@pytest.mark.parametrize("mask", [np.zeros((30, 26)), np.ones((30, 25))])
def test_a_mask_that_is_empty_or_on_another_grid_is_named(mask: Volume) -> None:
    image, truth = flat_pair()
    with pytest.raises(ValueError, match=r"Case 'c1', ct: The evaluation mask has shape .* truth's grid"):
        compare_case("c1", "ct", image, {"ct": truth}, ["label"], mask=mask, copy_sources=False, spatial_dims=2)
