"""Completed cases judged: images as one by one, uncertainty by hand."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from scanfill.metrics import compare_case
from scanfill.missing.completion_scores import (
    CompletionQuality,
    CompletionVariance,
    gradient_magnitude,
    judge_uncertainty,
    summarise_uncertainty,
)
from tiny_cases import MODALITIES, brain, image, regions

if TYPE_CHECKING:
    from pathlib import Path


def originals(seed: int = 0) -> dict[str, np.ndarray]:
    return {name: image(name, seed) for name in MODALITIES}


def completed(seed: int, *missing: str) -> dict[str, Any]:
    """A case whose images have an error that its uncertainty knows up to a factor."""
    rng = np.random.default_rng(seed)
    case: dict[str, Any] = {
        "case_id": f"c{seed}",
        "availability": torch.tensor([float(name not in missing) for name in MODALITIES]),
        "label": torch.from_numpy(regions())[None],
        "brain": torch.from_numpy(brain())[None],
    }
    for name, scan in originals(seed).items():
        case[f"acquired_{name}"] = torch.from_numpy(scan)[None]
        if name in missing:
            spread = np.where(brain(), rng.uniform(1, 10, scan.shape), 0)
            case[f"synthetic_{name}"] = torch.from_numpy(scan + spread * rng.laplace(size=scan.shape) / math.sqrt(2))[
                None
            ]
            case[f"uncertainty_{name}"] = torch.from_numpy(spread)[None]
    return case


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_each_image_is_scored_as_if_it_were_alone(tmp_path: Path) -> None:
    metric = CompletionQuality(MODALITIES, save_dir=tmp_path, note="a caveat")
    cases = [completed(0, "flair"), completed(0, "t1", "t2"), completed(1, "flair")]
    for case in cases:
        metric.update(case)
    value = metric.compute()
    table = rows(tmp_path / "image_quality.csv")
    alone = compare_case("c0", "t2", cases[1]["synthetic_t2"], originals(0), ["t1ce", "flair"], label=cases[1]["label"])
    found = [row for row in table if (row["case_id"], row["target"]) == ("c0", "t2")]
    assert len(found) == len(alone)
    for row, expected in zip(found, alone, strict=True):
        assert row["sources"] == "t1ce,flair"
        assert float(row["mse_brain"] or "nan") == pytest.approx(float(expected["mse_brain"]), rel=1e-5, nan_ok=True)
    primary = [r for r in table if (r["image"], r["protocol"]) == ("synthetic", "zscore_truth")]
    assert len(primary) == 4
    assert value == pytest.approx(np.mean([float(row["mse_brain"]) for row in primary]), rel=1e-5)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{kind}{end}.csv" for kind in ("image_quality", "uncertainty") for end in ("", "_summary")}
    assert all(row["note"] == "a caveat" for name in names for row in rows(tmp_path / name))


def test_doubt_is_judged_by_its_rank_and_its_interval_in_each_region() -> None:
    case = completed(3, "flair")
    scans = originals(3)
    made, spread = (case[key][0].numpy() for key in ("synthetic_flair", "uncertainty_flair"))
    sources = ["t1", "t1ce", "t2"]
    judged = judge_uncertainty("c3", "flair", made, spread, originals=scans, sources=sources, label=case["label"])
    assert [row["region"] for row in judged] == ["brain", "tumour"]
    for row, where in zip(judged, (brain(), brain() & (regions() > 0)), strict=True):
        error = np.abs(made - scans["flair"])[where]
        assert row["voxels"] == where.sum()
        assert row["spearman"] == pytest.approx(spearmanr(error, spread[where]).statistic)
        edges = {name: spearmanr(error, gradient_magnitude(scans[name])[where]).statistic for name in sources}
        assert row["gradient_of"] == max(edges, key=lambda name: edges[name])
        assert row["spearman_gradient"] == pytest.approx(max(edges.values()))
        half = -math.log(0.1) * spread[where] / math.sqrt(2)
        assert row["coverage"] == pytest.approx(np.mean(error <= half))
    assert float(judged[0]["spearman"]) > 0.3
    assert float(judged[0]["coverage"]) == pytest.approx(0.9, abs=0.05)


def test_a_case_without_a_tumour_has_no_figure_there() -> None:
    case = completed(3, "flair")
    made, spread = case["synthetic_flair"], case["uncertainty_flair"]
    _, tumour = judge_uncertainty("c3", "flair", made, spread, originals=originals(3), sources=["t1"])
    assert tumour["voxels"] == 0
    assert math.isnan(float(tumour["spearman"]))
    assert math.isnan(float(tumour["coverage"]))


def test_a_slope_has_the_steepness_of_its_intensities() -> None:
    grid = np.indices((5, 6, 7)).astype(float)
    np.testing.assert_allclose(gradient_magnitude(3 * grid[0] - 4 * grid[2]), 5)


def test_a_summary_takes_medians_and_passes_over_what_is_not_defined() -> None:
    def row(target: str, spearman: float) -> dict[str, float | str]:
        group = {"target": target, "sources": "t1", "region": "brain"}
        return {"case_id": "c", **group, "spearman": spearman, "spearman_gradient": 0.1, "coverage": 0.9}

    summary = summarise_uncertainty([row("t2", 0.2), row("t2", 0.6), row("t2", math.nan), row("flair", 0.9)])
    found = {(entry["target"]): (entry["images_spearman"], entry["spearman"]) for entry in summary}
    assert found == {"t2": (2, pytest.approx(0.4)), "any": (3, pytest.approx(0.6)), "flair": (1, pytest.approx(0.9))}


def test_explained_variance_is_that_of_every_image() -> None:
    metric = CompletionVariance(MODALITIES, mask_key="brain")
    cases = [completed(0, "flair"), completed(1, "t1", "t2")]
    errors = []
    for case in cases:
        metric.update(case)
        for name in MODALITIES:
            if f"synthetic_{name}" in case:
                truth = case[f"acquired_{name}"][0].numpy()[brain()]
                made = case[f"synthetic_{name}"][0].numpy()[brain()]
                errors.append(((made - truth) ** 2).mean() / truth.var())
    assert metric.compute() == pytest.approx(1 - np.mean(errors), rel=1e-5)


def test_a_case_that_lacks_nothing_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="no generated image has a known truth"):
        CompletionQuality(MODALITIES).update(completed(0))
