"""Image quality of a cohort: each protocol by itself."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import pytest

from scanfill.metrics.image_quality import QUALITY_METRICS, QUALITY_REGIONS
from scanfill.metrics.intensity_protocols import PROTOCOLS
from scanfill.metrics.quality_cohort import PUBLISHED, summarise_quality, write_quality

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, float | str]


def row(case: str, protocol: str, image: str = "synthetic", **figures: float) -> Row:
    values: Row = {f"{metric}_{region}": 0.5 for metric in QUALITY_METRICS for region in QUALITY_REGIONS}
    about: Row = {"case_id": case, "target": "flair", "sources": "t2", "image": image, "protocol": protocol}
    return about | values | figures


def of(summary: list[Row], protocol: str, region: str = "brain", metric: str = "mse", image: str = "synthetic") -> Any:
    wanted = {"protocol": protocol, "region": region, "metric": metric, "image": image}
    (found,) = [line for line in summary if wanted.items() <= line.items()]
    return found


def test_protocols_are_never_averaged_together() -> None:
    rows = [row(case, p, mse_brain=10 * i + j) for i, p in enumerate(PROTOCOLS) for j, case in enumerate("abc")]
    summary = summarise_quality(rows)
    assert [of(summary, protocol)["mean"] for protocol in PROTOCOLS] == [1, 11, 21, 31]
    assert {line["cases"] for line in summary} == {3}


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_statistics_are_those_done_by_hand() -> None:
    rows = [row(case, "brasyn", mae_tumour=value) for case, value in zip("abcd", (1, 2, 6, math.nan), strict=True)]
    found = of(summarise_quality(rows), "brasyn", "tumour", "mae")
    assert (found["cases"], found["mean"], found["median"]) == (3, 3, 2)
    assert found["sd"] == pytest.approx(math.sqrt((4 + 1 + 9) / 2))


def test_a_figure_that_no_case_has_is_empty() -> None:
    found = of(summarise_quality([row("a", "zscore_own", ssim_brain=math.nan)]), "zscore_own", metric="ssim")
    assert found["cases"] == 0
    assert all(math.isnan(found[name]) for name in ("mean", "sd", "median"))


def test_perfect_images_have_an_infinite_psnr() -> None:
    rows = [row(case, "brasyn", psnr_brain=math.inf) for case in "ab"]
    assert of(summarise_quality(rows), "brasyn", metric="psnr")["mean"] == math.inf


def test_published_mse_stands_apart_under_its_warning() -> None:
    rows = [row("a", protocol, image) for protocol in PROTOCOLS for image in ("synthetic", "source copied")]
    summary = summarise_quality(rows, {("flair", "t2"): 0.342234})
    assert PUBLISHED == "published MSE (normalisation unknown, not comparable)"
    beside = [line for line in summary if not math.isnan(float(line[PUBLISHED]))]
    assert [(line["protocol"], line["image"], line["region"], line["metric"], line[PUBLISHED]) for line in beside] == [
        (protocol, "synthetic", "brain", "mse", 0.342234) for protocol in ("zscore_own", "zscore_truth")
    ]


def test_several_sources_have_no_published_figure() -> None:
    summary = summarise_quality([row("a", "zscore_own") | {"sources": "t1,t2"}], {("flair", "t1"): 0.5})
    assert all(math.isnan(float(line[PUBLISHED])) for line in summary)


def test_without_published_figures_there_is_no_column_for_them() -> None:
    summary = summarise_quality([row("a", "zscore_own")])
    assert not any(PUBLISHED in line for line in summary)


@pytest.mark.parametrize("key", ["protocol", "target", "sources", "image", "case_id"])
def test_a_row_of_unknown_origin_is_refused(key: str) -> None:
    bad = {name: value for name, value in row("a", "brasyn").items() if name != key}
    with pytest.raises(ValueError, match=f"has no {key}"):
        summarise_quality([row("b", "brasyn"), bad])


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' has no known protocol: 'minmax'"):
        summarise_quality([row("a", "minmax")])


def test_a_case_must_not_count_twice() -> None:
    with pytest.raises(ValueError, match=r"Cases \['a'\] occur more than once as synthetic of flair from t2, brasyn"):
        summarise_quality([row("a", "brasyn"), row("a", "brasyn")])


def test_images_must_be_compared_on_the_same_cases() -> None:
    rows = [row("a", "brasyn"), row("b", "brasyn"), row("a", "brasyn", "source copied")]
    with pytest.raises(ValueError, match=r"scored on different cases, \['b'\]"):
        summarise_quality(rows)


def test_no_rows_no_summary() -> None:
    with pytest.raises(ValueError, match="no image quality scores to summarize"):
        summarise_quality([])


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    rows = [
        row(case, protocol, ssim_brain=math.nan, psnr_brain=math.inf) | {"synthetic_inputs": "flair"}
        for case in ("a", "007")
        for protocol in PROTOCOLS
    ]
    path, summary_path = write_quality(rows, tmp_path / "out", note="phantoms")
    read = lines_of(path)
    assert [(line["case_id"], line["protocol"]) for line in read] == [(r["case_id"], r["protocol"]) for r in rows]
    assert {(line["ssim_brain"], line["psnr_brain"]) for line in read} == {("", "inf")}
    assert {line["note"] for line in read} == {"phantoms"}
    summary = lines_of(summary_path)
    assert len(summary) == len(PROTOCOLS) * len(QUALITY_REGIONS) * len(QUALITY_METRICS)
    assert PUBLISHED not in summary[0]


def test_what_cannot_be_summed_up_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than once"):
        write_quality([row("a", "brasyn")] * 2, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_published_figures_stand_in_the_file_where_there_are_any(tmp_path: Path) -> None:
    _, summary_path = write_quality([row("a", "zscore_own")], tmp_path, published={("flair", "t2"): 0.342234})
    assert lines_of(summary_path)[0][PUBLISHED] == "0.342234"


def test_images_that_are_not_of_a_brain_have_their_own_regions(tmp_path: Path) -> None:
    rows = [
        {
            key.replace("brain", "image").replace("tumour", "label").replace("healthy", "rest"): value
            for key, value in each.items()
        }
        for each in (row("a", "zscore_own"), row("b", "zscore_own", mse_brain=1.5))
    ]
    path, _ = write_quality(rows, tmp_path)
    assert [line["mse_image"] for line in lines_of(path)] == ["0.5", "1.5"]
    assert of(summarise_quality(rows), "zscore_own", "image")["mean"] == 1
    assert {line["region"] for line in summarise_quality(rows)} == {"image", "label", "rest"}
