"""OverlapScores on small masks whose scores are computed by hand, and in a cohort."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.metrics import compute_surface_dice
from monai.transforms import Compose, CopyItemsd, Lambdad
from numpy.typing import NDArray

from scanfill.metrics import OverlapScores, RegionScores, read_scores, score_case, summarise
from scanfill.metrics.overlap_scores import band_dice, exchanged, overlap_recall, surface_dice

if TYPE_CHECKING:
    from pathlib import Path

Mask = NDArray[np.bool_]
REGIONS = {"a": (1,), "b": (2,), "c": (3,)}


def box(rows: slice, columns: slice, size: int = 12) -> Mask:
    mask = np.zeros((size, size), bool)
    mask[rows, columns] = True
    return mask


EMPTY = box(slice(0), slice(0))
TRUE = {"a": box(slice(2, 6), slice(2, 6)), "b": box(slice(4, 8), slice(4, 8)), "c": EMPTY}
FOUND = {"a": box(slice(2, 6), slice(2, 5)), "b": box(slice(4, 8), slice(4, 8)), "c": box(slice(10, 12), slice(0, 3))}
"""Structures a and b share 4 pixels. Of a, one column is missed; c is absent, but 6 pixels of it are predicted."""


def scored(**options: Any) -> dict[str, float]:
    return OverlapScores(**options)(FOUND, TRUE)


def test_the_mean_dice_is_that_of_the_present_structures() -> None:
    assert scored()["mean_dice"] == pytest.approx((24 / 28 + 1) / 2)


def test_the_smoothed_dice_counts_an_absent_structure() -> None:
    row = scored()
    assert row["smoothed_dice_a"] == pytest.approx((24 + 1e-4) / (28 + 1e-4), abs=1e-12)
    assert row["smoothed_dice_c"] == pytest.approx(1e-4 / (6 + 1e-4))
    assert row["mean_smoothed_dice"] == pytest.approx((row["smoothed_dice_a"] + 1 + row["smoothed_dice_c"]) / 3)
    nothing = OverlapScores()({"a": EMPTY}, {"a": EMPTY})
    assert nothing["smoothed_dice_a"] == 1
    assert math.isnan(nothing["mean_dice"])


def test_the_area_predicted_for_absent_structures_is_in_pixels() -> None:
    assert scored()["absent_pixels"] == 6


def test_the_overlap_recall_counts_each_owner_of_a_pixel() -> None:
    # Rows 4 and 5, columns 4 and 5 belong to both; column 5 of them is missed for a.
    assert scored()["overlap_recall"] == pytest.approx(6 / 8)
    assert math.isnan(overlap_recall({"a": TRUE["a"]}, {"a": TRUE["a"]}))


def test_one_label_per_pixel_finds_half_of_a_pairwise_overlap() -> None:
    exclusive = {"a": TRUE["a"] & ~TRUE["b"], "b": TRUE["b"], "c": EMPTY}
    assert overlap_recall(exclusive, TRUE) == 0.5


def test_structures_that_changed_places_are_exchanged() -> None:
    assert scored()["exchanged"] == 0
    assert exchanged({"a": TRUE["b"], "b": TRUE["a"], "c": EMPTY}, TRUE) == 1
    assert exchanged({"a": TRUE["b"], "b": TRUE["b"], "c": EMPTY}, TRUE) == 0.5
    assert exchanged({"a": TRUE["a"], "b": TRUE["b"], "c": TRUE["a"]}, TRUE) == pytest.approx(1 / 3)
    assert math.isnan(exchanged(dict.fromkeys("abc", EMPTY), TRUE))


def test_a_small_structure_inside_a_large_one_is_not_exchanged() -> None:
    nested = {"a": box(slice(0, 10), slice(0, 10)), "b": box(slice(3, 6), slice(3, 6))}
    assert exchanged(nested, nested) == 0
    spilled = nested | {"b": box(slice(3, 6), slice(3, 7))}
    assert exchanged(spilled, nested) == 0
    assert exchanged(nested | {"b": nested["a"]}, nested) == 0.5


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")  # about an argument of its own
@pytest.mark.parametrize("tolerance", [0, 1, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_the_surface_dice_is_monais(tolerance: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.integers(1, 5, (2, 2))
    truth, found = (box(slice(r, r + 6), slice(c, c + 5)) for r, c in corners)
    one, other = (torch.as_tensor(mask)[None, None] for mask in (found, truth))
    monais = compute_surface_dice(one, other, [tolerance], include_background=True).item()
    assert surface_dice(found, truth, tolerance) == pytest.approx(monais)


def test_the_surface_dice_of_empty_structures_is_all_or_nothing() -> None:
    assert [surface_dice(*pair, 2) for pair in ((EMPTY, EMPTY), (EMPTY, TRUE["a"]), (TRUE["a"], EMPTY))] == [1, 0, 0]


def test_the_band_ignores_pixels_far_from_the_true_outline() -> None:
    truth = box(slice(2, 10), slice(2, 10))
    hollow = truth & ~box(slice(4, 8), slice(4, 8))
    assert band_dice(hollow, truth, 2) == 1
    assert band_dice(hollow, truth, 3) < 1
    far = truth | box(slice(0, 1), slice(0, 12))
    assert band_dice(far, truth, 1) == 1
    # The band of one pixel has 28 pixels of the truth; shifting it by a column misses 8 of them and adds 8 outside.
    shifted = box(slice(2, 10), slice(3, 11))
    assert band_dice(shifted, truth, 1) == pytest.approx(2 * 20 / (28 + 28))


def test_distances_can_be_omitted() -> None:
    row = scored(tolerance=None, band=None)
    assert not {"mean_surface_dice", "surface_dice_a", "band_dice"} & set(row)
    assert set(OverlapScores(tolerance=None, band=None).metrics) <= set(row)
    assert set(OverlapScores().metrics) <= set(scored())


def test_a_negative_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`band` \(=-1\) is a distance in pixels"):
        OverlapScores(band=-1)


def channels(masks: dict[str, Mask]) -> NDArray[np.uint8]:
    return np.stack([masks[name] for name in REGIONS]).astype(np.uint8)


def test_a_cropped_case_has_the_same_scores_as_its_masks() -> None:
    row = score_case(channels(FOUND), channels(TRUE), (1, 1), REGIONS, exclusive=False, overlaps=OverlapScores())
    assert {key: row[key] for key in scored()} == pytest.approx(scored())
    assert row["dice_a"] == pytest.approx(24 / 28)


def test_a_summary_starts_with_the_scores_of_whole_cases() -> None:
    how: dict[str, Any] = {"exclusive": False, "overlaps": OverlapScores()}
    cases = [score_case(channels(each), channels(TRUE), (1, 1), REGIONS, **how) for each in (FOUND, TRUE)]
    nothing = score_case(*[np.zeros_like(channels(TRUE))] * 2, (1, 1), REGIONS, **how)
    first, *others = summarise([*cases, nothing])
    assert (first["region"], first["metric"], first["cases"]) == ("all", "mean_dice", 2)
    assert first["mean"] == pytest.approx(((24 / 28 + 1) / 2 + 1) / 2)
    (of_a,) = [row for row in others if (row["region"], row["metric"]) == ("a", "dice")]
    assert (of_a["cases"], of_a["present_cases"]) == (3, 2)
    assert of_a["present_sd"] == pytest.approx(np.std([24 / 28, 1], ddof=1))


def evaluate(folder: Path, **options: Any) -> tuple[SupervisedEvaluator, RegionScores]:
    """Score one case whose prediction is at two thresholds: TRUE at 0.5, FOUND at another one."""
    label, found = (MetaTensor(torch.as_tensor(channels(masks)), torch.eye(4)) for masks in (TRUE, FOUND))
    case = {"case_id": "one", "image": found.float(), "label": label}
    metric = RegionScores(REGIONS, exclusive=False, spatial_dims=2, save_dir=folder, **options)
    at_half = Lambdad("half", lambda _: MetaTensor(torch.as_tensor(channels(TRUE)), torch.eye(4)))
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([case]), batch_size=1),
        network=torch.nn.Identity(),
        postprocessing=Compose([CopyItemsd("pred", names="half"), at_half]),
        key_val_metric={"mean_dice": metric},
    )
    evaluator.run()
    return evaluator, metric


def test_an_evaluator_lists_both_thresholds_and_judges_by_the_headline(tmp_path: Path) -> None:
    evaluator, _ = evaluate(tmp_path, key="mean_dice", overlaps=OverlapScores(), half_key="half")
    expected = (24 / 28 + 1) / 2
    assert evaluator.state.best_metric == pytest.approx(expected)
    assert evaluator.state.metrics["overlap_recall"] == pytest.approx(6 / 8)
    (row,) = read_scores(tmp_path / "scores.csv")
    assert row["mean_dice"] == pytest.approx(expected)
    assert row["mean_dice_at_half"] == 1
    with (tmp_path / "summary.csv").open() as file:
        metrics = {line["metric"]: line["mean"] for line in csv.DictReader(file) if line["region"] == "all"}
    assert float(metrics["mean_dice_at_half"]) == 1


def test_each_validation_has_its_own_scores(tmp_path: Path) -> None:
    evaluator, _ = evaluate(tmp_path, key="mean_dice", overlaps=OverlapScores())
    evaluator.state.metrics["overlap_recall"] = -1.0  # as of an earlier validation
    evaluator.run()
    assert evaluator.state.metrics["overlap_recall"] == pytest.approx(6 / 8)


def test_a_name_of_a_metric_is_not_overwritten_by_a_score_of_that_name(tmp_path: Path) -> None:
    evaluator, metric = evaluate(tmp_path, key="dice", overlaps=OverlapScores())
    assert evaluator.state.metrics["mean_dice"] == pytest.approx(metric.compute()) != metric.rows[0]["mean_dice"]


def test_a_prediction_at_half_needs_overlaps() -> None:
    with pytest.raises(ValueError, match=r"`half_key` \(='half'\)"):
        RegionScores(REGIONS, exclusive=False, spatial_dims=2, half_key="half")
