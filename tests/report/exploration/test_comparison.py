"""Two sets compared: alike, different, or sharing what they should not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compared_sets import case_record, made_up_set, picture, pictures
from scanfill.errors import UsageError
from scanfill.metrics.set_shift import CategoryShift, NumberShift
from scanfill.report.exploration.comparison import compare_sets
from scanfill.report.exploration.explored_set import ExploredSet

STORED, NORMALIZED = "images as stored", "images with normalized intensities"


def renamed(explored: ExploredSet, name: str) -> ExploredSet:
    """Return the same cases, as if they were other patients in another folder."""
    records = [
        replace(record, case={"case_id": f"{name}{index}", "patient": f"{name}{index}"})
        for index, record in enumerate(explored.records)
    ]
    return replace(explored, folder=explored.folder.parent / name, records=records)


def with_condition(explored: ExploredSet, key: str, value: str | float) -> ExploredSet:
    records = [replace(record, conditions={**record.conditions, key: value}) for record in explored.records]
    return replace(explored, records=records)


def different(found: object) -> set[str]:
    return {name for name, p in found.corrected.items() if p is not None and p < 0.05}  # type: ignore[attr-defined]


def test_a_set_against_itself_under_other_names_has_no_shift_and_is_all_copies() -> None:
    one = pictures("one", 12)
    found = compare_sets(one, renamed(one, "two"))
    assert all(shift.effect == 0 for shift in found.shifts.values())
    assert all(p == 1 for p in found.corrected.values())
    assert {(copy.one[0].case_id, copy.other[0].case_id) for copy in found.shared_images.copies} == {
        (f"two{index}", f"one{index:02}") for index in range(12)
    }
    assert found.neighbors is not None
    assert found.neighbors.nearer == 1
    assert found.shared_names.names == []


def test_two_samples_of_one_kind_show_no_difference() -> None:
    found = compare_sets(pictures("one", 20), pictures("two", 20, seed=1))
    assert different(found) == set()
    assert all(told.low <= 0.5 <= told.high for told in found.classifiers.values())  # type: ignore[operator]
    assert (found.shared_images.copies, found.shared_images.near) == ([], [])
    assert found.same == ["width (pixels)", "height (pixels)"]


def test_another_age_is_the_only_shift() -> None:
    older = pictures("two", 20, seed=1)
    older = replace(
        older,
        records=[
            replace(record, conditions={**record.conditions, "age": record.conditions["age"] + 30})  # type: ignore[operator]
            for record in older.records
        ],
    )
    found = compare_sets(pictures("one", 20), older)
    assert different(found) == {"age (years)"}
    shift = found.shifts["age (years)"]
    assert isinstance(shift, NumberShift)
    assert shift.effect is not None
    assert shift.effect > 2


def test_another_share_of_sexes_is_the_only_shift() -> None:
    found = compare_sets(pictures("one", 20), with_condition(pictures("two", 20, seed=1), "sex", "F"))
    assert different(found) == {"sex"}
    shift = found.shifts["sex"]
    assert isinstance(shift, CategoryShift)
    assert shift.shares == {"F": (0.5, 1), "M": (0.5, 0)}


def test_a_brighter_device_is_told_by_intensities_and_not_after_z_scoring() -> None:
    found = compare_sets(pictures("one", 20), pictures("two", 20, seed=1, brightness=130))
    assert different(found) == {"image: median intensity", "image: all intensities"}
    assert found.classifiers[STORED].low > 0.5  # type: ignore[operator]
    assert found.classifiers[NORMALIZED].low <= 0.5  # type: ignore[operator]


def test_a_device_with_other_noise_is_told_after_normalization_too() -> None:
    found = compare_sets(pictures("one", 20), pictures("two", 20, seed=1, blur=4))
    assert found.classifiers[NORMALIZED].auc > 0.9  # type: ignore[operator]


def test_patients_with_many_images_do_not_count_more() -> None:
    few = pictures("two", 8, seed=1)
    many = replace(few, records=[record for record in few.records for _ in range(3)])
    one, three = (compare_sets(pictures("one", 8), each).shifts["age (years)"] for each in (few, many))
    assert one == three


def test_the_same_patient_in_both_sets_is_found_by_name_and_by_image() -> None:
    first = made_up_set(
        "one", [case_record(f"p{index}_a", {"image": picture(index)}, f"p{index}") for index in range(12)]
    )
    again = [picture(index) + np.random.default_rng(index).integers(-9, 10, (24, 24)) for index in range(6)]
    again = [np.clip(each, 1, 255).astype(np.float32) for each in again]
    second = made_up_set(
        "two", [case_record(f"p{index}_b", {"image": each}, f"p{index}") for index, each in enumerate(again)]
    )
    found = compare_sets(first, second).shared_names
    assert found.names == [f"p{index}" for index in range(6)]
    assert (found.matched, found.cases) == (6, 6)
    assert found.p is not None
    assert found.p < 0.001


def test_names_given_anew_are_told_from_the_same_patients() -> None:
    first, second = pictures("case", 12), pictures("case", 12, seed=1)
    second = replace(second, folder=second.folder.parent / "other" / "case")
    found = compare_sets(first, second).shared_names
    assert len(found.names) == 12
    assert found.matched <= 3
    assert found.p is not None
    assert found.p > 0.05


def test_images_that_only_one_set_has_are_named_and_the_common_ones_compared() -> None:
    first = made_up_set(
        "one", [case_record(f"a{i}", {"t1": picture(i), "flair": picture(50 + i)}) for i in range(3)], "brain_mri"
    )
    second = made_up_set("two", [case_record(f"b{i}", {"t1": picture(80 + i)}) for i in range(3)], "brain_mri")
    found = compare_sets(first, second)
    assert found.images.keys == ["t1"]
    assert found.unshared == ["flair: median intensity", "flair: interquartile range"]
    assert found.shifts["flair present"].effect == 1


def test_other_kinds_of_data_other_images_and_the_same_folder_are_refused() -> None:
    one = pictures("one", 3)
    hands = made_up_set("hands", [case_record("h", {"xray": picture(0)})], "hand_xray")
    with pytest.raises(UsageError, match=r"of the kind images_2d, .* of the kind hand_xray: only sets of one kind"):
        compare_sets(one, hands)
    with pytest.raises(UsageError, match="compared with itself"):
        compare_sets(one, one)
    t1, t2 = (made_up_set(key, [case_record("c", {key: picture(0)})], "brain_mri") for key in ("t1", "t2"))
    with pytest.raises(UsageError, match=r"has the images t1, .* has t2: they have none in common"):
        compare_sets(t1, t2)


def test_one_case_each_is_compared_without_any_test() -> None:
    found = compare_sets(pictures("one", 1), pictures("two", 1, seed=1))
    assert set(found.corrected.values()) == {None}
    assert all(told.auc is None for told in found.classifiers.values())
    assert found.neighbors is not None
    assert found.neighbors.index.tolist() == [0]


def test_sets_without_images_are_compared_by_what_is_known() -> None:
    bare = [
        replace(each, records=[replace(record, images={}) for record in each.records])
        for each in (pictures("one", 12), pictures("two", 12, seed=1))
    ]
    found = compare_sets(*bare)
    assert (found.neighbors, found.classifiers, found.intensities) == (None, {}, [])
    assert set(found.shifts) == {"age (years)", "sex"}
