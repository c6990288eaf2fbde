"""Means with patients as the unit."""

from __future__ import annotations

from scanfill.metrics.patient_means import interval_of, mean_of, patient_means


def test_patients_are_the_unit() -> None:
    rows = [
        {"patient": "a", "row": "x", "mse": 1.0},
        {"patient": "a", "row": "x", "mse": 3.0},
        {"patient": "b", "row": "x", "mse": 8.0},
    ]
    assert patient_means(rows, "x", "mse") == {"a": 2.0, "b": 8.0}
    assert mean_of(rows, "x", "mse") == 5
    assert interval_of([1, 2, 3]) is None
    low, high = interval_of([1, 2, 3, 4, 5, 6]) or (0, 0)
    assert 1 < low < 3.5 < high < 6
