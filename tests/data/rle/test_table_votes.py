"""A vote of tables is that of their masks, if they have the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drawn_rle import CLASSES, discs, rows_of, write_discs
from scanfill.data.rle import encode, read_rle_table, vote_rle_tables, write_rle_table
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_majority_of_tables_is_written_in_the_order_of_the_first(tmp_path: Path) -> None:
    moved = [{name: np.roll(mask, step, axis=1) for name, mask in discs().items()} for step in range(3)]
    paths = []
    for number, masks in enumerate(moved):
        rows = [*rows_of("b.png", masks), *rows_of("a.png", masks)]
        paths.append(write_rle_table(rows[::-1] if number else rows, tmp_path / f"{number}.csv"))
    voted = [row[:3] for row in read_rle_table(vote_rle_tables(paths, tmp_path / "out.csv"))]
    expected = {name: encode(np.sum([masks[name] for masks in moved], axis=0) >= 2) for name in CLASSES}
    assert voted == [(image, name, expected[name]) for image in ("b.png", "a.png") for name in CLASSES]
    vote_rle_tables(paths, tmp_path / "all.csv", at_least=3)
    every = {name: encode(np.all([masks[name] for masks in moved], axis=0)) for name in CLASSES}
    assert [row.rle for row in read_rle_table(tmp_path / "all.csv")] == [every[name] for name in CLASSES] * 2


def test_tables_with_other_rows_are_refused(tmp_path: Path) -> None:
    whole = write_discs(tmp_path / "a.csv")
    part = write_rle_table([row for row in read_rle_table(whole) if row.structure != "Ulna"], tmp_path / "b.csv")
    for paths in ([whole, part], [part, whole]):
        with pytest.raises(CaseError, match=r"b.csv has no row for 0.png Ulna, 1.png Ulna, which .*a.csv has"):
            vote_rle_tables(paths, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_tables_with_masks_of_another_size_or_order_are_refused(tmp_path: Path) -> None:
    whole, turned = write_discs(tmp_path / "a.csv"), write_discs(tmp_path / "b.csv", order="column")
    with pytest.raises(CaseError, match=r"of other sizes, or in another order, in .*b.csv than in .*a.csv"):
        vote_rle_tables([whole, turned], tmp_path / "out.csv")


def test_an_impossible_vote_is_refused(tmp_path: Path) -> None:
    path = write_discs(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="two files or more, got 1"):
        vote_rle_tables([path], tmp_path / "out.csv")
    with pytest.raises(UsageError, match=r"at_least \(=3\) must be from 1 to the number of masks, 2"):
        vote_rle_tables([path, path], tmp_path / "out.csv", at_least=3)


def test_an_input_is_not_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "a.csv", write_discs(tmp_path / "b.csv")
    path.write_bytes(before := other.read_bytes())  # not written by this process
    with pytest.raises(UsageError, match="is an input of this run"):
        vote_rle_tables([path, other], path)
    assert path.read_bytes() == before
