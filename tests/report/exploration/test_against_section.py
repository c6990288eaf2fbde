"""The part of the page that compares two sets."""

from __future__ import annotations

from compared_sets import case_record, made_up_set, picture, pictures
from scanfill.report.exploration.against_section import against_section
from scanfill.report.page import Page, Row, Section


def test_every_part_is_there_with_as_many_pairs_as_it_promises() -> None:
    parts = against_section(pictures("one", 20), pictures("two", 18, seed=1))
    titles = [part.title for part in parts if isinstance(part, Section)]
    assert titles == [
        "one against two",
        "Shifts of properties",
        "Intensities of both sets",
        "Nearest neighbors across the sets",
        "The closest pairs",
        "The farthest cases",
    ]
    closest, farthest = (part for part in parts if isinstance(part, Row))
    assert (len(closest.figures), len(farthest.figures)) == (8, 8)
    correlations = [float(each.caption.rpartition("= ")[2]) for each in [*closest.figures, *farthest.figures[::-1]]]
    assert correlations == sorted(correlations, reverse=True)


def test_properties_that_differ_come_first() -> None:
    table = against_section(pictures("one", 20), pictures("two", 20, seed=1, brightness=140))[1].tables[0]  # type: ignore[attr-defined]
    names = [row[0] for row in table.rows]
    assert names[0] == "image: median intensity"
    assert set(names[1:]) == {"age (years)", "sex", "image: interquartile range"}


def test_one_case_each_makes_a_page() -> None:
    parts = against_section(pictures("one", 1), pictures("two", 1, seed=1))
    html = Page("A page", parts).html()
    assert "too few patients" in html
    assert "two00 | one00" in html


def test_sets_without_images_make_a_page() -> None:
    bare = [made_up_set(name, [case_record(name, {}, conditions={"age": 3.0})]) for name in ("one", "two")]
    assert "no images of the same dimensions" in Page("A page", against_section(*bare)).html()


def test_images_of_other_dimensions_are_left_out_and_counted() -> None:
    volume = picture(9)[..., None].repeat(24, axis=2)
    first = made_up_set("one", [case_record(f"a{index}", {"ct": picture(index)}) for index in range(3)], "kidney_ct")
    records = [case_record(f"b{index}", {"ct": picture(20 + index)}) for index in range(3)]
    second = made_up_set("two", [*records, case_record("c", {"ct": volume})], "kidney_ct")
    text = next(
        part.text
        for part in against_section(first, second)
        if getattr(part, "title", "").startswith("Nearest neighbors")
    )
    assert text.endswith("has other dimensions: 1 of two.")
