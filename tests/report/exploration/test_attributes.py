"""The properties of cases that are compared."""

from __future__ import annotations

import math
from dataclasses import replace

from compared_sets import case_record, made_up_set, picture
from scanfill.report.exploration.attributes import attributes_of


def test_conditions_sizes_and_intensities_are_collected_by_patient() -> None:
    records = [
        case_record("a_L", {"xray": picture(0)}, "a", {"age": 7.0, "side": "left"}),
        case_record("a_R", {"xray": picture(1)}, "a", {"age": 7.0, "side": "right"}),
        case_record("b_L", {}, "b", {"side": "left"}),
    ]
    found = attributes_of(made_up_set("hands", records, "hand_xray"), in_ml=False)
    assert found.categories["side"] == {"a": ["left", "right"], "b": ["left"]}
    assert found.numbers["age (years)"] == {"a": [7, 7]}
    assert found.numbers["width (pixels)"] == {"a": [24, 24]}
    assert found.categories["labeled"] == {"a": ["no", "no"], "b": ["no"]}
    assert found.distinct("side") == {"left", "right"}
    assert found.distinct("sex") == set()


def test_structures_are_a_share_of_the_image_or_ml() -> None:
    record = replace(
        case_record("a", {"ct": picture(0)}), labelled=True, areas={"kidney": 144, "tumor": 0}, voxel_volume=0.5
    )
    explored = made_up_set("cts", [record], "kidney_ct")
    shares, volumes = (attributes_of(explored, in_ml=in_ml).numbers for in_ml in (False, True))
    assert shares["kidney (% of the image)"] == {"a": [25]}
    assert volumes["kidney (ml)"] == {"a": [72]}
    assert volumes["all structures, summed (ml)"] == {"a": [72]}
    assert volumes["number of structures present"] == {"a": [1]}


def test_of_many_structures_only_the_whole_is_compared() -> None:
    areas = {f"finger-{index}": 10 for index in range(1, 20)}
    record = replace(case_record("a", {"xray": picture(0)}), labelled=True, areas=areas)
    names = attributes_of(made_up_set("hands", [record], "hand_xray"), in_ml=False).names
    assert not any(name.startswith("finger") for name in names)
    assert "all structures, summed (% of the image)" in names


def test_an_unknown_volume_is_left_out() -> None:
    record = replace(case_record("a", {}), labelled=True, areas={"kidney": 1}, voxel_volume=math.nan)
    assert "kidney (ml)" not in attributes_of(made_up_set("cts", [record], "kidney_ct"), in_ml=True).names
