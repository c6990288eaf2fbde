"""Pooled intensities of two sets."""

from __future__ import annotations

import numpy as np
import pytest

from compared_sets import case_record, made_up_set, picture, pictures
from scanfill.report.exploration.intensity_histogram import IntensityHistogram
from scanfill.report.exploration.pooled_intensities import pooled_intensities, z_scored
from scanfill.report.exploration.set_features import comparable_images


def test_a_constant_added_to_all_intensities_is_the_distance_and_gone_after_z_scoring() -> None:
    first = pictures("a", 8)
    second = made_up_set("b", [case_record(f"b{i}", {"image": picture(i) + 500}) for i in range(8)])
    stored, scored = pooled_intensities(comparable_images(first, second))
    assert stored.shift.distance == pytest.approx(500, rel=0.02)
    assert scored.shift.distance == pytest.approx(0, abs=0.02)
    assert [stored.name, scored.name] == ["image: all intensities", "image: all intensities, each image z-scored"]


def test_each_patient_counts_equally() -> None:
    bright, dark = np.full((24, 24), 200, np.float32), np.full((24, 24), 20, np.float32)
    bright[0], dark[0] = 199, 21
    records = [case_record(f"{index}", {"image": bright}, "a") for index in range(9)]
    first = made_up_set("a", [*records, case_record("b", {"image": dark}, "b")])
    stored, _ = pooled_intensities(comparable_images(first, pictures("c", 2)))
    assert stored.shares[0][stored.centers > 110].sum() == pytest.approx(0.5, abs=0.01)


def test_z_scores_leave_zeros_out() -> None:
    values = np.concatenate([np.zeros(50), np.arange(1, 101)])
    found = z_scored(IntensityHistogram.of(values))
    assert found.number == 100
    centers = (found.edges[1:] + found.edges[:-1]) / 2
    assert found.counts @ centers == pytest.approx(0, abs=1e-6)
    assert found.counts @ centers**2 / 100 == pytest.approx(1)
