"""The answers of a comparison in plain words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compared_sets import case_record, made_up_set, picture, pictures
from scanfill.metrics.set_shift import CategoryShift, NumberShift
from scanfill.report.exploration.comparison import SetComparison, compare_sets
from scanfill.report.exploration.comparison_answers import answers, p_text, set_names, shift_verdict
from scanfill.report.page import Mark


def number(effect: float | None, low: float | None = None, high: float | None = None) -> NumberShift:
    return NumberShift((20, 20), (0, 1), (1, 1), effect, low, high)


def category(low: float, high: float) -> CategoryShift:
    return CategoryShift((20, 20), {"F": (0.5, 0.5)}, "F", 0, low, high)


@pytest.mark.parametrize(
    ("shift", "corrected", "verdict"),
    [
        (number(1.0, 0.4, 1.6), 0.001, Mark("higher", "warn")),
        (number(-1.0, -1.6, -0.4), 0.001, Mark("lower", "warn")),
        (number(0.1, -0.3, 0.5), 0.001, Mark("other spread or shape", "warn")),
        (number(None), 0.001, Mark("different", "warn")),
        (number(0.1, -0.2, 0.4), 0.6, Mark("alike", "good")),
        (number(0.1, -0.5, 0.7), 0.6, "not shown: up to 0.7 SD possible"),
        (number(None), 0.6, "not shown"),
        (number(3.0), None, "too few patients"),
        (category(0.1, 0.6), 0.01, Mark("different", "warn")),
        (category(-0.1, 0.1), 0.8, Mark("alike", "good")),
        (category(-0.3, 0.4), 0.8, "not shown: up to 40% possible"),
    ],
)
def test_a_verdict_says_what_was_shown_and_no_more(
    shift: NumberShift | CategoryShift, corrected: float | None, verdict: Mark | str
) -> None:
    assert shift_verdict(shift, corrected) == verdict


def said(found: SetComparison) -> dict[str, tuple[str, str, str]]:
    return {question: (mark.text, mark.kind, text) for question, mark, text in answers(found)}


def test_two_sets_of_one_kind_have_only_good_answers() -> None:
    found = said(compare_sets(pictures("one", 20, seed=2), pictures("two", 20, seed=3)))
    assert {kind for _, kind, _ in found.values()} == {"good"}
    assert found["Is two as near to one as that is to itself?"][0] == "as near"


def test_a_copy_is_a_bad_answer_with_both_names() -> None:
    one, two = pictures("one", 12), pictures("two", 12, seed=1)
    copied = replace(two.records[3], images=one.records[5].images)
    found = said(compare_sets(one, replace(two, records=[copied, *two.records[4:]])))
    assert found["Is an image in both sets?"] == ("yes", "bad", "1 images of two are copies: two03 = one05.")


def test_a_brightened_copy_is_probably_one() -> None:
    one, two = pictures("one", 12), pictures("two", 12, seed=1)
    brighter = case_record("sly", {"image": np.clip(picture(7) * 1.1, 1, 255).astype(np.float32)})
    text, kind, figures = said(compare_sets(one, replace(two, records=[*two.records, brighter])))[
        "Is an image in both sets?"
    ]
    assert (text, kind) == ("probably", "bad")
    assert "sly ~ one07" in figures


def test_a_different_device_is_a_warning_with_its_figures() -> None:
    found = said(compare_sets(pictures("one", 20), pictures("two", 20, seed=1, blur=4)))
    answer, kind, figures = found["Can the sets be told apart by their images with normalized intensities?"]
    assert (answer, kind) == ("clearly", "warn")
    assert figures.startswith("AUC of a simple classifier for new patients: ")


def test_names_in_both_sets_are_a_warning_until_images_match() -> None:
    first, second = pictures("case", 12), pictures("case", 12, seed=1)
    second = replace(second, folder=second.folder.parent / "other" / "case")
    answer, kind, figures = said(compare_sets(first, second))["Is a patient in both sets?"]
    assert (answer, kind) == ("by name only", "warn")
    assert figures.startswith("12 names of patients are in both: case00, case01, case02, case03, case04 and 7 more.")
    same = replace(second, records=first.records)
    assert said(compare_sets(first, same))["Is a patient in both sets?"][:2] == ("yes", "bad")


def test_one_case_each_is_said_to_be_too_few() -> None:
    found = said(compare_sets(pictures("one", 1), pictures("two", 1, seed=1)))
    assert found["Which properties differ?"] == ("too few patients", "known", "No property could be tested.")
    assert found["Can the sets be told apart by their images as stored?"][0] == "too few patients"
    assert found["Is an image in both sets?"][1] == "good"


def test_sets_without_images_get_no_answer_about_changed_copies() -> None:
    bare = [made_up_set(name, [case_record(name, {})]) for name in ("one", "two")]
    assert said(compare_sets(*bare))["Is an image in both sets?"][1] == "known"


def test_equal_names_of_folders_are_told_apart_by_the_folder_above() -> None:
    first = pictures("case", 1)
    found = compare_sets(first, replace(first, folder=first.folder.parent / "other" / "case"))
    assert set_names(found) == ("made_up/case", "other/case")


def test_p_values_are_short() -> None:
    assert [p_text(p) for p in (None, 0.0001, 0.0432, 1.0)] == ["\N{EN DASH}", "<.001", "0.043", "1.000"]
