"""Predicted masks become a part for each case, and one table of all that were predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor

from hand_drawings import SIZE, draw_bones, write_image
from scanfill.data import FinishedCases, find_cases
from scanfill.data.pages import write_pages
from scanfill.data.rle import RleRow, SaveRunLengthsd, collect_run_lengths, encode, read_rle_table, write_rle_table
from scanfill.domains.hand_xray import BONES
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

Case = dict[str, Any]


def masks(moved: int = 0) -> np.ndarray:
    """Masks ``(29, X, Y)``."""
    drawn = draw_bones()
    return np.stack([np.roll(drawn.get(bone, np.zeros(SIZE, bool)), moved, axis=0) for bone in BONES])


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    for name in ("b_L", "a_L", "c_L"):
        write_image(tmp_path / "hands" / f"{name}.png", seed=ord(name[0]))
    return find_cases(tmp_path / "hands", schema="hand_xray", labels="none")


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FinishedCases:
    monkeypatch.setattr("scanfill.data.finished_cases.run_settings", lambda: "settings")
    (tmp_path / "model.pt").write_bytes(b"weights")
    return again(tmp_path)


def again(folder: Path) -> FinishedCases:
    """The handler of another run."""
    return FinishedCases(folder / "out", folder / "model.pt", schema="hand_xray")


def predict(cases: list[Case], finished: FinishedCases, *, part: bool = True) -> None:
    """Save masks, moved by the number of the case, as inference does."""
    engine = Engine(lambda *_: None)
    save = SaveRunLengthsd("pred", finished.output_dir, schema="hand_xray")
    for number, case in enumerate(cases):
        folder = finished.output_dir / case["case_id"]
        write_pages(folder / f"{case['case_id']}_seg.tif", masks(number))
        image = MetaTensor(torch.zeros(1, *SIZE), meta={"filename_or_obj": case["xray"]})
        if part:
            save(case | {"xray": image, "pred": MetaTensor(torch.from_numpy(masks(number)))})
        engine.state.batch = [case]
        finished(engine)


def expected(cases: list[Case], *moved: int) -> list[tuple[str, str, str]]:
    return [
        (f"{case['case_id']}.png", bone, encode(mask.T))
        for case, step in zip(cases, moved, strict=True)
        for bone, mask in zip(BONES, masks(step), strict=True)
    ]


def table(path: Path | None) -> list[tuple[str, str, str]]:
    assert path is not None
    return [row[:3] for row in read_rle_table(path)]


def test_the_table_has_the_cases_of_the_run_in_order(cases: list[Case], finished: FinishedCases) -> None:
    predict(finished.leave_out(cases), finished)
    path = collect_run_lengths(cases, finished)
    assert path == finished.output_dir / "rle.csv"
    assert table(path) == expected(cases, 0, 1, 2)
    assert table(collect_run_lengths(cases[1:], finished)) == expected(cases[1:], 1, 2)


def test_cases_of_an_earlier_run_are_in_the_table(tmp_path: Path, cases: list[Case], finished: FinishedCases) -> None:
    predict(finished.leave_out(cases)[:2], finished)
    later = again(tmp_path)
    left = later.leave_out(cases)
    assert [case["case_id"] for case in left] == ["c_L"]
    predict(left, later)
    assert table(collect_run_lengths(cases, later)) == expected(cases, 0, 1, 0)


def test_a_finished_case_without_a_part_is_encoded_from_its_pages(
    tmp_path: Path, cases: list[Case], finished: FinishedCases
) -> None:
    predict(finished.leave_out(cases), finished, part=False)
    later = again(tmp_path)
    assert later.leave_out(cases) == []
    assert table(collect_run_lengths(cases, later)) == expected(cases, 0, 1, 2)


def test_masks_that_a_person_corrected_are_encoded_from_their_pages(
    tmp_path: Path, cases: list[Case], finished: FinishedCases
) -> None:
    predict(finished.leave_out(cases), finished)
    write_pages(finished.output_dir / "b_L" / "b_L_seg.tif", masks(9))
    later = again(tmp_path)
    assert later.leave_out(cases) == []
    assert later.edited == {"b_L": ["b_L_seg.tif"]}
    assert table(collect_run_lengths(cases, later)) == expected(cases, 0, 9, 2)
    (finished.output_dir / "b_L" / "b_L_seg.tif").write_bytes(b"damaged")
    last = again(tmp_path)
    last.leave_out(cases)
    with pytest.raises(CaseError, match=r"'b_L'.*b_L_seg.tif\) cannot be read"):
        collect_run_lengths(cases, last)
    assert table(finished.output_dir / "rle.csv") == expected(cases, 0, 9, 2), "the table is replaced as a whole"


def test_a_part_of_other_weights_is_not_in_the_table(
    tmp_path: Path, cases: list[Case], finished: FinishedCases, caplog: pytest.LogCaptureFixture
) -> None:
    predict(finished.leave_out(cases), finished)
    (tmp_path / "model.pt").write_bytes(b"other weights")
    later = again(tmp_path)
    predict(later.leave_out(cases)[1:], later)  # the first one fails this time
    assert table(collect_run_lengths(cases, later)) == expected(cases[1:], 0, 1)
    assert "rle.csv has no rows for 1 of 3 cases, which failed" in caplog.text


def test_nothing_is_written_without_a_predicted_case(
    tmp_path: Path, cases: list[Case], caplog: pytest.LogCaptureFixture
) -> None:
    refused = FinishedCases(tmp_path / "hands", tmp_path / "model.pt", schema="hand_xray")
    assert all(case["problem"] for case in refused.leave_out(cases))
    before = sorted(tmp_path.rglob("*"))
    assert collect_run_lengths(cases, refused) is None
    assert sorted(tmp_path.rglob("*")) == before
    assert "rle.csv is not written, because no case was predicted" in caplog.text


def test_a_table_of_someone_else_is_not_replaced(cases: list[Case], finished: FinishedCases) -> None:
    predict(finished.leave_out(cases), finished)
    (finished.output_dir / "rle.csv").write_text("patient,age\n1,2\n")
    with pytest.raises(UsageError, match=r"rle.csv was written by something else"):
        collect_run_lengths(cases, finished)


def test_a_part_names_the_file_of_the_image_whatever_the_case_is_called(tmp_path: Path) -> None:
    save = SaveRunLengthsd("pred", tmp_path, schema="hand_xray")
    image = MetaTensor(torch.zeros(1, *SIZE), meta={"filename_or_obj": "/data/DCM/ID1/image1.PNG"})
    data = {"case_id": "one", "xray": image, "pred": torch.from_numpy(masks())}
    assert save(data).keys() == data.keys()
    assert {row.image for row in read_rle_table(tmp_path / "one" / "one_rle.csv")} == {"image1.PNG"}
    write_rle_table([RleRow("x", "y", "")], tmp_path / "one" / "one_rle.csv")
    save(data)
    assert len(list(read_rle_table(tmp_path / "one" / "one_rle.csv"))) == len(BONES)


def test_a_kind_of_data_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'brain_mri' has no 2-D images"):
        SaveRunLengthsd("pred", tmp_path, schema="brain_mri")
