"""Image quality inside a MONAI evaluator."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ignite.exceptions import NotComputableError
from monai.engines import SupervisedEvaluator
from torch import nn

from scanfill.metrics import ExplainedVariance, ImageQuality, compare_case

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (12, 12, 12)
MODALITIES = ("t1", "t1ce", "t2", "flair")


def brain() -> np.ndarray:
    grid = np.indices(SHAPE) - 5.5
    return np.asarray((grid**2).sum(axis=0) <= 25)


def case(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    scans = {name: np.where(brain(), rng.normal(100, 10, SHAPE), 0).astype(np.float32) for name in MODALITIES}
    label = np.zeros(SHAPE, np.uint8)
    label[4:8, 4:8, 4:8] = 1
    volumes = {f"acquired_{name}": torch.from_numpy(scan)[None] for name, scan in scans.items()}
    made = torch.from_numpy(scans["flair"] + rng.normal(0, 5, SHAPE).astype(np.float32) * brain())[None]
    return {
        "case_id": f"c{seed}",
        "image": made[None],
        "label": torch.from_numpy(label)[None, None],
        "brain": torch.from_numpy(brain())[None, None],
        **{key: volume[None] for key, volume in volumes.items()},
    }


def run(metric: Any, seeds: tuple[int, ...] = (0, 1)) -> SupervisedEvaluator:
    """An evaluator whose network gives what it gets."""
    batches = [{**case(seed), "case_id": [f"c{seed}"]} for seed in seeds]
    evaluator = SupervisedEvaluator("cpu", batches, nn.Identity(), key_val_metric={"quality": metric})
    evaluator.run()
    return evaluator


def mse(seed: int, chosen: np.ndarray) -> float:
    """Mean squared error by the truth's mean and SD, by hand."""
    made, truth = (case(seed)[key][0, 0].numpy().astype(float) for key in ("image", "acquired_flair"))
    return float(((made - truth)[chosen] ** 2).mean() / truth[chosen].var())


def test_explained_variance_is_one_minus_the_primary_mse() -> None:
    evaluator = run(ExplainedVariance(truth_key="acquired_flair"))
    assert evaluator.state.metrics["quality"] == pytest.approx(1 - (mse(0, brain()) + mse(1, brain())) / 2, rel=1e-5)


def test_a_truth_that_covers_a_part_of_the_brain_is_judged_there() -> None:
    metric = ExplainedVariance(truth_key="acquired_flair")
    one = case(0)
    part = brain().copy()
    part[:6] = False
    one["acquired_flair"] = one["acquired_flair"] * torch.from_numpy(part)
    metric.update({key: value[0] for key, value in one.items()} | {"case_id": "c0", "pred": one["image"][0]})
    truth = one["acquired_flair"][0, 0].numpy().astype(float)
    made = one["image"][0, 0].numpy().astype(float)
    expected = ((made - truth)[part] ** 2).mean() / truth[part].var()
    assert metric.compute() == pytest.approx(1 - expected, rel=1e-5)


def test_an_evaluation_writes_both_tables_with_what_compare_case_says(tmp_path: Path) -> None:
    metric = ImageQuality("flair", ["t2"], MODALITIES, save_dir=tmp_path, note="phantoms")
    evaluator = run(metric)
    assert evaluator.state.metrics["quality"] == pytest.approx((mse(0, brain()) + mse(1, brain())) / 2, rel=1e-5)
    assert evaluator.state.metrics["quality"] == pytest.approx(evaluator.state.metrics["zscore_truth_mse"])
    one = case(1)
    originals = {name: one[f"acquired_{name}"][0] for name in MODALITIES}
    expected = compare_case("c1", "flair", one["image"][0], originals, ["t2"], label=one["label"][0])
    with (tmp_path / "image_quality.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["case_id"] == "c1"]
    assert len(rows) == len(expected) == 12
    for row, by_hand in zip(rows, expected, strict=True):
        assert (row["image"], row["protocol"], row["note"]) == (by_hand["image"], by_hand["protocol"], "phantoms")
        told, known = float(row["mse_tumour"] or "nan"), float(by_hand["mse_tumour"])
        assert told == pytest.approx(known, rel=1e-5, nan_ok=True)
    with (tmp_path / "image_quality_summary.csv").open() as file:
        assert {
            row["cases"] for row in csv.DictReader(file) if row["image"] == "synthetic" and row["metric"] == "mse"
        } == {"2"}


def test_no_case_is_told() -> None:
    for metric in (ExplainedVariance(), ImageQuality("flair", ["t2"], MODALITIES)):
        with pytest.raises(NotComputableError, match="has seen no case"):
            metric.compute()
