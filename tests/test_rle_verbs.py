"""``python -m scanfill rle``, as a user sees it."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import pytest

from drawn_rle import discs, rows_of
from scanfill.__main__ import main
from scanfill.data.rle import RleRow, read_rle_table, write_rle_table
from scanfill.domains.hand_xray.phantoms.hand import write_cohort

if TYPE_CHECKING:
    from pathlib import Path


def rle(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """Run a command, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["scanfill", "rle", *map(str, words)])
    try:
        main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_truth_is_written_checked_voted_on_scored_and_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_cohort(tmp_path / "hands", cases=1, size=128)
    truth = tmp_path / "truth.csv"
    assert rle(monkeypatch, "write", tmp_path / "hands", "-o", truth) == 0
    assert rle(monkeypatch, "check", truth, "--images", tmp_path / "hands", "--schema", "hand_xray") == 0
    told = capfd.readouterr().out
    assert "58 rows, 2 images, 29 classes" in told
    assert "Order of the pixels: row by row (2 of 2 pictures" in told
    assert told.endswith("No faults.\n")
    other = write_rle_table((row._replace(rle="") for row in read_rle_table(truth)), tmp_path / "empty.csv")
    assert rle(monkeypatch, "vote", truth, other, truth, "-o", tmp_path / "voted.csv") == 0
    assert (tmp_path / "voted.csv").read_bytes() == truth.read_bytes()
    assert rle(monkeypatch, "score", tmp_path / "voted.csv", truth, "-o", tmp_path / "scores.csv") == 0
    assert "mean over 2 images and 29 classes: 1.0000 (Dice with epsilon 1e-4)" in capfd.readouterr().out
    with (tmp_path / "scores.csv").open() as file:
        assert {(row["images"], row["dice"]) for row in csv.DictReader(file)} == {("2", "1")}
    page = tmp_path / "page.html"
    assert rle(monkeypatch, "preview", truth, "--images", tmp_path / "hands", "-o", page, "--cases", "1") == 0
    assert page.read_text().count("data:image/png") == 1


def test_faults_are_listed_and_set_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = write_rle_table([RleRow("a.png", "Ulna", "1 2 3"), RleRow("a.png", "Ulna", "99 2")], tmp_path / "rle.csv")
    assert rle(monkeypatch, "check", table, "--size", "10x10", "--schema", "hand_xray") == 1
    told = capfd.readouterr().out
    assert "30 faults:" in told
    assert "line 2 (a.png, Ulna): entry 3 (3) is a start without a length" in told
    assert "line 3 (a.png, Ulna): this image and class have another row, line 2" in told
    assert "there is no row for image a.png and class Pisiform" in told


def test_a_low_score_without_a_size_says_how_to_compare_orders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = dict(list(discs(50, 50).items())[1:2])
    turned = write_rle_table(rows_of("0.png", shown, "column"), tmp_path / "p.csv")
    truth = write_rle_table(rows_of("0.png", shown), tmp_path / "t.csv")
    assert rle(monkeypatch, "score", turned, truth) == 0
    assert "pass --size" in capfd.readouterr().out
    assert rle(monkeypatch, "score", turned, truth, "--size", "50x50") == 1
    assert "seem to use different orders" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "rle needs one of rle check, rle score, rle vote, rle preview, rle write"),
        (["--size", "3"], 2, "rle needs one of rle check"),
        (["chek"], 2, "There is no verb 'rle chek'; did you mean rle check"),
        (["score", "a.csv"], 2, "rle score: truth is missing: python -m scanfill rle score PREDICTION TRUTH"),
        (["check", "a.csv", "--image", "x"], 2, "did you mean --images?"),
        (["vote", "a.csv", "b.csv"], 2, "rle vote: output is missing"),
        (["check", "a.csv", "--size", "5"], 1, "--size (=5) must be the width and the height"),
        (["check", "a.csv", "--size", "5x5", "--images", "x"], 1, "Pass --size or --images, not both"),
        (["check", "a.csv"], 1, "a.csv"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    assert rle(monkeypatch, *words) == code
    error = capfd.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1


def test_help_lists_the_verbs_of_the_group(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert rle(monkeypatch, "--help") == 0
    captured = capfd.readouterr()
    for verb in ("check", "score", "vote", "preview", "write"):
        assert f"\n     {verb}\n" in captured.out + captured.err
