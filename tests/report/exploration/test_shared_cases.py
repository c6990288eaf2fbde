"""Images and patients that are in two sets."""

from __future__ import annotations

from compared_sets import case_record, made_up_set, picture
from scanfill.report.exploration.shared_cases import shared_images


def test_copies_and_near_copies_are_told_from_those_within_one_set() -> None:
    first = made_up_set("one", [case_record(f"a{i}", {"image": picture(i)}) for i in (0, 1, 1)])
    second = made_up_set(
        "two",
        [
            case_record("b0", {"image": picture(0)}),
            case_record("b1", {"image": picture(1) * 2}),
            case_record("b2", {"image": picture(5)}),
            case_record("b3", {"image": picture(5) * 2}),
        ],
    )
    found = shared_images(first, second)
    assert [(copy.one[0].case_id, copy.other[0].case_id) for copy in found.copies] == [("b0", "a0")]
    assert {(copy.one[0].case_id, copy.other[0].case_id) for copy in found.near} == {("b1", "a1")}
    assert found.near_within == 0  # within the first set there is an exact copy, which is told elsewhere


def test_a_near_copy_of_a_patient_with_the_same_name_is_found() -> None:
    first = made_up_set("one", [case_record("a", {"image": picture(0)}, "anna")])
    second = made_up_set("two", [case_record("b", {"image": picture(0) * 2}, "anna")])
    assert [copy.one[0].case_id for copy in shared_images(first, second).near] == ["b"]
