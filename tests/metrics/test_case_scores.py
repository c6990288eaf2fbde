"""score_case, score_region and region_sizes, checked against hand counts, MONAI and SciPy."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import ConfusionMatrixMetric, DiceMetric, compute_hausdorff_distance
from scipy import ndimage

from scanfill.metrics import region_sizes, score_case, score_region

Labels = npt.NDArray[np.uint8]
REGIONS = {"NC": (1,), "ED": (2,), "CET": (3,), "TC": (1, 3), "WT": (1, 2, 3)}
SHAPE, SPACING = (14, 12, 9), (0.8, 1.5, 4.0)
few = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


def random_labels(seed: int, shape: tuple[int, ...] = SHAPE) -> Labels:
    """Draw smooth blobs of the labels 0 to 3, some of which may be absent."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    cuts = np.sort(np.quantile(field, rng.uniform(0.5, 1, 3)))
    return np.digitize(field, cuts).astype(np.uint8)


def one_hot(labels: Labels) -> torch.Tensor:
    """Stack the masks of all regions as ``(1, regions, X, Y, Z)``."""
    return torch.from_numpy(np.stack([np.isin(labels, wanted) for wanted in REGIONS.values()]))[None].float()


def scipy_hausdorff_95(
    prediction: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], sampling: tuple[float, ...] = SPACING
) -> float:
    """Measure the distance on the whole grid by distance transforms, without MONAI."""
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, truth)]
    maps = [ndimage.distance_transform_edt(~surface, sampling=sampling) for surface in surfaces]
    return max(np.percentile(maps[1][surfaces[0]], 95), np.percentile(maps[0][surfaces[1]], 95))


@few
@given(seeds, seeds)
def test_distance_equals_a_plain_scipy_computation(seed: int, other: int) -> None:
    prediction, truth = random_labels(seed), random_labels(other)
    row = score_case(prediction, truth, SPACING, REGIONS)
    for region, labels in REGIONS.items():
        masks = np.isin(prediction, labels), np.isin(truth, labels)
        if masks[0].any() and masks[1].any():
            assert row[f"hd95_{region}"] == pytest.approx(scipy_hausdorff_95(*masks), abs=1e-4)


@few
@given(seeds, seeds)
def test_scores_equal_those_of_monai(seed: int, other: int) -> None:
    prediction, truth = random_labels(seed), random_labels(other)
    masks = one_hot(prediction), one_hot(truth)
    row = score_case(prediction, truth, SPACING, REGIONS)
    confusion = ConfusionMatrixMetric(metric_name=("precision", "sensitivity"), reduction="none")
    confusion(*masks)
    precision, sensitivity = confusion.aggregate()
    dice = DiceMetric(reduction="none")(*masks)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI 1.6.1 warns of its own argument, and of empty regions
        distance = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=SPACING)[0]
    for index, (region, labels) in enumerate(REGIONS.items()):
        if np.isin(prediction, labels).any() and np.isin(truth, labels).any():
            assert row[f"dice_{region}"] == pytest.approx(float(dice[index]), abs=1e-6)
            assert row[f"precision_{region}"] == pytest.approx(float(precision[0, index]), abs=1e-6)
            assert row[f"sensitivity_{region}"] == pytest.approx(float(sensitivity[0, index]), abs=1e-6)
            assert row[f"hd95_{region}"] == pytest.approx(float(distance[index]), abs=1e-4)


@few
@given(seeds, seeds)
def test_swapping_prediction_and_truth_swaps_precision_and_sensitivity(seed: int, other: int) -> None:
    first, second = random_labels(seed), random_labels(other)
    there, back = score_case(first, second, SPACING, REGIONS), score_case(second, first, SPACING, REGIONS)
    for region in REGIONS:
        assert there[f"precision_{region}"] == back[f"sensitivity_{region}"]
        assert there[f"predicted_ml_{region}"] == back[f"volume_ml_{region}"]
        assert there[f"dice_{region}"] == back[f"dice_{region}"]
        assert there[f"hd95_{region}"] == back[f"hd95_{region}"]


@few
@given(seeds, seeds)
def test_empty_space_around_changes_nothing_but_the_distance_to_nothing(seed: int, other: int) -> None:
    prediction, truth = random_labels(seed), random_labels(other)
    padded = [np.pad(labels, [(3, 0), (0, 5), (2, 2)]) for labels in (prediction, truth)]
    row, wide = score_case(prediction, truth, SPACING, REGIONS), score_case(*padded, SPACING, REGIONS)
    for key, value in row.items():
        region = key.rpartition("_")[2]
        if key.startswith("hd95_") and (row[f"volume_ml_{region}"] == 0) != (row[f"predicted_ml_{region}"] == 0):
            assert wide[key] > value
        else:
            assert wide[key] == pytest.approx(value)


def test_counts_are_those_done_by_hand() -> None:
    truth, prediction = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    truth[0, 0, :4] = [1, 2, 3, 3]
    prediction[0, 0, :4] = [1, 2, 2, 3]
    row = score_case(prediction, truth, (1, 2, 5), REGIONS)
    assert row["dice_NC"] == 1
    assert (row["precision_ED"], row["sensitivity_ED"]) == (0.5, 1)
    assert (row["precision_CET"], row["sensitivity_CET"]) == (1, 0.5)
    assert row["dice_TC"] == pytest.approx(2 * 2 / (2 + 3))
    assert row["dice_WT"] == 1
    assert row["volume_ml_WT"] == pytest.approx(4 * 10 / 1000)
    assert row["predicted_ml_TC"] == pytest.approx(2 * 10 / 1000)


def test_distance_is_in_millimetres_along_each_axis() -> None:
    truth = np.zeros((9, 9, 9), np.uint8)
    truth[2, 2, 2] = 1
    for axis, size in enumerate(SPACING):
        moved = np.roll(truth, 3, axis)
        assert score_case(moved, truth, SPACING, REGIONS)["hd95_NC"] == pytest.approx(3 * size)


def test_both_empty_is_perfect() -> None:
    row = score_case(np.zeros(SHAPE), np.zeros(SHAPE), SPACING, REGIONS)
    for region in REGIONS:
        scores = [row[f"{metric}_{region}"] for metric in ("dice", "precision", "sensitivity", "hd95", "volume_ml")]
        assert scores == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("prediction_is_empty", [True, False])
def test_one_empty_scores_nothing_and_the_diagonal_of_the_whole_volume(prediction_is_empty: bool) -> None:
    some = np.zeros(SHAPE, np.uint8)
    some[5, 5, 5] = 3
    none = np.zeros(SHAPE, np.uint8)
    row = score_case(none, some, SPACING, REGIONS) if prediction_is_empty else score_case(some, none, SPACING, REGIONS)
    diagonal = math.sqrt((14 * 0.8) ** 2 + (12 * 1.5) ** 2 + (9 * 4.0) ** 2)
    assert [row[f"{metric}_CET"] for metric in ("dice", "precision", "sensitivity")] == [0, 0, 0]
    assert row["hd95_CET"] == pytest.approx(diagonal)
    assert row["dice_NC"] == 1


def test_tensors_arrays_and_channels_score_alike() -> None:
    prediction, truth = random_labels(1), random_labels(2)
    expected = score_case(prediction, truth, SPACING, REGIONS)
    assert score_case(torch.from_numpy(prediction)[None].float(), truth[None], SPACING, REGIONS) == expected


def test_a_slice_is_scored_by_its_outline() -> None:
    truth = np.zeros((20, 20, 1), np.uint8)
    truth[5:15, 5:15] = 1
    ring = truth.copy()
    ring[7:13, 7:13] = 0  # were all voxels surface, the hole would count: its middle is three voxels from the ring
    row = score_case(ring, truth, (2, 2, 5), REGIONS)
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (ring[..., 0] > 0, truth[..., 0] > 0)]
    to_edge = [ndimage.distance_transform_edt(~edge, sampling=2) for edge in edges]
    expected = max(np.percentile(to_edge[1][edges[0]], 95), np.percentile(to_edge[0][edges[1]], 95))
    assert row["hd95_NC"] == pytest.approx(expected)
    assert expected == 2 * 1  # the ring is two voxels wide: its inner outline runs one voxel inside the square's
    assert row["volume_ml_NC"] == pytest.approx(100 * 20 / 1000)


def test_a_flat_region_in_a_volume_keeps_both_its_faces() -> None:
    truth = np.zeros((20, 20, 5), np.uint8)
    truth[5:15, 5:15, 2] = 1
    hole = truth.copy()
    hole[8:12, 8:12, 2] = 0
    assert score_case(hole, truth, (1, 1, 1), REGIONS)["hd95_NC"] == pytest.approx(
        max(
            np.percentile(ndimage.distance_transform_edt(hole == 0)[truth > 0], 95),
            np.percentile(ndimage.distance_transform_edt(truth == 0)[hole > 0], 95),
        )
    )


def test_other_regions_are_scored_under_their_own_names() -> None:
    kidneys = {"kidney": (1, 2), "tumour": (2,)}
    row = score_case(np.array([[[0, 1, 2]]]), np.array([[[0, 1, 1]]]), (1, 1, 1), kidneys)
    assert (row["dice_kidney"], row["dice_tumour"]) == (1, 0)
    assert "dice_WT" not in row


def test_distances_can_be_left_out() -> None:
    row = score_case(random_labels(1), random_labels(2), SPACING, REGIONS, hausdorff=False)
    full = score_case(random_labels(1), random_labels(2), SPACING, REGIONS)
    assert row == {key: value for key, value in full.items() if not key.startswith("hd95")}


def test_masks_that_overlap_are_scored_one_by_one() -> None:
    truth = random_labels(3) > 0
    row = score_region(truth, np.zeros_like(truth), SPACING)
    assert row["hd95"] == pytest.approx(math.hypot(14 * 0.8, 12 * 1.5, 9 * 4.0))
    assert row["predicted_ml"] == pytest.approx(truth.sum() * 4.8 / 1000)


@few
@given(seeds)
def test_volumes_of_parts_add_up(seed: int) -> None:
    volumes = region_sizes(random_labels(seed), SPACING, REGIONS)
    assert volumes["WT"] == pytest.approx(volumes["TC"] + volumes["ED"])
    assert volumes["WT"] == pytest.approx(np.count_nonzero(random_labels(seed)) * 0.8 * 1.5 * 4 / 1000)


def test_volumes_are_those_of_the_scores() -> None:
    prediction, truth = random_labels(4), random_labels(5)
    row = score_case(prediction, truth, SPACING, REGIONS)
    assert region_sizes(prediction, SPACING, REGIONS) == {region: row[f"predicted_ml_{region}"] for region in REGIONS}


@pytest.mark.parametrize(
    ("prediction", "truth", "spacing", "message"),
    [
        (np.zeros((3, 3, 3)), np.zeros((3, 3, 4)), (1, 1, 1), r"\(3, 3, 3\) and truth \(3, 3, 4\)"),
        (np.zeros((2, 3, 3, 3)), np.zeros((3, 3, 3)), (1, 1, 1), "found shape"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1, 1, 1), r"pass a slice as \(X, Y, 1\), or as 2-D with two voxel sizes"),
        (np.zeros((3, 3, 3)), np.zeros((3, 3, 3)), (1, 1), r"one 2-D image \(X, Y\) .* found shape \(3, 3, 3\)"),
        (np.zeros((3, 3)), np.full((3, 3), 4), (1, 1), r"truth contains labels \[4\]"),
        (
            np.full((3, 3, 3), 0.5),
            np.zeros((3, 3, 3)),
            (1, 1, 1),
            "prediction must have whole-number labels, found 0.5",
        ),
        (np.zeros((3, 3, 3)), np.full((3, 3, 3), np.nan), (1, 1, 1), "truth must have whole-number labels, found nan"),
        (np.zeros((3, 3, 3)), np.full((3, 3, 3), 4), (1, 1, 1), r"truth contains labels \[4\]"),
        (np.zeros((3, 3, 3)), np.full((3, 3, 3), -1), (1, 1, 1), r"truth contains labels \[-1\]"),
        (np.zeros((3, 3, 3)), np.zeros((3, 3, 3)), (1, 0, 1), r"spacing \(=\[1.0, 0.0, 1.0\]\)"),
        (np.zeros((3, 3)), np.zeros((3, 3)), (1,), "three positive numbers in mm, or two for 2-D"),
    ],
)
def test_bad_input_is_named(
    prediction: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], spacing: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score_case(prediction, truth, spacing, REGIONS)


def test_a_2d_map_is_counted_by_hand_in_square_millimetres() -> None:
    truth, prediction = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)
    truth[0, :4] = [1, 2, 3, 3]
    prediction[0, :4] = [1, 2, 2, 3]
    row = score_case(prediction[None], torch.from_numpy(truth), (0.5, 3), REGIONS)
    assert row["dice_TC"] == pytest.approx(2 * 2 / (2 + 3))
    assert (row["precision_ED"], row["sensitivity_ED"]) == (0.5, 1)
    assert (row["area_mm2_WT"], row["predicted_mm2_TC"]) == (4 * 1.5, 2 * 1.5)
    assert row["hd95_CET"] == pytest.approx(3 * 0.95)  # distances 0 and 3 mm along Y: their 95 % percentile
    assert not any("ml" in key for key in row)
    nothing = score_case(np.zeros((4, 5)), truth, (0.5, 3), REGIONS)
    assert nothing["hd95_NC"] == pytest.approx(math.hypot(4 * 0.5, 5 * 3))


@few
@given(seeds, seeds)
def test_2d_distances_equal_a_plain_scipy_computation_and_those_of_a_slice(seed: int, other: int) -> None:
    prediction, truth = (random_labels(number, SHAPE[:2]) for number in (seed, other))
    row = score_case(prediction, truth, SPACING[:2], REGIONS)
    thick = score_case(prediction[..., None], truth[..., None], SPACING, REGIONS)
    for region, labels in REGIONS.items():
        masks = np.isin(prediction, labels), np.isin(truth, labels)
        if masks[0].any() and masks[1].any():
            assert row[f"hd95_{region}"] == pytest.approx(scipy_hausdorff_95(*masks, sampling=SPACING[:2]), abs=1e-4)
            assert row[f"hd95_{region}"] == pytest.approx(thick[f"hd95_{region}"])
        assert row[f"area_mm2_{region}"] * SPACING[2] / 1000 == pytest.approx(thick[f"volume_ml_{region}"])


@pytest.mark.parametrize("shape", [SHAPE[:2], SHAPE])
def test_channels_of_labels_that_exclude_each_other_score_as_their_map_does(shape: tuple[int, ...]) -> None:
    prediction, truth = random_labels(1, shape), random_labels(2, shape)
    spacing = SPACING[: len(shape)]
    stacked = [np.stack([labels == label for label in (1, 2, 3)]).astype(np.float32) for labels in (prediction, truth)]
    row = score_case(torch.from_numpy(stacked[0]), stacked[1], spacing, REGIONS, exclusive=False)
    assert row == score_case(prediction, truth, spacing, REGIONS)
    assert region_sizes(stacked[0], spacing, REGIONS, exclusive=False) == region_sizes(prediction, spacing, REGIONS)


def test_channels_that_overlap_are_counted_by_hand() -> None:
    truth, prediction = np.zeros((3, 2, 4)), np.zeros((3, 2, 4))
    truth[0, 0, :2] = truth[1, 0, 1:3] = 1  # pixel (0, 1) belongs to both
    prediction[0, 0, :2] = prediction[1, 0, 2:4] = 1
    bones = {"radius": (1,), "ulna": (2,), "forearm": (1, 2)}
    row = score_case(prediction, truth, (1, 1), bones, exclusive=False)
    assert (row["dice_radius"], row["dice_ulna"]) == (1, 0.5)
    assert row["dice_forearm"] == pytest.approx(2 * 3 / (3 + 4))
    assert (row["area_mm2_forearm"], row["predicted_mm2_forearm"]) == (3, 4)
    assert region_sizes(truth, (2, 1), bones, exclusive=False) == {"radius": 4, "ulna": 4, "forearm": 6}


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((3, 3, 3)), r"Prediction \(2, 3, 3\) and truth \(3, 3, 3\)"),
        (np.zeros((3, 3)), np.zeros((3, 3)), r"channels \(C, X, Y\).*found shape \(3, 3\)"),
        (np.full((2, 3, 3), 0.5), np.zeros((2, 3, 3)), "prediction must have channels of 0 and 1, found 0.5"),
        (np.zeros((2, 3, 3)), np.full((2, 3, 3), 2), "truth must have channels of 0 and 1, found 2"),
        (np.full((2, 3, 3), np.nan), np.zeros((2, 3, 3)), "found nan"),
        (
            np.zeros((1, 3, 3)),
            np.zeros((1, 3, 3)),
            r"Region 'both' has labels \[1, 2\].*1 to 1, one per channel",
        ),
    ],
)
def test_bad_channels_are_named(
    prediction: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score_case(prediction, truth, (1, 1), {"both": (1, 2)}, exclusive=False)


@pytest.mark.parametrize("labels", [(0, 1), (), (-1,), (1.5,)])
def test_a_region_that_a_truth_cannot_hold_is_refused(labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Region 'odd' has labels .* which cannot occur in the truth"):
        score_case(np.zeros((3, 3)), np.zeros((3, 3)), (1, 1), {"WT": (1, 2, 3), "odd": labels})


def test_no_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="There are no regions to score"):
        score_case(np.zeros((3, 3)), np.zeros((3, 3)), (1, 1), {})
