"""A table is scored as its decoded masks would be, and only against masks that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drawn_rle import CLASSES, discs, rows_of, write_discs
from scanfill.data.rle import RleRow, score_rle_table, write_rle_table
from scanfill.errors import CaseError
from scanfill.metrics.overlap_scores import EPSILON, dice

if TYPE_CHECKING:
    from pathlib import Path


def test_scores_are_those_of_decoded_masks(tmp_path: Path) -> None:
    truth, moved = discs(), {name: np.roll(mask, 3, axis=0) for name, mask in discs().items()}
    write_rle_table(
        [*rows_of("0.png", moved), *rows_of("1.png", truth), RleRow("2.png", "Ulna", "")], tmp_path / "p.csv"
    )
    scores = score_rle_table(tmp_path / "p.csv", write_discs(tmp_path / "t.csv"), shape=(60, 40))
    expected = {name: [dice(moved[name], truth[name], EPSILON), 1.0] for name in CLASSES}
    assert list(scores.by_class) == list(CLASSES)
    np.testing.assert_allclose(list(scores.by_class.values()), list(expected.values()))
    assert scores.mean == pytest.approx(np.mean(list(expected.values())))
    assert (scores.images, scores.ignored) == (2, 1)
    assert [(row["class"], row["images"]) for row in scores.rows] == [(name, "2") for name in CLASSES]


def test_an_empty_mask_scores_as_in_the_reference(tmp_path: Path) -> None:
    write_rle_table([RleRow("0.png", "Ulna", ""), RleRow("0.png", "Radius", "1 3")], tmp_path / "p.csv")
    write_rle_table([RleRow("0.png", "Ulna", ""), RleRow("0.png", "Radius", "")], tmp_path / "t.csv")
    scores = score_rle_table(tmp_path / "p.csv", tmp_path / "t.csv")
    assert scores.by_class == {"Ulna": [1.0], "Radius": [pytest.approx(1e-4 / (3 + 1e-4))]}


def test_a_prediction_without_the_rows_of_a_class_is_refused(tmp_path: Path) -> None:
    truth = write_discs(tmp_path / "t.csv", images=4)
    rows = [row for number in range(4) for row in rows_of(f"{number}.png", discs()) if row.structure != "Ulna"]
    with pytest.raises(
        CaseError, match=r"p.csv has no row for 0.png Ulna, 1.png Ulna, 2.png Ulna, 3.png Ulna, which .*t.csv"
    ):
        score_rle_table(write_rle_table(rows, tmp_path / "p.csv"), truth)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("0.png", "Ulna", ""), ("0.png", "Ulna", "")], r"line 3 \(0.png, Ulna\): there is another row"),
        (
            [("0.png", "Ulna", "1 2 3")],
            r"line 2 \(0.png, Ulna\): the run-length encoding is wrong: entry 3 .*rle check",
        ),
        ([("0.png", "Ulna", "2400 2")], r"entry 2 \(2\) is a length that ends at pixel 2401"),
        ([], "has no rows"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, rows: list[tuple[str, str, str]], message: str) -> None:
    write_rle_table([RleRow(*row) for row in rows], tmp_path / "p.csv")
    with pytest.raises(CaseError, match=message):
        score_rle_table(tmp_path / "p.csv", write_discs(tmp_path / "t.csv"), shape=(60, 40))


def test_masks_of_another_size_are_refused(tmp_path: Path) -> None:
    other = write_discs(tmp_path / "p.csv", rows=120, columns=80)
    with pytest.raises(
        CaseError, match=r"2 images are of other sizes, .* in image 0.png runs are usually 80 and 40 pixels"
    ):
        score_rle_table(other, write_discs(tmp_path / "t.csv"))


def test_another_order_is_told_by_the_length_of_lines_or_else_by_the_size(tmp_path: Path) -> None:
    turned = write_discs(tmp_path / "p.csv", order="column")
    with pytest.raises(CaseError, match="in another order"):
        score_rle_table(turned, write_discs(tmp_path / "t.csv"))
    turned = write_discs(tmp_path / "q.csv", order="column", rows=50, columns=50)
    truth = write_discs(tmp_path / "s.csv", rows=50, columns=50)
    assert score_rle_table(turned, truth).mean < 0.7
    with pytest.raises(
        CaseError, match=r"q.csv and .*s.csv seem to use different orders: .* 1.000 if the former is read"
    ):
        score_rle_table(turned, truth, shape=(50, 50))


def test_a_poor_prediction_in_the_same_order_is_scored(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((60, 40)) < 0.1
    rows = [row for number in range(2) for row in rows_of(f"{number}.png", dict.fromkeys(CLASSES, noise))]
    scores = score_rle_table(write_rle_table(rows, tmp_path / "p.csv"), write_discs(tmp_path / "t.csv"), shape=(60, 40))
    assert 0 < scores.mean < 0.3
    empty = write_rle_table([row._replace(rle="") for row in rows], tmp_path / "e.csv")
    assert score_rle_table(empty, empty, shape=(60, 40)).mean == 1
