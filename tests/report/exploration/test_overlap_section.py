"""overlap_section."""

from __future__ import annotations

from explored_sets import hand_record, hand_set
from scanfill.data import load_schema
from scanfill.report.exploration import ExploredSet
from scanfill.report.exploration.overlap_section import overlap_section, total_shared
from scanfill.report.page import Table

AREAS = {"Hamate": 200, "finger-15": 300, "finger-19": 100}
PAIR, TRIPLE = ("finger-19", "Hamate"), ("finger-15", "finger-19", "Hamate")


def test_pixels_of_a_combination_are_summed_over_the_images() -> None:
    shared = [{PAIR: 12, TRIPLE: 4}, {PAIR: 8}, {}]
    explored = hand_set([hand_record(number, AREAS, shared=each) for number, each in enumerate(shared)])
    assert total_shared(explored, 2) == {PAIR: (20, 2)}
    tables = [part for part in overlap_section(explored) if isinstance(part, Table)]
    assert [table.rows for table in tables] == [
        [["(finger-19, Hamate)", 20, 2, "6.67%"]],
        [["(finger-15, finger-19, Hamate)", 4, 1, "1.33%"]],
    ]


def test_classes_that_exclude_each_other_have_no_section() -> None:
    schema = load_schema("brain_mri")
    assert overlap_section(ExploredSet(hand_set([]).folder, schema, [hand_record(0, AREAS)])) == []


def test_without_a_shared_pixel_there_is_no_map() -> None:
    (section,) = overlap_section(hand_set([hand_record(0, AREAS)]))
    assert "No pixel" in section.html()
