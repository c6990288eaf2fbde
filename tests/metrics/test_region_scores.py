"""RegionScores inside a real evaluator, alone and on two ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing
from ignite.exceptions import NotComputableError
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, Lambdad

from scanfill.metrics import RegionScores, read_scores, score_case, write_scores

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = {"NC": (1,), "ED": (2,), "CET": (3,), "TC": (1, 3), "WT": (1, 2, 3)}
AFFINE = torch.diag(torch.tensor([-1.0, -2.0, 3.0, 1.0]))


def toy_cases(number: int = 3) -> list[dict[str, Any]]:
    """Make cases whose image is the truth with a quarter of the voxels changed."""
    generator = torch.Generator().manual_seed(0)
    cases = []
    for index in range(number):
        label = torch.randint(0, 4, (1, 6, 5, 4), generator=generator).float()
        changed = torch.rand(label.shape, generator=generator) < 0.25
        image = torch.where(changed, (label + 1) % 4, label)
        images = {"image": MetaTensor(image, AFFINE), "label": MetaTensor(label, AFFINE)}
        cases.append({"case_id": f"case_{number - index}", **images})
    return cases


def evaluate(cases: list[dict[str, Any]], metric: RegionScores, **options: Any) -> SupervisedEvaluator:
    """Run an evaluator whose network returns its input."""
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(cases), batch_size=2),
        network=torch.nn.Identity(),
        key_val_metric={"val_mean_dice": metric},
        **options,
    )
    evaluator.run()
    return evaluator


def expected_rows(cases: list[dict[str, Any]]) -> list[dict[str, float | str]]:
    rows = [
        {"case_id": case["case_id"], **score_case(case["image"], case["label"], (1, 2, 3), REGIONS)}
        for case in sorted(cases, key=lambda case: case["case_id"])
    ]
    assert len({row["dice_WT"] for row in rows}) == len(cases)  # so that a mix-up is seen
    return rows


def test_the_value_is_the_mean_over_cases_and_single_label_regions() -> None:
    cases = toy_cases()
    state = evaluate(cases, RegionScores(REGIONS)).state
    dice = [[row[f"dice_{region}"] for region in ("NC", "ED", "CET")] for row in expected_rows(cases)]
    assert state.metrics["val_mean_dice"] == pytest.approx(np.mean(dice))
    assert state.best_metric == state.metrics["val_mean_dice"]


def test_each_score_and_each_case_is_in_the_state() -> None:
    cases = toy_cases()
    state = evaluate(cases, RegionScores(REGIONS)).state
    rows = expected_rows(cases)
    shown = [f"{metric}_{region}" for metric in ("dice", "hd95") for region in ("NC", "ED", "CET", "TC", "WT")]
    assert set(state.metrics) == {"val_mean_dice", *shown}  # the rest would fill the log
    for key in shown:
        assert state.metrics[key] == pytest.approx(np.mean([row[key] for row in rows]))
    details = state.metric_details["val_mean_dice"]
    assert details.shape == (3, 5)
    assert details[:, 4].tolist() == [row["dice_WT"] for row in rows]


def test_files_hold_what_score_case_says(tmp_path: Path) -> None:
    cases = toy_cases()
    metric = RegionScores(REGIONS, save_dir=tmp_path / "out", note="toy")
    evaluate(cases, metric)
    assert metric.rows == expected_rows(cases)
    write_scores(expected_rows(cases), tmp_path / "expected", note="toy")
    for name in ("scores.csv", "summary.csv"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "expected" / name).read_text()


def test_a_row_says_of_a_case_what_the_case_says_of_itself(tmp_path: Path) -> None:
    made, *acquired = toy_cases()
    made["provenance"] = {"synthetic_inputs": "flair", "generator": "painter 0.1.0"}
    for case in acquired:
        case["provenance"] = {"synthetic_inputs": "", "generator": ""}
    evaluate([made, *acquired], RegionScores(REGIONS, save_dir=tmp_path, hausdorff=False))
    table = {row["case_id"]: row for row in read_scores(tmp_path / "scores.csv")}
    assert table[made["case_id"]]["generator"] == "painter 0.1.0"
    assert [table[case["case_id"]]["synthetic_inputs"] for case in acquired] == ["", ""]


def test_a_second_run_starts_afresh() -> None:
    cases, metric = toy_cases(), RegionScores(REGIONS, hausdorff=False)
    evaluator = evaluate(cases, metric)
    before = dict(evaluator.state.metrics)
    evaluator.run()
    assert evaluator.state.metrics == before
    assert len(metric.rows) == 3


def test_another_score_of_one_region_can_be_the_value() -> None:
    cases = toy_cases()
    metric = RegionScores(REGIONS, key="sensitivity", key_regions=("WT",), hausdorff=False)
    state = evaluate(cases, metric).state
    expected = np.mean([row["sensitivity_WT"] for row in expected_rows(cases)])
    assert state.metrics["val_mean_dice"] == pytest.approx(expected)
    assert "hd95_WT" not in state.metrics


def test_other_regions_give_other_defaults() -> None:
    metric = RegionScores({"kidney": (1, 2, 3), "tumour": (2,)})
    assert metric.key_regions == ("tumour",)


def shifted(image: MetaTensor) -> MetaTensor:
    return MetaTensor(image.as_tensor(), torch.diag(torch.tensor([2.0, 2.0, 3.0, 1.0])))


def test_a_prediction_on_another_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Case 'case_3': 'pred' with affine .*Invertd"):
        evaluate(toy_cases(), RegionScores(REGIONS), postprocessing=Compose([Lambdad("pred", shifted)]))


def test_a_prediction_of_another_shape_names_the_case() -> None:
    cropped = Compose([Lambdad("pred", lambda pred: pred[:, 1:])])
    with pytest.raises(ValueError, match=r"Case 'case_3': Prediction \(5, 5, 4\) and truth \(6, 5, 4\)"):
        evaluate(toy_cases(), RegionScores(REGIONS), postprocessing=cropped)


def test_a_label_of_unknown_voxel_size_is_refused() -> None:
    cases = [case | {"label": case["label"].as_tensor()} for case in toy_cases()]
    with pytest.raises(ValueError, match="'label' is a Tensor without an affine"):
        evaluate(cases, RegionScores(REGIONS))


def test_a_case_without_name_is_refused() -> None:
    cases = [{key: value for key, value in case.items() if key != "case_id"} for case in toy_cases()]
    with pytest.raises(ValueError, match=r"found no \['case_id'\]"):
        evaluate(cases, RegionScores(REGIONS))


def test_two_cases_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Cases \['same'\] occur more than once"):
        evaluate([case | {"case_id": "same"} for case in toy_cases()], RegionScores(REGIONS))


def test_batches_must_be_decollated() -> None:
    with pytest.raises(TypeError, match="decollate=True"):
        evaluate(toy_cases(), RegionScores(REGIONS), decollate=False)


def test_no_case_gives_no_value() -> None:
    metric = RegionScores(REGIONS)
    metric.reset()
    with pytest.raises(NotComputableError, match="no case"):
        metric.compute()


@pytest.mark.parametrize(
    "options", [{"key": "iou"}, {"key_regions": ("liver",)}, {"key": "hd95", "hausdorff": False}, {"key_regions": ()}]
)
def test_a_value_that_is_no_score_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not a known score"):
        RegionScores(REGIONS, **options)


@pytest.mark.parametrize("regions", [{}, {"WT": (0, 1)}, {"NC": (1,), "none": ()}])
def test_regions_that_a_truth_cannot_hold_are_refused_at_once(regions: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"no regions to score|which cannot occur in the truth"):
        RegionScores(regions)


def test_other_dimensions_than_two_and_three_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`spatial_dims` \(=4\) must be 2 or 3"):
        RegionScores(REGIONS, spatial_dims=4)


BONES = {"radius": (1,), "ulna": (2,), "forearm": (1, 2)}


def hands(affine: torch.Tensor) -> list[dict[str, Any]]:
    """Make 2-D cases with two overlapping structures; the image is the truth with some pixels changed."""
    generator = torch.Generator().manual_seed(1)
    cases = []
    for index in range(3):
        label = (torch.rand(2, 7, 5, generator=generator) < 0.4).float()
        changed = torch.rand(label.shape, generator=generator) < 0.2
        image = torch.where(changed, 1 - label, label)
        images = {"image": MetaTensor(image, affine), "label": MetaTensor(label, affine)}
        cases.append({"case_id": f"hand_{index}", **images})
    return cases


def test_overlapping_channels_in_2d_are_scored_in_the_plane_that_the_affine_gives(tmp_path: Path) -> None:
    sagittal = torch.tensor([[0.0, 0, 2, 5], [0.5, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
    cases = hands(sagittal)
    metric = RegionScores(BONES, exclusive=False, spatial_dims=2, save_dir=tmp_path)
    state = evaluate(cases, metric).state
    expected = [
        {"case_id": case["case_id"], **score_case(case["image"], case["label"], (0.5, 3), BONES, exclusive=False)}
        for case in cases
    ]
    assert metric.rows == expected
    alone = [row[f"dice_{region}"] for row in expected for region in ("radius", "ulna")]
    assert state.metrics["val_mean_dice"] == pytest.approx(np.mean(alone))
    assert state.metric_details["val_mean_dice"].shape == (3, 3)
    read = read_scores(tmp_path / "scores.csv")
    assert read[0]["area_mm2_forearm"] == pytest.approx(float(expected[0]["area_mm2_forearm"]))


def test_a_picture_without_a_size_is_measured_in_pixels() -> None:
    metric = RegionScores(BONES, exclusive=False, spatial_dims=2, key="area_mm2", hausdorff=False)
    cases = hands(torch.eye(4, dtype=torch.float64))
    evaluate(cases, metric)
    assert [row["area_mm2_radius"] for row in metric.rows] == [float(case["label"][0].sum()) for case in cases]


def score_on_rank(rank: int, folder: str) -> None:
    """Score three cases on two ranks, the first twice, as a DistributedSampler would."""
    rendezvous = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    cases = toy_cases()
    metric = RegionScores(REGIONS, save_dir=f"{folder}/scores")
    state = evaluate([cases[0], cases[2]] if rank == 0 else [cases[1], cases[0]], metric).state
    assert metric.rows == expected_rows(cases)
    alone = [[row[f"dice_{region}"] for region in ("NC", "ED", "CET")] for row in metric.rows]
    assert state.metrics["val_mean_dice"] == pytest.approx(np.mean(alone))
    torch.distributed.destroy_process_group()


def test_ranks_are_brought_together_and_repeats_count_once(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(score_on_rank, args=(str(tmp_path),), nprocs=2)
    rows = read_scores(tmp_path / "scores" / "scores.csv")
    assert [row["case_id"] for row in rows] == ["case_1", "case_2", "case_3"]
