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

from scanfill.domains.brain_mri.modalities import published_mse
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
    evaluator = run(ExplainedVariance(truth_key="acquired_flair", mask_key="brain"))
    assert evaluator.state.metrics["quality"] == pytest.approx(1 - (mse(0, brain()) + mse(1, brain())) / 2, rel=1e-5)


def test_a_truth_that_covers_a_part_of_the_brain_is_judged_there() -> None:
    metric = ExplainedVariance(truth_key="acquired_flair", mask_key="brain")
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
        with pytest.raises(NotComputableError, match="got no cases"):
            metric.compute()


FLAT = (14, 12)


def picture(seed: int) -> dict[str, Any]:
    """A 2-D case whose image was made from channels of a label."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-50, 10, FLAT).astype(np.float32)
    truth[:3] = 0
    mask = np.zeros(FLAT, bool)
    mask[2:9, 3:10] = True
    return {
        "case_id": f"c{seed}",
        "acquired_ct": torch.from_numpy(truth)[None],
        "pred": torch.from_numpy(truth + rng.normal(0, 3, FLAT).astype(np.float32))[None],
        "label": (torch.rand(2, *FLAT, generator=torch.Generator().manual_seed(seed)) > 0.5).float(),
        "body": torch.from_numpy(mask)[None],
    }


def error(one: dict[str, Any], chosen: np.ndarray) -> float:
    made, truth = (one[key][0].numpy().astype(float)[chosen] for key in ("pred", "acquired_ct"))
    return float(((made - truth) ** 2).mean() / truth.var())


@pytest.mark.parametrize("mask_key", [None, "body"])
def test_a_picture_is_judged_in_its_mask_or_everywhere(mask_key: str | None, tmp_path: Path) -> None:
    protocols = ["zscore_truth", "percentile_truth"]
    metric = ImageQuality(
        *("ct", ["label"]),
        save_dir=tmp_path,
        label_key=None,
        mask_key=mask_key,
        copy_sources=False,
        protocols=protocols,
        spatial_dims=2,
    )
    cases = [picture(0), picture(1)]
    for one in cases:
        metric.update(one)
    where = np.ones(FLAT, bool) if mask_key is None else cases[0][mask_key][0].numpy()
    assert metric.compute() == pytest.approx(np.mean([error(one, where) for one in cases]), rel=1e-5)
    assert {row["protocol"] for row in metric.rows} == set(protocols)
    with (tmp_path / "image_quality_summary.csv").open() as file:
        assert not any("published" in key for key in next(csv.DictReader(file)))


def test_without_a_brain_every_voxel_counts_also_those_that_are_zero() -> None:
    metric = ExplainedVariance(truth_key="acquired_ct", mask_key=None, spatial_dims=2)
    metric.update(picture(0))
    assert metric.compute() == pytest.approx(1 - error(picture(0), np.ones(FLAT, bool)), rel=1e-5)


def test_the_summary_of_a_brain_tells_what_is_published(tmp_path: Path) -> None:
    run(ImageQuality("flair", ["t2"], MODALITIES, save_dir=tmp_path, published=published_mse()))
    with (tmp_path / "image_quality_summary.csv").open() as file:
        told = [
            value for row in csv.DictReader(file) for key, value in row.items() if key.startswith("published") and value
        ]
    assert told == ["0.342234", "0.342234"]


def test_the_protocol_of_the_value_must_be_among_the_protocols() -> None:
    with pytest.raises(ValueError, match=r"`protocols` \(=\['brasyn'\]\) must include 'zscore_truth'"):
        ImageQuality("flair", ["t2"], MODALITIES, protocols=["brasyn"])
