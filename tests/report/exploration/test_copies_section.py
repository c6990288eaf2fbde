"""copies_section."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explored_sets import hand_record, hand_set, image_record
from scanfill.report.exploration.copies_section import copies_section, find_copies, find_near


def test_equal_and_nearly_equal_images_of_two_patients_are_found() -> None:
    base = [image_record(number) for number in range(4)]
    near = base[1].signature + np.random.default_rng(0).normal(0, 0.001, base[1].signature.shape)
    faint = replace(base[1], checksum="other", signature=near.astype(np.float32))
    records = [hand_record(number, image=image) for number, image in enumerate([*base, base[0], faint])]
    images = [(record, "xray") for record in records]
    assert [[record.case_id for record, _ in group] for group in find_copies(images)] == [["c000", "c004"]]
    (pair,) = find_near(images)
    assert (pair.one[0].case_id, pair.other[0].case_id) == ("c001", "c005")
    html = "".join(part.html() for part in copies_section(hand_set(records)))
    assert "different patients" in html
    assert html.count("<img") == 4


def test_a_copy_within_a_patient_is_no_leak() -> None:
    records = [hand_record(number, image=image_record(0), patient="p") for number in range(2)]
    html = "".join(part.html() for part in copies_section(hand_set(records)))
    assert "one patient" in html
    assert "different patients</span>" not in html
