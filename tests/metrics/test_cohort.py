"""summarise, write_scores, read_scores."""

from __future__ import annotations

import csv
import math
import statistics
from typing import TYPE_CHECKING

import pytest

from scanfill.metrics import METRICS, read_scores, summarise, write_scores

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, float | str]


def case(name: str, dice: float, volume_ml: float, predicted_ml: float) -> Row:
    """Make the row of a case with one region."""
    scores = {"dice": dice, "precision": dice, "sensitivity": dice, "hd95": 10 - dice}
    scores |= {"volume_ml": volume_ml, "predicted_ml": predicted_ml}
    return {"case_id": name} | {f"{metric}_CET": value for metric, value in scores.items()}


ROWS = [
    case("large", 0.8, 20.0, 21.0),
    case("larger", 0.6, 40.0, 30.0),
    case("exactly_half_a_millilitre", 0.4, 0.5, 0.3),
    case("small", 0.1, 0.2, 0.4),
    case("small_and_missed", 0.0, 0.4, 0.0),
    case("absent", 1.0, 0.0, 0.0),
    case("invented", 0.0, 0.0, 2.0),
]


def find(summary: list[Row], metric: str) -> Row:
    (row,) = [row for row in summary if row["metric"] == metric]
    return row


def test_mean_sd_and_median_are_over_all_cases() -> None:
    dice = [0.8, 0.6, 0.4, 0.1, 0.0, 1.0, 0.0]
    row = find(summarise(ROWS), "dice")
    assert (row["region"], row["cases"]) == ("CET", 7)
    assert row["mean"] == pytest.approx(statistics.fmean(dice))
    assert row["sd"] == pytest.approx(statistics.stdev(dice))
    assert row["median"] == statistics.median(dice)


def test_cases_without_the_region_are_left_out_of_the_second_mean() -> None:
    row = find(summarise(ROWS), "dice")
    assert row["present_cases"] == 5
    assert row["present_mean"] == pytest.approx((0.8 + 0.6 + 0.4 + 0.1 + 0.0) / 5)


def test_small_regions_are_listed_apart() -> None:
    row = find(summarise(ROWS), "hd95")
    assert (row["small_cases"], row["large_cases"]) == (2, 3)
    assert row["small_mean"] == pytest.approx((9.9 + 10.0) / 2)
    assert row["large_mean"] == pytest.approx((9.2 + 9.4 + 9.6) / 3)


def test_detection_counts_overlap_where_there_is_something_and_silence_where_there_is_nothing() -> None:
    summary = summarise(ROWS)
    found, silent = find(summary, "detection_sensitivity"), find(summary, "detection_specificity")
    assert (found["cases"], found["mean"]) == (5, 0.8)
    assert (silent["cases"], silent["mean"]) == (2, 0.5)


def test_every_metric_has_a_row() -> None:
    assert [row["metric"] for row in summarise(ROWS)] == [*METRICS, "detection_sensitivity", "detection_specificity"]


def test_nothing_to_average_is_nan_and_not_zero() -> None:
    summary = summarise(ROWS[:1])
    assert math.isnan(float(find(summary, "dice")["sd"]))
    assert math.isnan(float(find(summary, "dice")["small_mean"]))
    assert math.isnan(float(find(summary, "detection_specificity")["mean"]))


def test_scores_come_back_as_written(tmp_path: Path) -> None:
    rows = [{"fold": "1", **row} for row in ROWS]
    scores, _ = write_scores(rows, tmp_path / "new" / "folder", note="phantoms: checks the software")
    read = read_scores(scores)
    assert [next(iter(row)) for row in read] == ["case_id"] * len(ROWS)
    assert read == [{**row, "note": "phantoms: checks the software"} for row in rows]
    assert summarise(read) == summarise(rows)


def test_the_summary_is_a_table_with_the_note_last(tmp_path: Path) -> None:
    _, summary = write_scores(ROWS[:1], tmp_path, note="a caveat")
    with summary.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["region", "metric", "cases", "mean"]
    assert list(rows[0])[-1] == "note"
    assert {row["note"] for row in rows} == {"a caveat"}
    assert rows[0]["mean"] == "0.8"
    assert rows[0]["sd"] == ""


def test_no_note_makes_no_column(tmp_path: Path) -> None:
    scores, _ = write_scores(ROWS, tmp_path)
    assert "note" not in read_scores(scores)[0]


def test_two_cases_of_one_name_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"repeated or empty: \['large'\]"):
        write_scores([ROWS[0], ROWS[0]], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_case_scored_differently_is_named() -> None:
    other = {key: value for key, value in ROWS[1].items() if not key.startswith("hd95")}
    with pytest.raises(ValueError, match=r"Case 'larger' has no scores \['hd95_CET'\]"):
        summarise([ROWS[0], other])


def test_no_cases_cannot_be_summed_up() -> None:
    with pytest.raises(ValueError, match="list of cases is empty"):
        summarise([])


def flat(row: Row) -> Row:
    """Turn a row of a volume into one of a picture."""
    renamed = {"volume_ml": "area_mm2", "predicted_ml": "predicted_mm2"}
    return {next((key.replace(a, b) for a, b in renamed.items() if a in key), key): value for key, value in row.items()}


def test_areas_are_summed_up_as_volumes_are_but_none_is_small(tmp_path: Path) -> None:
    flat_rows = [flat(row) for row in ROWS]
    expected = summarise(ROWS)
    for row, volume in zip(summarise(flat_rows), expected, strict=True):
        same = {key: value for key, value in volume.items() if not key.startswith(("small", "large"))}
        assert {key: value for key, value in row.items() if key != "metric"} == pytest.approx(
            {key: value for key, value in same.items() if key != "metric"}, nan_ok=True
        )
    scores, summary = write_scores(flat_rows, tmp_path)
    assert read_scores(scores) == flat_rows
    assert "area_mm2" in summary.read_text()
    assert "small" not in summary.read_text()


def test_volumes_and_areas_are_not_mixed() -> None:
    with pytest.raises(ValueError, match=r"has no scores \['area_mm2_CET', 'predicted_mm2_CET'\]"):
        summarise([ROWS[0], flat(ROWS[1])])
