"""find_outliers."""

from __future__ import annotations

from explored_sets import hand_record, hand_set, image_record
from scanfill.report.exploration.outlier_section import find_outliers, outlier_section


def test_an_image_of_another_size_brightness_or_area_is_found_with_the_reason() -> None:
    records = [hand_record(number, {"Hamate": 100 + number % 7}) for number in range(20)]
    records[3] = hand_record(3, {"Hamate": 103}, image=image_record(3, shape=(64, 200)))
    records[5] = hand_record(5, {"Hamate": 105}, image=image_record(5, brightness=200))
    records[8] = hand_record(8, {"Hamate": 3})
    found = {record.case_id: reasons[0].what for record, reasons in find_outliers(hand_set(records))}
    assert found.pop("c005").startswith("xray: ")
    assert found == {"c003": "size along axis 2", "c008": "Hamate (pixels)"}
    html = "".join(part.html() for part in outlier_section(hand_set(records)))
    assert html.count("<img") == 3


def test_absent_classes_are_no_outliers() -> None:
    records = [hand_record(number, {"Hamate": 100 * (number > 1), "Ulna": 10}) for number in range(20)]
    assert find_outliers(hand_set(records)) == []


def test_few_cases_have_no_outliers() -> None:
    records = [hand_record(number, {"Hamate": 1 + 500 * (number == 1)}) for number in range(4)]
    assert find_outliers(hand_set(records)) == []
    assert "8 or more cases" in outlier_section(hand_set(records))[0].html()
