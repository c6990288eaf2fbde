"""Histogram standardisation by landmarks of the training patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from scanfill.data.image import read_image
from scanfill.errors import CaseError, UsageError
from scanfill.transforms import (
    RandStandardizeHistogramd,
    StandardizeHistogramd,
    fit_landmarks,
    standardize_histogram,
)
from scanfill.transforms.histogram import PERCENTILES, landmarks_of
from tiny_cases import case_of, save_case

if TYPE_CHECKING:
    from pathlib import Path

LANDMARKS = np.array([0, 8, 20, 31, 40, 50, 58, 66, 75, 88, 100.0])


def scan(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.gamma(4, 100, (1, 12, 12, 12)).astype(np.float32)
    values[:, :3] = 0
    return values


def test_percentiles_become_the_landmarks_and_zero_stays_zero() -> None:
    before = scan()
    after = standardize_histogram(before, LANDMARKS)
    np.testing.assert_allclose(np.percentile(after[after != 0], PERCENTILES), LANDMARKS, atol=0.2)
    np.testing.assert_array_equal(after == 0, before == 0)
    too_small_for_float32 = standardize_histogram(before, LANDMARKS * 1e-60)
    np.testing.assert_array_equal(too_small_for_float32 == 0, before == 0)


@given(st.floats(0.01, 100))
@settings(deadline=None, max_examples=20)
def test_the_scanner_s_unit_does_not_matter(factor: float) -> None:
    first = standardize_histogram(scan(), LANDMARKS)
    np.testing.assert_allclose(standardize_histogram(scan() * np.float32(factor), LANDMARKS), first, atol=0.05)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_of_intensities_stays(seed: int) -> None:
    before = scan(seed)
    inside = before != 0
    order = np.argsort(before[inside], kind="stable")
    assert (np.diff(standardize_histogram(before, LANDMARKS)[inside][order]) >= -1e-4).all()


def test_landmarks_are_the_mean_of_the_training_cases_and_of_no_other(tmp_path: Path) -> None:
    cases = [case_of(save_case(tmp_path / name)) for name in ("a", "b", "c")]
    fitted = fit_landmarks(cases[:2], ["t2"], read_image)["t2"]
    by_hand = []
    for case in cases[:2]:
        marks = landmarks_of(np.asarray(nib.load(case["t2"]).dataobj, np.float32))
        by_hand.append((marks - marks[0]) / (marks[-1] - marks[0]) * 100)
    np.testing.assert_allclose(fitted, np.mean(by_hand, axis=0), rtol=1e-5)
    assert not np.allclose(fitted, fit_landmarks(cases, ["t2"], read_image)["t2"])


def test_a_case_that_lacks_a_modality_is_passed_over(tmp_path: Path) -> None:
    cases = [case_of(save_case(tmp_path / name)) for name in ("a", "b")]
    del cases[1]["t2"]
    assert fit_landmarks(cases, ["t2"], read_image) == fit_landmarks(cases[:1], ["t2"], read_image)
    with pytest.raises(CaseError, match="None of 1 training cases has t2"):
        fit_landmarks(cases[1:], ["t2"], read_image)


def test_the_random_version_standardises_all_modalities_or_none() -> None:
    case = {"t1": scan(0), "t2": scan(1)}
    landmarks = {"t1": LANDMARKS.tolist(), "t2": LANDMARKS.tolist()}
    draw = RandStandardizeHistogramd(["t1", "t2"], landmarks, prob=0.5).set_random_state(0)
    seen = set()
    for _ in range(20):
        after = draw(case)
        seen.add(tuple(bool((after[key] != case[key]).any()) for key in case))
    assert seen == {(True, True), (False, False)}


def test_affine_and_type_survive() -> None:
    image = MetaTensor(torch.from_numpy(scan()), affine=torch.eye(4) * 2)
    after = StandardizeHistogramd("t1", {"t1": LANDMARKS.tolist()})({"t1": image})["t1"]
    assert isinstance(after, MetaTensor)
    assert torch.equal(after.affine, image.affine)


def test_what_has_no_histogram_is_refused() -> None:
    with pytest.raises(CaseError, match="zero everywhere"):
        standardize_histogram(np.zeros((1, 4, 4)), LANDMARKS)
    with pytest.raises(CaseError, match="too few distinct intensities"):
        standardize_histogram(np.ones((1, 4, 4)), LANDMARKS)
    with pytest.raises(UsageError, match="11 increasing numbers"):
        standardize_histogram(scan(), [1, 0])
    with pytest.raises(UsageError, match="but not t2"):
        StandardizeHistogramd("t2", {"t1": LANDMARKS.tolist()})
