"""A classifier that tells from which of two sets an image comes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scanfill.errors import UsageError
from scanfill.metrics.set_classifier import tell_apart


def features(number: int, seed: int, mean: float = 0, length: int = 30) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).normal(size=(number, length))
    drawn[:, :3] += mean
    return drawn


def names(number: int, start: str = "p") -> list[str]:
    return [f"{start}{index:03}" for index in range(number)]


def test_two_samples_of_one_kind_cannot_be_told_apart() -> None:
    found = tell_apart(features(30, 0), features(30, 1), (names(30), names(30, "q")))
    assert found.patients == (30, 30)
    assert found.low < 0.5 < found.high  # type: ignore[operator]
    assert found.low < found.auc < found.high  # type: ignore[operator]


def test_another_device_is_told() -> None:
    found = tell_apart(features(40, 0), features(25, 1, mean=2), (names(40), names(25, "q")))
    assert found.low > 0.6  # type: ignore[operator]
    assert found.auc > 0.9  # type: ignore[operator]


def test_even_a_perfect_score_leaves_room_for_doubt() -> None:
    found = tell_apart(features(30, 0), features(15, 1, mean=50), (names(30), names(15, "q")))
    assert (found.auc, found.low, found.high) == (1, pytest.approx(1 - 3 / 15), 1)


def test_exchanging_the_sets_changes_nothing() -> None:
    one, other, who = features(20, 0), features(14, 1, mean=0.7), (names(20), names(14, "a"))
    there, back = tell_apart(one, other, who), tell_apart(other, one, who[::-1])
    assert there.auc == pytest.approx(back.auc)
    assert (there.low, there.high) == pytest.approx((back.low, back.high))


def test_learning_a_patient_by_heart_is_of_no_use() -> None:
    """Each patient has a mark of its own; if images of one patient were on both sides, the area would be near 1."""
    random = np.random.default_rng(0)
    marks = random.normal(0, 30, (24, 30))
    images = [np.repeat(part, 4, axis=0) + random.normal(size=(48, 30)) for part in (marks[:12], marks[12:])]
    who = [np.repeat(names(12, start), 4).tolist() for start in ("p", "q")]
    found = tell_apart(*images, (who[0], who[1]))
    assert found.low < 0.5 < found.high  # type: ignore[operator]


def test_the_same_patients_in_both_sets_cannot_be_told_apart() -> None:
    one, who = features(20, 0), names(20)
    found = tell_apart(one, one, (who, who))
    assert found.auc == 0.5


def test_too_few_patients_give_no_area() -> None:
    many_images = np.repeat(features(9, 0), 10, axis=0)
    found = tell_apart(many_images, features(30, 1), (np.repeat(names(9), 10).tolist(), names(30, "q")))
    assert found.patients == (9, 30)
    assert (found.auc, found.low) == (None, None)


def test_features_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="equally long features"):
        tell_apart(features(12, 0), features(12, 0, length=4), (names(12), names(12)))
    with pytest.raises(UsageError, match="with 11 patients"):
        tell_apart(features(12, 0), features(12, 1), (names(11), names(12)))
    with pytest.raises(UsageError, match="not finite"):
        tell_apart(features(12, 0) * np.nan, features(12, 1), (names(12), names(12)))
