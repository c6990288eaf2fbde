"""class_section."""

from __future__ import annotations

import pytest

from explored_sets import hand_record, hand_set
from scanfill.report.exploration import PredictionRecord
from scanfill.report.exploration.class_section import class_section
from scanfill.report.page import Section, Table


def only(parts: list[object]) -> Section:
    (section,) = parts
    assert isinstance(section, Section)
    return section


def row(table: Table, name: str) -> dict[str, object]:
    (found,) = (each for each in table.rows if each[0] == name)
    named = [f"{column} 2" if column == "in" and index == 8 else column for index, column in enumerate(table.columns)]
    return dict(zip(named, found, strict=True))


def test_images_sizes_shares_and_extremes_of_each_class() -> None:
    sizes = [100, 300, 0, 512]
    section = only([*class_section(hand_set([hand_record(n, {"Hamate": s, "Ulna": 7}) for n, s in enumerate(sizes)]))])
    found = row(section.tables[0], "Hamate")
    assert (found["images"], found["without"]) == (3, 1)
    assert (found["median (pixels)"], found["share of the image"]) == ("300", f"{300 / (64 * 80):.2%}")
    assert (found["smallest"], found["in"], found["largest"], found["in 2"]) == ("100", "c000", "512", "c003")
    assert row(section.tables[0], "Radius")["images"] == 0


def test_an_image_without_a_class_that_nearly_all_have_is_named() -> None:
    records = [hand_record(number, {"Hamate": 0 if number == 3 else 50, "Ulna": 9}) for number in range(12)]
    section = only([*class_section(hand_set(records))])
    assert section.tables[1].rows == [["c003", "Hamate"]]


def test_a_class_that_is_often_absent_is_not_missed() -> None:
    records = [hand_record(number, {"Hamate": 50 * (number % 2), "Ulna": 9}) for number in range(12)]
    assert len(only([*class_section(hand_set(records))]).tables) == 1


def test_dice_stands_beside_the_size_if_there_are_predictions() -> None:
    records = [
        hand_record(n, {"Hamate": 100 * n}, prediction=PredictionRecord({}, {"Hamate": n / 10})) for n in range(1, 6)
    ]
    section = only([*class_section(hand_set(records))])
    found = row(section.tables[0], "Hamate")
    assert found["Dice"] == pytest.approx(0.3)
    assert found["Dice rises with size"] == "+1.00"
    assert len(section.figures) == 2


def test_images_without_labels_are_named_and_what_was_looked_for() -> None:
    section = only([*class_section(hand_set([hand_record(0), hand_record(1)]))])
    assert "0 of 2 cases" in section.text
    assert "c000, c001" in section.text
    assert "JSON" in section.text
